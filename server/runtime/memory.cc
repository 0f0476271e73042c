#include "server/runtime/memory.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/control_group.h"
#include "base/files.h"
#include "model/package/limits.h"
#include "model/package/model_config.h"
#include "model/package/safetensors.h"

namespace bayespfl::server {
namespace {

namespace fs = std::filesystem;

constexpr double kMebibyte = 1 << 20;
constexpr double kUnlimited = 1e18;  // version 1 writes about 2^63 for no limit

std::optional<double> ReadNumber(const fs::path& file) {
  std::ifstream stream(file);
  double number = 0;
  return stream >> number ? std::optional<double>(number) : std::nullopt;
}

// The number after `key` in a file of "key number" lines ("MemAvailable: 1024 kB" too).
double ReadKey(const fs::path& file, const std::string& key) {
  std::ifstream stream(file);
  for (std::string word; stream >> word;) {
    double number = 0;
    if (word == key && stream >> number) return number;
  }
  return 0;
}

// Pages of files that are not used at the moment are given back when memory is needed.
std::optional<double> Left(std::optional<double> limit, std::optional<double> used, double reclaimable) {
  if (!limit || !used || *limit > kUnlimited) return std::nullopt;
  return std::max(0.0, *limit - *used + reclaimable);
}

std::optional<double> ReadV2(const fs::path& group) {
  return Left(ReadNumber(group / "memory.max"), ReadNumber(group / "memory.current"),
              ReadKey(group / "memory.stat", "inactive_file"));
}

std::optional<double> ReadV1(const fs::path& group) {
  return Left(ReadNumber(group / "memory.limit_in_bytes"), ReadNumber(group / "memory.usage_in_bytes"),
              ReadKey(group / "memory.stat", "total_inactive_file"));
}

// Where copies of the weights come to lie.
struct Place {
  std::string name;
  int64_t free = 0;  // bytes
  int copies = 0;
};

absl::Status CheckPlace(const Place& place, int64_t needed_per_copy) {
  const int64_t needed = needed_per_copy * place.copies;
  if (needed <= place.free) return absl::OkStatus();
  const auto mebibytes = [](int64_t bytes) { return static_cast<int64_t>(static_cast<double>(bytes) / kMebibyte); };
  return absl::ResourceExhaustedError(absl::StrCat("the package needs ", mebibytes(needed), " MiB of ", place.name,
                                                   " for ", place.copies, place.copies == 1 ? " copy" : " copies",
                                                   " of its weights; ", mebibytes(place.free), " MiB are free"));
}

// What cannot be read is refused by whoever loads it.
Precision PrecisionOf(const std::string& package_dir) {
  const absl::StatusOr<std::string> text = ReadFile(fs::path(package_dir) / "config.json", kMaxConfigBytes);
  if (!text.ok()) return Precision::kFp32;
  const absl::StatusOr<ModelConfig> config = ParseModelConfig(*text);
  return config.ok() ? config->precision : Precision::kFp32;
}

int64_t BytesOfWeight(Precision precision) { return precision == Precision::kFp32 ? 4 : 3; }

}  // namespace

int64_t AvailableMemory(const fs::path& root) {
  constexpr double kBytesPerKilobyte = 1024;
  double available = ReadKey(root / "proc/meminfo", "MemAvailable:") * kBytesPerKilobyte;
  if (const std::optional<double> left = SmallestGroupLimit(root, "memory", ReadV2, ReadV1)) {
    available = std::min(available, *left);
  }
  return static_cast<int64_t>(available);
}

int64_t MemoryOfPackage(const std::string& package_dir, std::optional<Precision> precision) {
  int64_t weights = 0;
  for (const char* name : {"clip.safetensors", "bayespfl.safetensors"}) {
    const auto file = SafetensorsFile::Open((fs::path(package_dir) / name).string());
    if (!file.ok()) return 0;
    for (const auto& [tensor, view] : (*file)->tensors()) {
      weights += static_cast<int64_t>(view.data.size() / DTypeSize(view.dtype));
    }
  }
  const int64_t bytes = weights * BytesOfWeight(precision.value_or(PrecisionOf(package_dir)));
  return bytes + bytes / 4;
}

absl::Status CheckMemory(const std::string& package_dir, std::optional<Precision> precision,
                         const std::vector<std::string>& devices, int64_t available,
                         const DeviceMemory& device_memory) {
  Place memory{.name = "memory", .free = available};
  std::map<std::string, Place> gpus;
  for (const std::string& device : devices) {
    const absl::StatusOr<std::optional<int64_t>> free = device_memory(device);
    if (!free.ok()) return free.status();
    Place& place = *free ? gpus.try_emplace(device, Place{.name = device, .free = **free}).first->second : memory;
    ++place.copies;
  }
  const int64_t needed = MemoryOfPackage(package_dir, precision);
  absl::Status fits = CheckPlace(memory, needed);
  for (const auto& [device, place] : gpus) fits.Update(CheckPlace(place, needed));
  return fits;
}

}  // namespace bayespfl::server
