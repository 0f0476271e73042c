#include "model/training/picture_loader.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"

namespace bayespfl {

absl::Status AboutPicture(int64_t index, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat("picture ", index, ": ", status.message()));
}

PictureLoader::Loading PictureLoader::Start(absl::Span<const int64_t> indices, uint64_t epoch) const {
  Loading loading = {.indices = {indices.begin(), indices.end()}, .epoch = epoch};
  const size_t threads = std::clamp<size_t>(indices.size(), 1, static_cast<size_t>(threads_));
  for (size_t first = 0; first < threads; ++first) {
    loading.parts.push_back(std::async(std::launch::async, [this, first, threads, epoch, all = loading.indices] {
      Pictures pictures;
      for (size_t i = first; i < all.size(); i += threads) pictures.push_back(data_.Get(all[i], epoch));
      return pictures;
    }));
  }
  return loading;
}

absl::Status PictureLoader::Check(const TrainingPicture& picture) const {
  if (picture.image.sizes() == torch::IntArrayRef({3, side_, side_}) &&
      picture.mask.sizes() == torch::IntArrayRef({side_, side_})) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("picture and mask must be ", side_, " x ", side_, " pixels"));
}

absl::StatusOr<std::vector<TrainingPicture>> PictureLoader::Load(absl::Span<const int64_t> indices, uint64_t epoch) {
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

}  // namespace bayespfl
