#include "model/training/loaded_pictures.h"

#include <cstddef>
#include <utility>
#include <vector>

namespace bayespfl {

absl::StatusOr<LabelledBatch> LoadedPictures::Get(absl::Span<const int64_t> indices, uint64_t epoch) {
  absl::StatusOr<std::vector<TrainingPicture>> pictures = loader_.Load(indices, epoch);
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
    batch.categories.push_back(std::move(picture.category));
    images.push_back(std::move(picture.image));
    masks.push_back(std::move(picture.mask));
    labels.push_back(picture.anomalous ? 1 : 0);
  }
  batch.images = torch::stack(images).to(device_);
  batch.positive = torch::stack(masks).to(device_) > 0.5;
  batch.labels = torch::tensor(labels, torch::kInt64).to(device_);
  return batch;
}

}  // namespace bayespfl
