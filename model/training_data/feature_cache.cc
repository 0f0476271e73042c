#include "model/training_data/feature_cache.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/descriptor.h"
#include "base/files.h"
#include "base/sha256.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;

// Where an entry's tensors begin. Fields in the machine's order of bytes: a cache does not travel.
struct Header {
  std::array<char, 8> magic = {'B', 'P', 'F', 'L', 'F', 'E', 'A', '1'};
  uint64_t payload = 0;   // bytes behind the header
  uint32_t checksum = 0;  // CRC-32 of them
  std::array<char, 44> padding = {};
};
static_assert(sizeof(Header) == 64);

constexpr char kEnding[] = ".features";
constexpr auto kUnfinishedAge = std::chrono::hours(1);
constexpr uint64_t kSpare = uint64_t{64} << 20;  // bytes that the file system keeps for others

uint32_t Checksum(absl::Span<const uint8_t> bytes) {
  return static_cast<uint32_t>(crc32_z(crc32_z(0, nullptr, 0), bytes.data(), bytes.size()));
}

// Of the file system that the folder lies in or will lie in.
absl::StatusOr<uint64_t> FreeBytes(const fs::path& folder) {
  std::error_code error;
  fs::path nearest = fs::absolute(folder, error);
  while (!fs::exists(nearest, error) && nearest.has_relative_path()) nearest = nearest.parent_path();
  const fs::space_info space = fs::space(nearest, error);
  if (error) return FileError("ask for the free space of", nearest, error.value());
  return space.available;
}

std::string Megabytes(uint64_t bytes) { return absl::StrFormat("%.1f MB", static_cast<double>(bytes) / 1e6); }

// Whether WriteFile() named it, for an entry in this folder: ".PID-NUMBER.part" in a folder of two digits.
bool IsUnfinished(const fs::path& file) {
  const auto is_of = [](absl::string_view text, absl::string_view characters) {
    return !text.empty() && text.find_first_not_of(characters) == absl::string_view::npos;
  };
  const std::string folder = file.parent_path().filename().string();
  const std::string name = file.filename().string();
  absl::string_view middle = name;
  return folder.size() == 2 && is_of(folder, "0123456789abcdef") && absl::ConsumePrefix(&middle, ".") &&
         absl::ConsumeSuffix(&middle, ".part") && is_of(middle, "0123456789-");
}

// Removes unfinished files of writers that are long gone; nothing else, whatever folder was named. One that vanishes
// meanwhile has been removed by another run.
absl::Status RemoveUnfinished(const fs::path& folder) {
  std::error_code error;
  if (!fs::exists(folder, error)) return absl::OkStatus();
  const auto now = fs::file_time_type::clock::now();
  for (fs::directory_iterator group(folder, error), end; !error && group != end; group.increment(error)) {
    std::error_code gone;
    if (!group->is_directory(gone)) continue;
    for (fs::directory_iterator entry(group->path(), gone); !gone && entry != end; entry.increment(gone)) {
      if (!IsUnfinished(entry->path())) continue;
      const auto written = fs::last_write_time(entry->path(), gone);
      if (!gone && now - written > kUnfinishedAge) fs::remove(entry->path(), gone);
    }
  }
  return error ? FileError("list", folder, error.value()) : absl::OkStatus();
}

}  // namespace

absl::string_view NameOf(FeatureType type) {
  switch (type) {
    case FeatureType::kFp32:
      return "fp32";
    case FeatureType::kFp16:
      return "fp16";
    case FeatureType::kBf16:
      break;
  }
  return "bf16";
}

int64_t BytesOf(FeatureType type) { return type == FeatureType::kFp32 ? 4 : 2; }

FeatureShape ShapeOf(const ModelConfig& config) {
  return {.layers = static_cast<int64_t>(config.tapped_layers.size()),
          .tokens = config.grid() * config.grid(),
          .width = config.vision.width,
          .embedding = config.embed_dim};
}

std::string BackboneKey(const ModelConfig& config, absl::Span<const uint8_t> weights) {
  const std::string digest = Sha256Hex({reinterpret_cast<const char*>(weights.data()), weights.size()});
  return absl::StrCat("weights ", digest, ", ", config.vision.heads, " heads, patches of ", config.patch_size,
                      ", blocks ", absl::StrJoin(config.tapped_layers, " "));
}

std::string PreprocessingKey(const ModelConfig& config) {
  // Nine digits tell every float from its neighbours.
  const auto numbers = [](const std::array<float, 3>& three) {
    return absl::StrFormat("%.9g %.9g %.9g", three[0], three[1], three[2]);
  };
  return absl::StrCat("bicubic to ", config.image_size, ", mean ", numbers(config.mean), ", deviation ",
                      numbers(config.stddev));
}

CachedFeatures::~CachedFeatures() {
  if (map_ != nullptr) munmap(map_, size_);
}

absl::Span<const uint8_t> CachedFeatures::patch_tokens(int64_t layer) const {
  const auto bytes = static_cast<size_t>(shape_.tokens * shape_.width * BytesOf(type_));
  return {static_cast<const uint8_t*>(map_) + sizeof(Header) + static_cast<size_t>(layer) * bytes, bytes};
}

absl::Span<const uint8_t> CachedFeatures::image() const {
  const auto before = static_cast<size_t>(shape_.layers * shape_.tokens * shape_.width * BytesOf(type_));
  return {static_cast<const uint8_t*>(map_) + sizeof(Header) + before,
          static_cast<size_t>(shape_.embedding * BytesOf(type_))};
}

