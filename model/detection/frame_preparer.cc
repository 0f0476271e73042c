#include "model/detection/frame_preparer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "model/clip/preprocess.h"
#include "model/detection/stop_watch.h"

namespace bayespfl {
namespace {

absl::Status CheckPicture(const RgbImage* image) {
  if (image == nullptr || image->empty()) return absl::InvalidArgumentError("frame has no picture");
  if (image->pixels.size() == 3 * image->pixel_count()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("picture of ", image->width, "x", image->height, " has ", image->pixels.size(), " bytes"));
}

absl::Status CheckSamples(int samples) {
  if (samples >= 0 && samples <= kMaxSamples) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("samples is ", samples, "; it must be in 1..", kMaxSamples));
}

}  // namespace

FramePreparer::FramePreparer(ModelConfig config, ObjectReader reader)
    : config_(std::move(config)), reader_(std::move(reader)) {}

absl::StatusOr<std::unique_ptr<const BayesPflFrame>> FramePreparer::Prepare(const Frame& frame) const {
  StopWatch watch;
  if (absl::Status wrong = CheckPicture(frame.image); !wrong.ok()) return wrong;
  if (absl::Status wrong = CheckSamples(frame.samples); !wrong.ok()) return wrong;
  absl::StatusOr<std::vector<int32_t>> token_ids = reader_.Read(frame.object);
  if (!token_ids.ok()) return token_ids.status();
  auto prepared = std::make_unique<BayesPflFrame>();
  prepared->settings = {.width = frame.image->width,
                        .height = frame.image->height,
                        .seed = frame.seed,
                        .samples = frame.samples == 0 ? config_.samples : frame.samples,
                        .map_size = frame.map_size,
                        .map_deviation = frame.map_deviation && frame.map_size != MapSize::kNone,
                        .smooth = frame.smooth};
  prepared->token_ids = *std::move(token_ids);
  prepared->input = Preprocess(*frame.image, config_);
  prepared->seconds = watch.Lap();
  return prepared;
}

absl::Status FramePreparer::Validate(absl::string_view object, int samples) const {
  if (absl::Status wrong = CheckSamples(samples); !wrong.ok()) return wrong;
  return reader_.Read(object).status();
}

}  // namespace bayespfl
