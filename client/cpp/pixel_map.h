// Maps and masks of a reply as plain values.
#ifndef BAYESPFL_CLIENT_CPP_PIXEL_MAP_H_
#define BAYESPFL_CLIENT_CPP_PIXEL_MAP_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "bayespfl/inspection/v1/inspection.pb.h"
#include "model/detection/pixel_map.h"

namespace bayespfl::client {

// The map's values, 0..1 in the two PNG encodings. INVALID_ARGUMENT for an empty map, damaged bytes, or bytes whose
// size does not fit width and height.
absl::StatusOr<bayespfl::PixelMap> DecodePixelMap(const inspection::v1::PixelMap& map);

// A mask's values.
struct MaskPixels {
  int width = 0;
  int height = 0;
  std::vector<uint8_t> values;  // row-major [height, width], not 0 inside
};

// INVALID_ARGUMENT: an encoding that is not known here, or as above.
absl::StatusOr<MaskPixels> DecodeMask(const inspection::v1::Mask& mask);

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_PIXEL_MAP_H_
