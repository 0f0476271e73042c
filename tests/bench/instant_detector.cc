#include "tests/bench/instant_detector.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "model/package/calibration.h"

namespace bayespfl {
namespace {

constexpr float kScore = 0.25F;
constexpr float kBackground = 0.1F;
constexpr float kDefect = 0.9F;

class InstantFrame final : public PreparedFrame {
 public:
  explicit InstantFrame(const FrameSettings& settings) : settings_(settings) {}

  [[nodiscard]] size_t bytes() const override { return sizeof(*this); }
  const FrameSettings& settings() const { return settings_; }

 private:
  const FrameSettings settings_;
};

CategoryCalibration Calibrated() {
  CategoryCalibration calibration;
  calibration.defaults = {
      .object = "metal nut",
      .seed = 7,
      .samples = 10,
      .thresholds = {.source = ThresholdSource::kCategory,
                     .mask = 0.5F,
                     .lines = {{.rule = DecisionRule::kScore, .review = 0.5F, .fail = 0.75F},
                               {.rule = DecisionRule::kRegionArea, .review = 0.001F, .fail = 0.005F}}},
      .ranges = std::nullopt};
  calibration.provenance.good_pictures = 100;
  Revise(calibration);
  return calibration;
}

PixelMap MapWithADefect(int side) {
  PixelMap map{.width = side, .height = side, .values = {}};
  const auto width = static_cast<size_t>(side);
  map.values.assign(width * width, kBackground);
  const auto first = map.values.begin();
  for (size_t y = 0; y < width / 10; ++y) {
    std::fill_n(first + static_cast<std::ptrdiff_t>(y * width), side / 10, kDefect);
  }
  return map;
}

}  // namespace

InstantDetector::InstantDetector(int map_side) : map_(MapWithADefect(map_side)) {
  info_.name = "instant";
  info_.version = "1.0+0123456789ab";
  info_.digest = "0123456789ab";
  info_.computation_digest = "0123456789ab";
  info_.device = "cpu";
  info_.image_size = map_side;
  info_.default_samples = 10;
  info_.kind = "instant";
  info_.precision = "fp32";
  info_.kernels = "none";
  info_.iad_sampling = "request";
  info_.default_thresholds = {.source = ThresholdSource::kPackage, .mask = 0.5F};
  info_.categories[kInstantCategory] = Calibrated();
}

absl::StatusOr<std::unique_ptr<const PreparedFrame>> InstantDetector::Prepare(const Frame& frame) const {
  return std::make_unique<InstantFrame>(
      FrameSettings{.width = frame.image->width,
                    .height = frame.image->height,
                    .seed = frame.seed,
                    .samples = frame.samples == 0 ? info_.default_samples : frame.samples,
                    .map_size = frame.map_size,
                    .map_deviation = frame.map_deviation,
                    .smooth = frame.smooth});
}

std::vector<absl::StatusOr<ComputedFrame>> InstantDetector::Compute(
    absl::Span<const PreparedFrame* const> frames) const {
  std::vector<absl::StatusOr<ComputedFrame>> results;
  results.reserve(frames.size());
  for (const PreparedFrame* frame : frames) {
    ComputedFrame computed;
    computed.settings = static_cast<const InstantFrame*>(frame)->settings();
    computed.score = kScore;
    computed.map = map_;
    if (computed.settings.map_deviation) computed.map_std = map_;
    results.emplace_back(std::move(computed));
  }
  return results;
}

Detection InstantDetector::Finish(ComputedFrame frame) const {
  Detection detection;
  detection.score = frame.score;
  detection.map_score = kDefect;
  detection.seed = frame.settings.seed;
  detection.samples = frame.settings.samples;
  detection.map = std::move(frame.map);
  detection.map_std = std::move(frame.map_std);
  return detection;
}

absl::Status InstantDetector::Validate(absl::string_view /*object*/, int /*samples*/) const { return absl::OkStatus(); }

}  // namespace bayespfl
