#include "model/training_run/report_pictures.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/strings/str_format.h"
#include "model/detection/detector.h"
#include "model/image/encode.h"
#include "model/overlay/thumbnail.h"

namespace bayespfl {
namespace {

constexpr int kJpegQuality = 85;

struct Seen {
  LabelledPicture labelled;
  Detection detection;
  std::string caption;
};

absl::StatusOr<Seen> See(const Detector& detector, const TrainingSet& set, const TrainingItem& item) {
  absl::StatusOr<LabelledPicture> labelled = LoadPicture(set, item);
  if (!labelled.ok()) return labelled.status();
  const Frame frame = {.image = &labelled->picture, .object = item.item.category, .map_size = MapSize::kModel};
  absl::StatusOr<Detection> detection = std::move(detector.Detect({frame}).front());
  if (!detection.ok()) return detection.status();
  std::string caption =
      absl::StrFormat("%s, %s: score %.3f, map score %.3f", item.item.image,
                      item.item.anomalous ? "anomalous" : "normal", detection->score, detection->map_score);
  return Seen{*std::move(labelled), *std::move(detection), std::move(caption)};
}

}  // namespace

absl::StatusOr<std::vector<ReportPicture>> DrawReportPictures(const std::string& package, const TrainingSet& set,
                                                              int count, const std::string& device) {
  const auto detector = Detector::Create(package, {.device = device});
  if (!detector.ok()) return detector.status();
  const size_t wanted = std::min(set.items.size(), static_cast<size_t>(count));
  std::vector<Seen> seen;
  float low = 1;
  float high = 0;
  for (size_t i = 0; i < wanted; ++i) {
    absl::StatusOr<Seen> one = See(**detector, set, set.items[i * set.items.size() / wanted]);
    if (!one.ok()) return one.status();
    const auto [least, most] = std::minmax_element(one->detection.map.values.begin(), one->detection.map.values.end());
    low = std::min(low, *least);
    high = std::max(high, *most);
    seen.push_back(*std::move(one));
  }
  if (!(high > low)) {
    low = 0;
    high = 1;
  }
  std::vector<ReportPicture> pictures;
  for (const Seen& one : seen) {
    const RgbImage& picture = one.labelled.picture;
    const absl::StatusOr<RgbImage> thumbnail = DrawThumbnail(
        picture, one.detection.map, {.width = picture.width, .height = picture.height, .values = one.labelled.mask},
        {.low = low, .high = high});
    if (!thumbnail.ok()) return thumbnail.status();
    absl::StatusOr<std::string> jpeg = EncodeJpeg(*thumbnail, kJpegQuality);
    if (!jpeg.ok()) return jpeg.status();
    pictures.push_back({.caption = one.caption, .jpeg = *std::move(jpeg)});
  }
  return pictures;
}

}  // namespace bayespfl
