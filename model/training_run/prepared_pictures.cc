#include "model/training_run/prepared_pictures.h"

#include <memory>
#include <utility>
#include <vector>

namespace bayespfl {
namespace {

// A tensor that keeps the values.
torch::Tensor Owning(std::vector<float> values, torch::IntArrayRef sizes) {
  auto kept = std::make_shared<std::vector<float>>(std::move(values));
  return torch::from_blob(kept->data(), sizes, [kept](void*) {});
}

}  // namespace

absl::StatusOr<TrainingPicture> PreparedPictures::Get(int64_t index, uint64_t epoch) const {
  absl::StatusOr<PreparedPicture> picture = pictures_.Get(index, epoch);
  if (!picture.ok()) return picture.status();
  return TrainingPicture{.image = Owning(std::move(picture->image), {3, image_size_, image_size_}),
                         .mask = Owning(std::move(picture->mask), {image_size_, image_size_}),
                         .anomalous = picture->anomalous,
                         .object = std::move(picture->object),
                         .category = std::move(picture->category)};
}

}  // namespace bayespfl
