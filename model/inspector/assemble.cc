#include "model/inspector/assemble.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "base/sha256.h"
#include "model/image/picture_reading.h"
#include "model/image/sample_bits.h"

namespace bayespfl {
namespace {

// By blocks: a loop that may end at every value looks at one at a time, one that does not at as many as a register
// holds.
bool IsFinite(const PixelMap& map) {
  constexpr size_t kBlock = 1024;
  constexpr uint32_t kExponent = 0x7F80'0000;  // all ones: an infinity, or not a number
  absl::Span<const float> left(map.values);
  while (!left.empty()) {
    uint32_t wrong = 0;
    for (const float value : left.first(std::min(kBlock, left.size()))) {
      wrong |= (std::bit_cast<uint32_t>(value) & kExponent) == kExponent ? 1U : 0U;
    }
    if (wrong != 0) return false;
    left.remove_prefix(std::min(kBlock, left.size()));
  }
  return true;
}

absl::Status CheckDetection(const Detection& detection) {
  const bool finite =
      std::isfinite(detection.score) && std::isfinite(detection.score_std) && std::isfinite(detection.map_score);
  if (!finite) return absl::InternalError("the model's score is not a number");
  const PixelMap& map = detection.map;
  const bool has_map = map.width > 0 && map.height > 0 &&
                       map.values.size() == static_cast<size_t>(map.width) * static_cast<size_t>(map.height);
  if (!has_map) return absl::InternalError("the model returned no anomaly map");
  // A pixel that is not a number reaches no threshold: the part would pass for it.
  if (!IsFinite(map)) return absl::InternalError("the model's anomaly map holds what is not a number");
  if (!IsFinite(detection.map_std)) return absl::InternalError("the model's deviation map holds what is not a number");
  return absl::OkStatus();
}

}  // namespace

Frame JudgedFrame(const RgbImage& image, const CategorySetting& setting) {
  return {.image = &image,
          .object = setting.object,
          .seed = setting.seed,
          .samples = setting.samples,
          .map_size = MapSize::kModel};
}

PictureIdentity IdentityOf(absl::Span<const uint8_t> bytes, const std::optional<RawGeometry>& raw,
                           int significant_bits) {
  return {.sha256 = Sha256Hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()}),
          .raw = raw,
          .significant_bits = significant_bits};
}

void NotePicture(const RgbImage& image, Inspection& inspection) {
  inspection.frame_width = image.width;
  inspection.frame_height = image.height;
  if (HasShallowSamples(image)) {
    inspection.warnings.push_back({.reason = kShallowSamples, .message = kShallowSamplesMessage});
  }
}

void NoteOrientation(absl::Span<const uint8_t> encoded, const CategorySetting& setting, Inspection& inspection) {
  const bool applied = inspection.provenance.picture.apply_orientation;
  if (!StandsOtherwise(encoded, applied, setting.apply_orientation)) return;
  inspection.warnings.push_back(
      {.reason = kOtherOrientation, .message = std::string(OtherOrientationMessage(applied))});
}

void NoteModel(const ModelInfo& info, Provenance& provenance) {
  provenance.model_digest = info.digest;
  provenance.computation_digest = info.computation_digest;
  provenance.model_version = info.version;
  provenance.precision = info.precision;
  provenance.kernels = info.kernels;
  provenance.device = info.device;
}

absl::Status NoteDetection(const Detection& detection, const std::string& category, const CategorySetting& setting,
                           const JudgeOptions& options, Inspection& inspection) {
  const absl::Status valid = CheckDetection(detection);
  if (!valid.ok()) return valid;
  inspection.category = category;
  inspection.object = setting.object;
  inspection.score = detection.score;
  inspection.score_std = detection.score_std;
  inspection.map_score = detection.map_score;
  inspection.provenance.seed = detection.seed;
  inspection.provenance.samples = detection.samples;
  Judge(setting, detection.map, options, inspection);
  return absl::OkStatus();
}

}  // namespace bayespfl
