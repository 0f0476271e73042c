// Maps and masks of a reply as OpenCV matrices.
#ifndef BAYESPFL_CLIENT_CPP_PIXEL_MAP_H_
#define BAYESPFL_CLIENT_CPP_PIXEL_MAP_H_

#include <opencv2/core/mat.hpp>

#include "absl/status/statusor.h"
#include "bayespfl/inspection/v1/inspection.pb.h"

namespace bayespfl::client {

// 32-bit float [height, width], values 0..1. INVALID_ARGUMENT for an empty map, damaged bytes, or bytes whose size does
// not fit width and height.
absl::StatusOr<cv::Mat> DecodePixelMap(const inspection::v1::PixelMap& map);

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_PIXEL_MAP_H_
