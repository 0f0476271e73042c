// Labelled data whose features come from a cache on disk, and are computed and put there when they are not in it.
#ifndef BAYESPFL_MODEL_TRAINING_RUN_CACHED_PICTURES_H_
#define BAYESPFL_MODEL_TRAINING_RUN_CACHED_PICTURES_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/detection/object_reader.h"
#include "model/libtorch.h"
#include "model/network/vision_transformer.h"
#include "model/training/labelled_data.h"
#include "model/training/picture_loader.h"
#include "model/training/training_batch.h"
#include "model/training_data/feature_cache.h"
#include "model/training_data/training_pictures.h"

namespace bayespfl {

struct CachedPicturesOptions {
  int64_t image_size = 0;                 // S
  FeatureType type = FeatureType::kFp16;  // the cache's
  torch::Device device = torch::kCPU;
  int loading_threads = 1;  // that read pictures which are not in the cache
};

// What it counts, for reports.
struct CacheUse {
  int64_t found = 0;
  int64_t computed = 0;
};

// A picture's features are the same bits whether they were found or computed just now: they are computed one picture at
// a time, since a matrix product's sums may depend on how many there are, and go through the cache's type in any case.
class CachedPictures final : public LabelledData {
 public:
  // `data` are `pictures` as tensors. All are borrowed but for the tower, whose weights are shared. `cache` is of the
  // tower and of the pictures' preprocessing; the pictures have a fixed number of variants
  // (TrainingPictures::variants()).
  CachedPictures(const TrainingPictures& pictures, const TrainingData& data, FeatureCache& cache,
                 VisionTransformer tower, const ObjectReader& objects, const CachedPicturesOptions& options);

  int64_t size() const override { return pictures_.size(); }
  // The errors of PictureLoader::Load(), ObjectReader::Read(), FeatureCache::Find() and FeatureCache::Put().
  // OutOfRange: features that the cache's type cannot hold. Throws c10::Error when the device fails.
  absl::StatusOr<LabelledBatch> Get(absl::Span<const int64_t> indices, uint64_t epoch) override;
  // Pictures that are not in the cache are read in the background.
  void Announce(absl::Span<const int64_t> indices, uint64_t epoch) override;

  const CacheUse& use() const { return use_; }

  // Digests of every variant of every picture: what the cache will hold.
  std::vector<std::string> Digests() const;

 private:
  // What of a variant is not in the cache.
  struct Labels {
    torch::Tensor positive;  // [ceil(S S / 8)] uint8 on the CPU: a bit a pixel
    bool anomalous = false;
    std::string object;
    std::string category;
    std::vector<int32_t> token_ids;
  };
  struct Row {
    VisionFeatures features;  // N = 1, on the CPU
    const Labels* labels = nullptr;
  };

  // By index and epoch of the draws (PictureVariant::epoch; 0: none). Not by the digest: data sets may show one picture
  // under two categories.
  using LabelsKey = std::pair<int64_t, uint64_t>;

  LabelsKey KeyOf(int64_t index, uint64_t epoch) const;
  absl::StatusOr<std::vector<Row>> RowsOf(absl::Span<const int64_t> indices, uint64_t epoch);
  // What of a row only the picture itself can tell.
  absl::Status Complete(const TrainingPicture& picture, int64_t index, uint64_t epoch, Row& row);
  absl::StatusOr<Labels> LabelsOf(const TrainingPicture& picture) const;
  absl::StatusOr<VisionFeatures> Compute(const TrainingPicture& picture, const std::string& digest);
  VisionFeatures Load(const CachedFeatures& cached) const;

  const TrainingPictures& pictures_;
  FeatureCache& cache_;
  const torch::ScalarType type_;
  const VisionTransformer tower_;
  const ObjectReader& objects_;
  const int64_t image_size_;
  const torch::Device device_;
  PictureLoader loader_;
  std::map<LabelsKey, Labels> labels_;
  CacheUse use_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_RUN_CACHED_PICTURES_H_
