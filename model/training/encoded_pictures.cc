#include "model/training/encoded_pictures.h"

#include <utility>

namespace bayespfl {

EncodedPictures::EncodedPictures(const TrainingData& data, VisionTransformer tower, const ObjectReader& objects,
                                 const LoadingOptions& options)
    : loaded_(data, objects, options), tower_(std::move(tower)) {}

absl::StatusOr<LabelledBatch> EncodedPictures::Get(absl::Span<const int64_t> indices, uint64_t epoch) {
  absl::StatusOr<LabelledBatch> batch = loaded_.Get(indices, epoch);
  if (!batch.ok()) return batch.status();
  // Not InferenceMode: what comes of the features is differentiated.
  const torch::NoGradGuard no_grad;
  batch->features = tower_.Encode(batch->images);
  batch->images = torch::Tensor();
  return batch;
}

}  // namespace bayespfl
