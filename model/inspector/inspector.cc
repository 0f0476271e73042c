#include "model/inspector/inspector.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "model/detection/stop_watch.h"
#include "model/image/decode.h"
#include "model/image/picture_reading.h"
#include "model/inspector/assemble.h"
#include "model/package/calibration.h"
#include "model/verdict/result_id.h"

namespace bayespfl {
namespace {

absl::StatusOr<RgbImage> Decode(const PictureBytes& picture) {
  std::optional<int> significant_bits;
  if (picture.significant_bits != 0) significant_bits = picture.significant_bits;
  if (!picture.raw.has_value()) {
    return ReadPicture(picture.bytes,
                       {.significant_bits = significant_bits, .apply_orientation = picture.apply_orientation});
  }
  const RawGeometry& raw = *picture.raw;
  const std::optional<PixelFormat> format = PixelFormatFromPfncValue(raw.pfnc_pixel_format);
  if (!format.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("0x%08X is no pixel format that is known", raw.pfnc_pixel_format));
  }
  return ConvertRawImage({.data = picture.bytes,
                          .width = raw.width,
                          .height = raw.height,
                          .stride = raw.stride,
                          .format = *format,
                          .max_trailing_bytes = raw.max_trailing_bytes},
                         {}, significant_bits);
}

std::vector<StageTiming> TimingsOf(double decode, const StageSeconds& model, double render, double total) {
  return {{"decode", decode},       {"preprocess", model.preprocess},
          {"vision", model.vision}, {"prompts", model.prompts},
          {"detect", model.detect}, {"postprocess", model.postprocess},
          {"render", render},       {"total", total}};
}

}  // namespace

absl::StatusOr<std::unique_ptr<Inspector>> Inspector::Create(const std::string& package_dir,
                                                             const DetectorOptions& options,
                                                             std::string program_version) {
  absl::StatusOr<std::unique_ptr<Detector>> detector = Detector::Create(package_dir, options);
  if (!detector.ok()) return detector.status();
  return std::make_unique<Inspector>(*std::move(detector), std::move(program_version));
}

Inspector::Inspector(std::unique_ptr<const Detector> detector, std::string program_version)
    : detector_(std::move(detector)),
      categories_(MakeCategoryTable(info().default_thresholds, info().categories)),
      program_version_(std::move(program_version)) {}

absl::Status Inspector::Validate(const CategoryRequest& category) const {
  const CategorySetting setting = categories_.Resolve(category);
  return detector_->Validate(setting.object, setting.samples);
}

absl::StatusOr<InspectedPicture> Inspector::Inspect(const PictureBytes& picture, const CategoryRequest& category,
                                                    const JudgeOptions& options) const {
  StopWatch whole;
  StopWatch stage;
  absl::StatusOr<RgbImage> image = Decode(picture);
  if (!image.ok()) return image.status();
  const double decode = stage.Lap();

  InspectedPicture result;
  Inspection& inspection = result.inspection;
  NotePicture(*image, inspection);
  const CategorySetting setting = categories_.Resolve(category);
  inspection.provenance.picture = IdentityOf(picture.bytes, picture.raw, picture.significant_bits);
  inspection.provenance.picture.apply_orientation = picture.apply_orientation;
  if (!picture.raw.has_value()) NoteOrientation(picture.bytes, setting, inspection);
  absl::StatusOr<Detection> detection = Detect(*image, setting, result.raw_map);
  if (!detection.ok()) return detection.status();

  stage.Lap();
  const absl::Status noted = NoteDetection(*detection, category.category, setting, options, inspection);
  if (!noted.ok()) return noted;
  const double render = stage.Lap();
  NoteOrigin(inspection.provenance);
  inspection.timings = TimingsOf(decode, detection->seconds, render, whole.Lap());
  result.picture = *std::move(image);
  result.map = std::move(detection->map);
  return result;
}

// The server's three steps, on a batch of one.
absl::StatusOr<Detection> Inspector::Detect(const RgbImage& image, const CategorySetting& setting,
                                            PixelMap& raw_map) const {
  const auto prepared = detector_->Prepare(JudgedFrame(image, setting));
  if (!prepared.ok()) return prepared.status();
  const PreparedFrame* const batch[] = {prepared->get()};
  absl::StatusOr<ComputedFrame> computed = std::move(detector_->Compute(batch).front());
  if (!computed.ok()) return computed.status();
  raw_map = computed->map;
  return detector_->Finish(*std::move(computed));
}

void Inspector::NoteOrigin(Provenance& provenance) const {
  NoteModel(info(), provenance);
  provenance.result_id = NewResultId(absl::Now());
  provenance.model = info().name;
  provenance.server_version = program_version_;
  provenance.ran_alone = true;
}

}  // namespace bayespfl
