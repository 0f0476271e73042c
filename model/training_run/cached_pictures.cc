#include "model/training_run/cached_pictures.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"

namespace bayespfl {
namespace {

torch::ScalarType ScalarTypeOf(FeatureType type) {
  switch (type) {
    case FeatureType::kFp16:
      return torch::kFloat16;
    case FeatureType::kBf16:
      return torch::kBFloat16;
    case FeatureType::kFp32:
      break;
  }
  return torch::kFloat32;
}

const torch::Tensor& BitValues() {
  static const auto* const values = new torch::Tensor(torch::tensor({1, 2, 4, 8, 16, 32, 64, 128}, torch::kUInt8));
  return *values;
}

// A mask's pixels, eight to a byte: masks of a whole data set stay in memory.
torch::Tensor PackBits(const torch::Tensor& positive) {
  torch::Tensor bits = positive.flatten().to(torch::kUInt8);
  bits = torch::constant_pad_nd(bits, {0, (8 - bits.numel() % 8) % 8});
  return (bits.view({-1, 8}) * BitValues()).sum(1, /*keepdim=*/false, torch::kUInt8);
}

torch::Tensor UnpackBits(const torch::Tensor& packed, int64_t side) {
  const torch::Tensor bits = packed.unsqueeze(1).bitwise_and(BitValues()).ne(0);
  return bits.flatten().slice(0, 0, side * side).view({side, side});
}

bool AreFinite(const VisionFeatures& features) {
  const auto finite = [](const torch::Tensor& tensor) { return tensor.isfinite().all().item<bool>(); };
  return finite(features.image) && std::all_of(features.patch_tokens.begin(), features.patch_tokens.end(), finite);
}

absl::Span<const uint8_t> BytesOf(const torch::Tensor& tensor) {
  return {static_cast<const uint8_t*>(tensor.const_data_ptr()), tensor.nbytes()};
}

}  // namespace

CachedPictures::CachedPictures(const TrainingPictures& pictures, const TrainingData& data, FeatureCache& cache,
                               VisionTransformer tower, const ObjectReader& objects,
                               const CachedPicturesOptions& options)
    : pictures_(pictures),
      cache_(cache),
      type_(ScalarTypeOf(options.type)),
      tower_(std::move(tower)),
      objects_(objects),
      image_size_(options.image_size),
      device_(options.device),
      loader_(data, options.image_size, options.loading_threads) {}

std::vector<std::string> CachedPictures::Digests() const {
  std::vector<std::string> digests;
  for (int64_t index = 0; index < size(); ++index) {
    for (int variant = 0; variant < pictures_.variants().value_or(1); ++variant) {
      digests.push_back(pictures_.Variant(index, static_cast<uint64_t>(variant)).digest);
    }
  }
  return digests;
}

absl::StatusOr<LabelledBatch> CachedPictures::Get(absl::Span<const int64_t> indices, uint64_t epoch) {
  const torch::NoGradGuard no_grad;  // not InferenceMode: what comes of the features is differentiated
  const absl::StatusOr<std::vector<Row>> rows = RowsOf(indices, epoch);
  if (!rows.ok()) return rows.status();
  LabelledBatch batch;
  std::vector<torch::Tensor> images;
  std::vector<std::vector<torch::Tensor>> patches(rows->front().features.patch_tokens.size());
  std::vector<torch::Tensor> positive;
  std::vector<int64_t> labels;
  for (const Row& row : *rows) {
    images.push_back(row.features.image);
    for (size_t layer = 0; layer < patches.size(); ++layer) {
      patches[layer].push_back(row.features.patch_tokens[layer]);
    }
    positive.push_back(UnpackBits(row.labels->positive, image_size_));
    labels.push_back(row.labels->anomalous ? 1 : 0);
    batch.token_ids.push_back(row.labels->token_ids);
    batch.objects.push_back(row.labels->object);
    batch.categories.push_back(row.labels->category);
  }
  batch.features.image = torch::cat(images).to(device_, torch::kFloat32);
  for (const std::vector<torch::Tensor>& layer : patches) {
    batch.features.patch_tokens.push_back(torch::cat(layer).to(device_, torch::kFloat32));
  }
  batch.positive = torch::stack(positive).to(device_);
  batch.labels = torch::tensor(labels, torch::kInt64).to(device_);
  return batch;
}

CachedPictures::LabelsKey CachedPictures::KeyOf(int64_t index, uint64_t epoch) const {
  return {index, pictures_.Variant(index, epoch).epoch.value_or(0)};
}

void CachedPictures::Announce(absl::Span<const int64_t> indices, uint64_t epoch) {
  std::vector<int64_t> missing;
  for (const int64_t index : indices) {
    const bool known = labels_.contains(KeyOf(index, epoch)) && cache_.Contains(pictures_.Variant(index, epoch).digest);
    if (!known) missing.push_back(index);
  }
  if (!missing.empty()) loader_.Announce(missing, epoch);
}

absl::StatusOr<std::vector<CachedPictures::Row>> CachedPictures::RowsOf(absl::Span<const int64_t> indices,
                                                                        uint64_t epoch) {
  std::vector<Row> rows(indices.size());
  std::vector<int64_t> missing;
  std::vector<Row*> incomplete;
  for (size_t i = 0; i < indices.size(); ++i) {
    absl::StatusOr<std::optional<CachedFeatures>> found = cache_.Find(pictures_.Variant(indices[i], epoch).digest);
    if (!found.ok()) return AboutPicture(indices[i], found.status());
    if (found->has_value()) rows[i].features = Load(**found);
    ++(found->has_value() ? use_.found : use_.computed);
    const auto labels = labels_.find(KeyOf(indices[i], epoch));
    if (labels != labels_.end()) rows[i].labels = &labels->second;
    if (found->has_value() && rows[i].labels != nullptr) continue;
    missing.push_back(indices[i]);
    incomplete.push_back(&rows[i]);
  }
  if (missing.empty()) return rows;
  const absl::StatusOr<std::vector<TrainingPicture>> pictures = loader_.Load(missing, epoch);
  if (!pictures.ok()) return pictures.status();
  for (size_t i = 0; i < missing.size(); ++i) {
    const absl::Status completed = Complete((*pictures)[i], missing[i], epoch, *incomplete[i]);
    if (!completed.ok()) return AboutPicture(missing[i], completed);
  }
  return rows;
}

absl::Status CachedPictures::Complete(const TrainingPicture& picture, int64_t index, uint64_t epoch, Row& row) {
  absl::StatusOr<Labels> labels = LabelsOf(picture);
  if (!labels.ok()) return labels.status();
  row.labels = &labels_.insert_or_assign(KeyOf(index, epoch), *std::move(labels)).first->second;
  if (row.features.image.defined()) return absl::OkStatus();
  absl::StatusOr<VisionFeatures> computed = Compute(picture, pictures_.Variant(index, epoch).digest);
  if (!computed.ok()) return computed.status();
  row.features = *std::move(computed);
  return absl::OkStatus();
}

absl::StatusOr<CachedPictures::Labels> CachedPictures::LabelsOf(const TrainingPicture& picture) const {
  absl::StatusOr<std::vector<int32_t>> ids = objects_.Read(picture.object);
  if (!ids.ok()) return ids.status();
  return Labels{.positive = PackBits(picture.mask > 0.5),
                .anomalous = picture.anomalous,
                .object = picture.object,
                .category = picture.category,
                .token_ids = *std::move(ids)};
}

absl::StatusOr<VisionFeatures> CachedPictures::Compute(const TrainingPicture& picture, const std::string& digest) {
  VisionFeatures features = tower_.Encode(picture.image.unsqueeze(0).to(device_));
  std::vector<absl::Span<const uint8_t>> tensors;
  for (torch::Tensor& layer : features.patch_tokens) {
    layer = layer.to(torch::kCPU, type_).contiguous();
    tensors.push_back(BytesOf(layer));
  }
  features.image = features.image.to(torch::kCPU, type_).contiguous();
  tensors.push_back(BytesOf(features.image));
  if (!AreFinite(features)) {
    return absl::OutOfRangeError(
        "the tower's features have values that cache_type cannot hold, or that are no numbers; fp32 and bf16 hold all "
        "that there are");
  }
  const absl::Status put = cache_.Put(digest, tensors);
  if (!put.ok()) return put;
  return features;
}

// Copies, since a batch is put together of many.
VisionFeatures CachedPictures::Load(const CachedFeatures& cached) const {
  const FeatureShape& shape = cached.shape();
  const auto tensor = [this](absl::Span<const uint8_t> bytes, torch::IntArrayRef sizes) {
    // from_blob() wants a pointer that could be written through; nobody writes.
    return torch::from_blob(const_cast<uint8_t*>(bytes.data()), sizes, torch::TensorOptions(type_)).clone();
  };
  VisionFeatures features;
  for (int64_t layer = 0; layer < shape.layers; ++layer) {
    features.patch_tokens.push_back(tensor(cached.patch_tokens(layer), {1, shape.tokens, shape.width}));
  }
  features.image = tensor(cached.image(), {1, shape.embedding});
  return features;
}

}  // namespace bayespfl
