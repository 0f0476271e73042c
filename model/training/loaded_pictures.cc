#include "model/training/loaded_pictures.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"

namespace bayespfl {
namespace {

absl::Status AboutPicture(int64_t index, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat("picture ", index, ": ", status.message()));
}

}  // namespace

LoadedPictures::Loading LoadedPictures::Start(absl::Span<const int64_t> indices, uint64_t epoch) const {
  Loading loading = {.indices = {indices.begin(), indices.end()}, .epoch = epoch, .parts = {}};
  const size_t threads = std::clamp<size_t>(indices.size(), 1, static_cast<size_t>(options_.loading_threads));
  for (size_t first = 0; first < threads; ++first) {
    loading.parts.push_back(std::async(std::launch::async, [this, first, threads, epoch, all = loading.indices] {
      Pictures pictures;
      for (size_t i = first; i < all.size(); i += threads) pictures.push_back(data_.Get(all[i], epoch));
      return pictures;
    }));
  }
  return loading;
}

void LoadedPictures::Announce(absl::Span<const int64_t> indices, uint64_t epoch) { announced_ = Start(indices, epoch); }

absl::Status LoadedPictures::Check(const TrainingPicture& picture) const {
  const int64_t side = options_.image_size;
  if (picture.image.sizes() == torch::IntArrayRef({3, side, side}) &&
      picture.mask.sizes() == torch::IntArrayRef({side, side})) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("picture and mask must be ", side, " x ", side, " pixels"));
}

absl::StatusOr<std::vector<TrainingPicture>> LoadedPictures::Load(absl::Span<const int64_t> indices, uint64_t epoch) {
  const bool announced = announced_.epoch == epoch && absl::MakeConstSpan(announced_.indices) == indices;
  Loading loading = announced ? std::move(announced_) : Start(indices, epoch);
  if (announced) announced_ = {};
  std::vector<Pictures> parts;
  for (std::future<Pictures>& part : loading.parts) parts.push_back(part.get());
  std::vector<TrainingPicture> pictures;
  for (size_t i = 0; i < indices.size(); ++i) {
    absl::StatusOr<TrainingPicture>& picture = parts[i % parts.size()][i / parts.size()];
    absl::Status status = picture.ok() ? Check(*picture) : picture.status();
    if (!status.ok()) return AboutPicture(indices[i], status);
    pictures.push_back(*std::move(picture));
  }
  return pictures;
}

absl::StatusOr<LabelledBatch> LoadedPictures::Get(absl::Span<const int64_t> indices, uint64_t epoch) {
  absl::StatusOr<std::vector<TrainingPicture>> pictures = Load(indices, epoch);
  if (!pictures.ok()) return pictures.status();
  LabelledBatch batch;
  std::vector<torch::Tensor> images;
  std::vector<torch::Tensor> masks;
  std::vector<int64_t> labels;
  for (size_t i = 0; i < pictures->size(); ++i) {
    TrainingPicture& picture = (*pictures)[i];
    absl::StatusOr<std::vector<int32_t>> ids = objects_.Read(picture.object);
    if (!ids.ok()) return AboutPicture(indices[i], ids.status());
    batch.token_ids.push_back(*std::move(ids));
    batch.objects.push_back(std::move(picture.object));
    images.push_back(std::move(picture.image));
    masks.push_back(std::move(picture.mask));
    labels.push_back(picture.anomalous ? 1 : 0);
  }
  batch.images = torch::stack(images).to(options_.device);
  batch.positive = torch::stack(masks).to(options_.device) > 0.5;
  batch.labels = torch::tensor(labels, torch::kInt64).to(options_.device);
  return batch;
}

}  // namespace bayespfl
