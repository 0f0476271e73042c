#include "model/evaluation/gallery.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "model/detection/pixel_map.h"
#include "model/evaluation/ground_truth.h"
#include "model/image/encode.h"
#include "model/overlay/thumbnail.h"

namespace bayespfl {
namespace {

constexpr int kJpegQuality = 85;

enum class Order { kHighestFirst, kLowestFirst };

// Indices of a category's pictures of one class, the first kStripPictures of an order.
std::vector<size_t> Pick(const Evaluation& evaluation, const std::string& category, bool anomalous, Order order) {
  std::vector<size_t> indices;
  for (size_t i = 0; i < evaluation.pictures.size(); ++i) {
    const PictureResult& picture = evaluation.pictures[i];
    if (picture.counts() && picture.item.category == category && picture.item.anomalous == anomalous) {
      indices.push_back(i);
    }
  }
  std::stable_sort(indices.begin(), indices.end(), [&](size_t a, size_t b) {
    const double first = evaluation.pictures[a].image_score;
    const double second = evaluation.pictures[b].image_score;
    return order == Order::kHighestFirst ? first > second : first < second;
  });
  indices.resize(std::min(indices.size(), kStripPictures));
  return indices;
}

absl::StatusOr<std::string> DrawPicture(const Evaluation& evaluation, const CategoryResult& category,
                                        const Dataset& dataset, const RunState& state, size_t index) {
  const absl::StatusOr<ItemFiles> files = ReadItem(dataset, evaluation.pictures[index].item);
  if (!files.ok()) return files.status();
  const absl::StatusOr<RgbImage> picture = DecodeBytes(files->picture, evaluation.setting.reading);
  if (!picture.ok()) return picture.status();
  const absl::StatusOr<PixelMap> raw = state.LoadMap(static_cast<int64_t>(index));
  if (!raw.ok()) return raw.status();
  absl::StatusOr<GroundTruth> truth = GroundTruth();
  if (!files->masks.empty()) truth = ItemGroundTruth(*files, raw->width, evaluation.setting.reading);
  if (!truth.ok()) return truth.status();
  const bool flat = !(category.map_high > category.map_low);
  const absl::StatusOr<RgbImage> thumbnail =
      DrawThumbnail(*picture, SmoothMap(*raw, evaluation.setting.model.map_smoothing_sigma),
                    {.width = raw->width, .height = raw->height, .values = truth->values},
                    {.low = flat ? 0.0F : category.map_low, .high = flat ? 1.0F : category.map_high});
  if (!thumbnail.ok()) return thumbnail.status();
  return EncodeJpeg(*thumbnail, kJpegQuality);
}

}  // namespace

absl::StatusOr<std::vector<Gallery>> MakeGalleries(const Evaluation& evaluation, const Dataset& dataset,
                                                   const RunState& state) {
  struct Wish {
    const char* title;
    bool anomalous;
    Order order;
  };
  constexpr Wish kWishes[] = {{"Normal pictures with the highest image scores", false, Order::kHighestFirst},
                              {"Anomalous pictures with the lowest image scores", true, Order::kLowestFirst},
                              {"Anomalous pictures with the highest image scores", true, Order::kHighestFirst}};
  std::vector<Gallery> galleries;
  for (const CategoryResult& category : evaluation.categories) {
    Gallery& gallery = galleries.emplace_back();
    for (const Wish& wish : kWishes) {
      GalleryStrip strip{.title = wish.title, .pictures = {}};
      for (const size_t index : Pick(evaluation, category.name, wish.anomalous, wish.order)) {
        absl::StatusOr<std::string> jpeg = DrawPicture(evaluation, category, dataset, state, index);
        if (!jpeg.ok()) return jpeg.status();
        strip.pictures.push_back({.index = index, .jpeg = *std::move(jpeg)});
      }
      if (!strip.pictures.empty()) gallery.strips.push_back(std::move(strip));
    }
  }
  return galleries;
}

}  // namespace bayespfl
