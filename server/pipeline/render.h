// From a detection to what the client asked for: mask, mask area, encoded maps.
#ifndef BAYESPFL_SERVER_PIPELINE_RENDER_H_
#define BAYESPFL_SERVER_PIPELINE_RENDER_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/detection/detector.h"
#include "server/pipeline/frame.h"

namespace bayespfl::server {

// A binary picture, row-major [height, width], 0 or 255.
struct Mask {
  int width = 0;
  int height = 0;
  std::vector<uint8_t> pixels;
  uint64_t area = 0;  // pixels that are 255
};

// 255 where map >= threshold. Thread-safe.
Mask ThresholdMap(const bayespfl::PixelMap& map, float threshold);

// InvalidArgument: encoding kNone or an empty map. Internal: the PNG encoder failed. Thread-safe.
absl::StatusOr<EncodedMap> EncodeMap(const bayespfl::PixelMap& map, MapEncoding encoding);
// The same; `encoding` is kPng8 or kUint8, InvalidArgument otherwise.
absl::StatusOr<EncodedMap> EncodeMask(const Mask& mask, MapEncoding encoding);

// Fills scores, mask area and the asked-for maps of `outcome`, which has the frame's size; the caller fills timing and
// model fields. The detection's maps have the size that the options ask for; when they ask for no map, any size will
// do: the mask's area is then counted as if the map had been resized. `default_threshold` is used when the options
// carry none. Internal: the detection holds a value that is not a number, or lacks a map that was asked for.
// Thread-safe.
absl::Status Render(const Detection& detection, const FrameOptions& options, float default_threshold,
                    InspectionOutcome& outcome);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_RENDER_H_
