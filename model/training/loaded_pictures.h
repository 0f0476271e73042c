// Labelled data as pictures: a batch's are loaded by several threads, the next one's in the background.
#ifndef BAYESPFL_MODEL_TRAINING_LOADED_PICTURES_H_
#define BAYESPFL_MODEL_TRAINING_LOADED_PICTURES_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/detection/object_reader.h"
#include "model/libtorch.h"
#include "model/training/labelled_data.h"
#include "model/training/picture_loader.h"
#include "model/training/training_batch.h"

namespace bayespfl {

struct LoadingOptions {
  int64_t image_size = 0;  // S
  torch::Device device = torch::kCPU;
  int loading_threads = 1;  // that call TrainingData::Get() at a time
};

class LoadedPictures final : public LabelledData {
 public:
  // Borrows all.
  LoadedPictures(const TrainingData& data, const ObjectReader& objects, const LoadingOptions& options)
      : data_(data),
        objects_(objects),
        device_(options.device),
        loader_(data, options.image_size, options.loading_threads) {}

  int64_t size() const override { return data_.size(); }
  // With images and without features. InvalidArgument: an object that ObjectReader refuses. Else as
  // PictureLoader::Load(). Throws c10::Error when the device fails.
  absl::StatusOr<LabelledBatch> Get(absl::Span<const int64_t> indices, uint64_t epoch) override;
  // Its pictures are loaded in the background.
  void Announce(absl::Span<const int64_t> indices, uint64_t epoch) override { loader_.Announce(indices, epoch); }

 private:
  const TrainingData& data_;
  const ObjectReader& objects_;
  const torch::Device device_;
  PictureLoader loader_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_LOADED_PICTURES_H_
