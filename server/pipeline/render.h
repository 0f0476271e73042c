// From the model's numbers to what the client asked for: the verdict, masks, encoded maps.
#ifndef BAYESPFL_SERVER_PIPELINE_RENDER_H_
#define BAYESPFL_SERVER_PIPELINE_RENDER_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/detection/detector.h"
#include "model/detection/pixel_map.h"
#include "model/image/image.h"
#include "server/pipeline/frame.h"

namespace bayespfl::server {

// Internal: the encoder failed. Requires a map that is not empty, and an encoding that is not kNone. Thread-safe.
absl::StatusOr<EncodedMap> EncodeMap(const bayespfl::PixelMap& map, MapEncoding encoding);

// Where the map reaches the threshold; as EncodeMap().
absl::StatusOr<EncodedMask> EncodeMask(const bayespfl::PixelMap& map, float threshold, MaskEncoding encoding);

// The picture as it was inspected; as EncodeMap(). InvalidArgument: it is too large for its encoding.
absl::StatusOr<EncodedPicture> EncodePicture(const RgbImage& image, PictureEncoding encoding);

// Fills in what the model's numbers say: scores, the verdict and what it rests on, and the asked-for maps. The
// detection's maps have the model's size. Requires outcome.inspection to have the frame's size. Internal: the detection
// holds a value that is not a number, or lacks a map. Thread-safe.
absl::Status Render(const Detection& detection, const CategorySetting& setting, const FrameOptions& options,
                    InspectionOutcome& outcome);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_RENDER_H_
