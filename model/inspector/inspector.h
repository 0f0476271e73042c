// One picture after the other, without a server, to the answer that a server gives to a frame that runs alone.
//
//   auto inspector = Inspector::Create("assets/demo/model", {}, program_version);
//   if (!inspector.ok()) return inspector.status();
//   auto answer = (*inspector)->Inspect({.bytes = file}, {.category = "leather"}, {});
//   if (answer.ok()) std::cout << VerdictName(answer->inspection.decision.verdict);
#ifndef BAYESPFL_MODEL_INSPECTOR_INSPECTOR_H_
#define BAYESPFL_MODEL_INSPECTOR_INSPECTOR_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/detection/detector.h"
#include "model/detection/pixel_map.h"
#include "model/image/image.h"
#include "model/verdict/categories.h"
#include "model/verdict/inspection.h"

namespace bayespfl {

// A picture's bytes and what they mean.
struct PictureBytes {
  absl::Span<const uint8_t> bytes;                // borrowed for the call
  std::optional<RawGeometry> raw = std::nullopt;  // absent: an encoded picture
  int significant_bits = 0;                       // 9..16; 0: not said
  bool apply_orientation = false;                 // turn an encoded picture upright as its EXIF data says
};

struct InspectedPicture {
  Inspection inspection;  // complete; the timings have the server's names: decode .. postprocess, render (the verdict's
                          // part alone), total
  RgbImage picture;       // as it was inspected
  PixelMap map;           // at model size, smoothed: what was judged
  PixelMap raw_map;       // at model size, unsmoothed, as the paper's code returns it
};

// A detector with the categories of its package. Immutable; safe from many threads, which then share the device.
class Inspector {
 public:
  // Errors as Detector::Create(). `program_version` is what provenance says of the program.
  static absl::StatusOr<std::unique_ptr<Inspector>> Create(const std::string& package_dir,
                                                           const DetectorOptions& options, std::string program_version);
  Inspector(std::unique_ptr<const Detector> detector, std::string program_version);

  // What Inspect() would say of the request without a picture. InvalidArgument as Detector::Validate().
  absl::Status Validate(const CategoryRequest& category) const;

  // InvalidArgument: the picture as DecodeImage() and ConvertRawImage() say, or the request as Validate(). Internal:
  // the device failed, or the model's answer is not finite.
  absl::StatusOr<InspectedPicture> Inspect(const PictureBytes& picture, const CategoryRequest& category,
                                           const JudgeOptions& options) const;

  const ModelInfo& info() const { return detector_->info(); }
  const CategoryTable& categories() const { return categories_; }

 private:
  absl::StatusOr<Detection> Detect(const RgbImage& image, const CategorySetting& setting, PixelMap& raw_map) const;
  void NoteOrigin(Provenance& provenance) const;

  const std::unique_ptr<const Detector> detector_;
  const CategoryTable categories_;
  const std::string program_version_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_INSPECTOR_INSPECTOR_H_