absl::StatusOr<std::unique_ptr<FeatureCache>> FeatureCache::Open(FeatureCacheOptions options) {
  const FeatureShape& shape = options.shape;
  if (std::min({shape.layers, shape.tokens, shape.width, shape.embedding}) <= 0) {
    return absl::InvalidArgumentError("features of a cache have layers, tokens, a width and an embedding");
  }
  if (absl::Status status = RemoveUnfinished(options.folder); !status.ok()) return status;
  if (!options.free_bytes) options.free_bytes = FreeBytes;
  return std::unique_ptr<FeatureCache>(new FeatureCache(std::move(options)));
}

int64_t FeatureCache::entry_bytes() const {
  return static_cast<int64_t>(sizeof(Header)) + options_.shape.elements() * BytesOf(options_.type);
}

std::string FeatureCache::Key(absl::string_view picture_digest) const {
  const FeatureShape& shape = options_.shape;
  const std::string dimensions = absl::StrJoin({shape.layers, shape.tokens, shape.width, shape.embedding}, "x");
  return Sha256Hex(
      absl::StrJoin({absl::string_view("features, version 1"), picture_digest, absl::string_view(options_.backbone),
                     absl::string_view(options_.preprocessing), NameOf(options_.type), absl::string_view(dimensions)},
                    "\n"));
}

fs::path FeatureCache::File(const std::string& key) const {
  return options_.folder / key.substr(0, 2) / (key + kEnding);
}

bool FeatureCache::Contains(absl::string_view picture_digest) const {
  std::error_code ignored;
  return fs::exists(File(Key(picture_digest)), ignored);
}

uint64_t FeatureCache::MissingBytes(const std::vector<std::string>& digests) const {
  uint64_t missing = 0;
  for (const std::string& digest : std::set<std::string>(digests.begin(), digests.end())) {
    missing += Contains(digest) ? 0 : 1;
  }
  return missing * static_cast<uint64_t>(entry_bytes());
}

absl::Status FeatureCache::RequireRoom(const std::vector<std::string>& digests, uint64_t besides) const {
  const absl::StatusOr<uint64_t> free = options_.free_bytes(options_.folder);
  if (!free.ok()) return free.status();
  const uint64_t own = MissingBytes(digests);
  if (own == 0 || own + besides + kSpare <= *free) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "the features of ", own / static_cast<uint64_t>(entry_bytes()), " pictures need ", Megabytes(own),
      besides == 0 ? "" : absl::StrCat(" beside ", Megabytes(besides), " of others"), ", ", Megabytes(kSpare),
      " must stay free, and the disk of ", options_.folder.string(), " has ", Megabytes(*free), " left"));
}

bool FeatureCache::IsSound(const std::string& key, absl::Span<const uint8_t> file) {
  {
    const MutexLock lock(mu_);
    if (sound_.contains(key)) return true;
  }
  Header header;
  std::memcpy(&header, file.data(), sizeof(header));
  const absl::Span<const uint8_t> payload = file.subspan(sizeof(header));
  const bool sound =
      header.magic == Header().magic && header.payload == payload.size() && header.checksum == Checksum(payload);
  const MutexLock lock(mu_);
  if (sound) sound_.insert(key);
  return sound;
}

absl::StatusOr<std::optional<CachedFeatures>> FeatureCache::Find(absl::string_view picture_digest) {
  const std::string key = Key(picture_digest);
  const fs::path file = File(key);
  const Descriptor descriptor(open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!descriptor.valid()) {
    if (errno == ENOENT) return std::nullopt;
    return FileError("open", file, errno);
  }
  struct stat about = {};
  if (fstat(descriptor.get(), &about) != 0) return FileError("read", file, errno);
  const auto size = static_cast<size_t>(entry_bytes());
  const bool whole = static_cast<size_t>(about.st_size) == size;
  if (whole) {
    void* const map = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor.get(), 0);
    if (map == MAP_FAILED) return FileError("map", file, errno);
    CachedFeatures found(map, size, options_.shape, options_.type);
    if (IsSound(key, {static_cast<const uint8_t*>(map), size})) return std::optional(std::move(found));
  }
  const MutexLock lock(mu_);
  ++damaged_;
  return std::nullopt;
}

absl::Status FeatureCache::Put(absl::string_view picture_digest, absl::Span<const absl::Span<const uint8_t>> tensors) {
  const FeatureShape& shape = options_.shape;
  const auto layer_bytes = static_cast<size_t>(shape.tokens * shape.width * BytesOf(options_.type));
  const auto image_bytes = static_cast<size_t>(shape.embedding * BytesOf(options_.type));
  bool fits = tensors.size() == static_cast<size_t>(shape.layers) + 1;
  for (size_t i = 0; fits && i < tensors.size(); ++i) {
    fits = tensors[i].size() == (i + 1 < tensors.size() ? layer_bytes : image_bytes);
  }
  if (!fits) return absl::InvalidArgumentError("the features are not of the cache's shape and type");
  std::string bytes(sizeof(Header), '\0');
  bytes.reserve(static_cast<size_t>(entry_bytes()));
  for (const absl::Span<const uint8_t> tensor : tensors) {
    bytes.append(reinterpret_cast<const char*>(tensor.data()), tensor.size());
  }
  Header header;
  header.payload = bytes.size() - sizeof(Header);
  header.checksum = Checksum({reinterpret_cast<const uint8_t*>(bytes.data()) + sizeof(Header), header.payload});
  std::memcpy(bytes.data(), &header, sizeof(header));
  const std::string key = Key(picture_digest);
  {
    const MutexLock lock(mu_);
    sound_.erase(key);  // what is read next is another file
  }
  return WriteFile(File(key), bytes);
}

int64_t FeatureCache::damaged() const {
  const MutexLock lock(mu_);
  return damaged_;
}

}  // namespace bayespfl
