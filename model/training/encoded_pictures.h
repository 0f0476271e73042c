// Labelled data whose features the frozen tower computes, batch by batch.
#ifndef BAYESPFL_MODEL_TRAINING_ENCODED_PICTURES_H_
#define BAYESPFL_MODEL_TRAINING_ENCODED_PICTURES_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/detection/object_reader.h"
#include "model/network/vision_transformer.h"
#include "model/training/labelled_data.h"
#include "model/training/loaded_pictures.h"
#include "model/training/training_batch.h"

namespace bayespfl {

class EncodedPictures final : public LabelledData {
 public:
  // Borrows all but the tower, whose weights are shared.
  EncodedPictures(const TrainingData& data, VisionTransformer tower, const ObjectReader& objects,
                  const LoadingOptions& options);

  int64_t size() const override { return loaded_.size(); }
  // With features and without images. Errors and exceptions as LoadedPictures::Get().
  absl::StatusOr<LabelledBatch> Get(absl::Span<const int64_t> indices, uint64_t epoch) override;
  void Announce(absl::Span<const int64_t> indices, uint64_t epoch) override { loaded_.Announce(indices, epoch); }

 private:
  LoadedPictures loaded_;
  const VisionTransformer tower_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_ENCODED_PICTURES_H_
