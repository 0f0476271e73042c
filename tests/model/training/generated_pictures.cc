#include "tests/model/training/generated_pictures.h"

#include <cstddef>

#include "model/libtorch.h"

namespace bayespfl::testing {

absl::StatusOr<TrainingPicture> GeneratedPictures::Get(int64_t index, uint64_t epoch) const {
  const uint64_t seed = epoch * 1'000'003 + static_cast<uint64_t>(index);
  const at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  TrainingPicture picture;
  picture.image = 0.3 * torch::randn({3, side_, side_}, generator) + 0.1 * static_cast<double>(index % 3);
  picture.mask = torch::zeros({side_, side_});
  picture.anomalous = index % 2 == 1;
  picture.object = objects_[static_cast<size_t>(index / 2) % objects_.size()];
  picture.category = picture.object;
  if (!picture.anomalous) return picture;
  const int64_t corner = 5 * (1 + index / 2 % 4);
  const int64_t end = corner + side_ / 3;
  picture.image.slice(1, corner, end).slice(2, corner, end).add_(2);
  picture.mask.slice(0, corner, end).slice(1, corner, end).fill_(1);
  return picture;
}

}  // namespace bayespfl::testing
