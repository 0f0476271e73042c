#include "model/detection/bayespfl_frames.h"

#include <utility>

#include "model/detection/finish.h"

namespace bayespfl {

BayesPflFrames::BayesPflFrames(FramePreparer preparer, ModelInfo info)
    : preparer_(std::move(preparer)), info_(std::move(info)) {}

absl::StatusOr<std::unique_ptr<const PreparedFrame>> BayesPflFrames::Prepare(const Frame& frame) const {
  return preparer_.Prepare(frame);
}

Detection BayesPflFrames::Finish(ComputedFrame frame) const {
  return FinishFrame(std::move(frame), info_.map_smoothing_sigma);
}

absl::Status BayesPflFrames::Validate(absl::string_view object, int samples) const {
  return preparer_.Validate(object, samples);
}

}  // namespace bayespfl
