// Features of a frozen vision tower on disk: what costs most of a training step is computed once for a picture.
//
// One file an entry, named by a key over everything that its numbers depend on, so that one folder serves any number of
// models, data sets and runs, also at once:
//
//   FOLDER/ab/abcdef....features     64 bytes of header, then the tensors, as they lie in memory
//
// A file appears whole or not at all, and carries a checksum: one that was damaged since is taken for missing, and what
// is put in its place replaces it. It is safe to kill the program at any moment, and to delete any file.
//
//   auto cache = FeatureCache::Open(options);
//   auto found = (*cache)->Find(variant.digest);            // maps the file; no copy
//   if (found.ok() && !found->has_value()) (*cache)->Put(variant.digest, tensors);
#ifndef BAYESPFL_MODEL_TRAINING_DATA_FEATURE_CACHE_H_
#define BAYESPFL_MODEL_TRAINING_DATA_FEATURE_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/mutex.h"
#include "model/package/model_config.h"

namespace bayespfl {

// How features are stored: in fp32 as the tower gave them, to the last bit; the others halve the room and round.
enum class FeatureType { kFp32, kFp16, kBf16 };

// "fp32", "fp16", "bf16"
absl::string_view NameOf(FeatureType type);
int64_t BytesOf(FeatureType type);

// What the tower yields for one picture: VisionFeatures of model/network/vision_transformer.h with N = 1.
struct FeatureShape {
  int64_t layers = 4;     // tapped blocks
  int64_t tokens = 0;     // L
  int64_t width = 0;      // D_v
  int64_t embedding = 0;  // E

  [[nodiscard]] int64_t elements() const { return layers * tokens * width + embedding; }
};
FeatureShape ShapeOf(const ModelConfig& config);

// What decides what the tower makes of its input: the digest of the weights' file (all of clip.safetensors) and what
// config.json says of how they are read (heads, tapped blocks, patches).
std::string BackboneKey(const ModelConfig& config, absl::Span<const uint8_t> weights);

// All of the configuration that decides how a picture becomes the tower's input (model/clip/preprocess.h), in words.
std::string PreprocessingKey(const ModelConfig& config);

// An entry, mapped from its file for as long as this lives; the file may be deleted meanwhile. Distinct objects may be
// used from distinct threads.
class CachedFeatures {
 public:
  CachedFeatures(CachedFeatures&& other) noexcept
      : map_(std::exchange(other.map_, nullptr)), size_(other.size_), shape_(other.shape_), type_(other.type_) {}
  CachedFeatures& operator=(CachedFeatures&& other) noexcept {
    std::swap(map_, other.map_);
    std::swap(size_, other.size_);
    shape_ = other.shape_;
    type_ = other.type_;
    return *this;
  }
  CachedFeatures(const CachedFeatures&) = delete;
  CachedFeatures& operator=(const CachedFeatures&) = delete;
  ~CachedFeatures();

  [[nodiscard]] const FeatureShape& shape() const { return shape_; }
  [[nodiscard]] FeatureType type() const { return type_; }
  // [L, D_v] of a tapped block, 0 <= layer < shape().layers, and [E]; row-major, aligned to their elements.
  [[nodiscard]] absl::Span<const uint8_t> patch_tokens(int64_t layer) const;
  [[nodiscard]] absl::Span<const uint8_t> image() const;

 private:
  friend class FeatureCache;
  CachedFeatures(void* map, size_t size, const FeatureShape& shape, FeatureType type)
      : map_(map), size_(size), shape_(shape), type_(type) {}

  void* map_;  // null: moved from
  size_t size_;
  FeatureShape shape_;
  FeatureType type_;
};

struct FeatureCacheOptions {
  std::filesystem::path folder = {};  // made with the first entry
  FeatureShape shape = {};
  FeatureType type = FeatureType::kFp16;
  std::string backbone = {};       // BackboneKey()
  std::string preprocessing = {};  // PreprocessingKey()
  // Free bytes of the folder's file system; empty: what the system says.
  std::function<absl::StatusOr<uint64_t>(const std::filesystem::path&)> free_bytes = {};
};

// Thread-safe. Of two threads that put the same entry the last one wins; both put the same.
class FeatureCache {
 public:
  // Removes what writers that were killed left behind, once it is an hour old; otherwise writes nothing.
  // InvalidArgument: a shape without elements; else the code of the errno for a folder that cannot be listed.
  static absl::StatusOr<std::unique_ptr<FeatureCache>> Open(FeatureCacheOptions options);

  // Bytes of an entry's file.
  [[nodiscard]] int64_t entry_bytes() const;

  // Bytes of those of the entries that are not there yet. `digests` are of pictures, PictureVariant::digest; each
  // counts once.
  [[nodiscard]] uint64_t MissingBytes(const std::vector<std::string>& digests) const;
  // Whether there is room for them, and for `besides` bytes that others will take on the same disk. ResourceExhausted,
  // with what is needed and what there is, in a sentence for people.
  absl::Status RequireRoom(const std::vector<std::string>& digests, uint64_t besides = 0) const;

  // Whether there is such an entry, sound or not.
  [[nodiscard]] bool Contains(absl::string_view picture_digest) const;

  // Absent: there is no such entry, or it is damaged. Each is checked against its checksum when this object first sees
  // it. Errors: the file is there and cannot be read.
  absl::StatusOr<std::optional<CachedFeatures>> Find(absl::string_view picture_digest);

  // Keeps an entry: shape().layers tensors [L, D_v], then one [E], in the cache's type. InvalidArgument: of other
  // sizes; ResourceExhausted: no room; else the errors of WriteFile().
  absl::Status Put(absl::string_view picture_digest, absl::Span<const absl::Span<const uint8_t>> tensors);

  // Damaged entries that were found so far.
  [[nodiscard]] int64_t damaged() const;

 private:
  explicit FeatureCache(FeatureCacheOptions options) : options_(std::move(options)) {}

  [[nodiscard]] std::string Key(absl::string_view picture_digest) const;
  [[nodiscard]] std::filesystem::path File(const std::string& key) const;
  // Whether the file's header and checksum are right; those that were once are not read again.
  bool IsSound(const std::string& key, absl::Span<const uint8_t> file);

  const FeatureCacheOptions options_;
  mutable Mutex mu_;
  std::set<std::string> sound_ ABSL_GUARDED_BY(mu_);  // keys
  int64_t damaged_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_DATA_FEATURE_CACHE_H_
