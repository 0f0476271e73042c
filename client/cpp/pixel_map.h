// Maps and masks of a reply as plain values.
#ifndef BAYESPFL_CLIENT_CPP_PIXEL_MAP_H_
#define BAYESPFL_CLIENT_CPP_PIXEL_MAP_H_

#include "absl/status/statusor.h"
#include "bayespfl/inspection/v1/inspection.pb.h"
#include "model/detection/pixel_map.h"

namespace bayespfl::client {

// The map's values, 0..1 in the two PNG encodings (a mask's are 0 and 1). INVALID_ARGUMENT for an empty map, damaged
// bytes, or bytes whose size does not fit width and height.
absl::StatusOr<bayespfl::PixelMap> DecodePixelMap(const inspection::v1::PixelMap& map);

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_PIXEL_MAP_H_
