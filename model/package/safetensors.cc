#include "model/package/safetensors.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "model/package/strict_json.h"
#include "nlohmann/json.hpp"

namespace bayespfl {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors data is little-endian");

// The format's own bound on its header.
constexpr uint64_t kMaxHeaderBytes = 100'000'000;
constexpr size_t kLengthBytes = 8;
// No real tensor has more axes; a bound keeps hostile headers cheap.
constexpr size_t kMaxAxes = 16;
constexpr size_t kMaxQuotedName = 120;

std::string Quoted(absl::string_view name) {
  return absl::StrCat("\"", absl::CHexEscape(name.substr(0, kMaxQuotedName)), name.size() > kMaxQuotedName ? "..." : "",
                      "\"");
}

// Duplicate names are an error: a JSON object would hide all but one.
absl::StatusOr<nlohmann::json> ParseJson(absl::string_view text) {
  StrictJson header = ParseStrictJson(text);
  if (!header.object.is_object()) {
    return absl::DataLossError(
        absl::StrCat("the header at offset 8 is not a JSON object, or nested more than ", kMaxJsonDepth, " deep"));
  }
  if (header.repeated_key.has_value()) {
    return absl::DataLossError(absl::StrCat("key ", Quoted(*header.repeated_key), " is listed twice"));
  }
  return std::move(header.object);
}

std::optional<uint64_t> AsUnsigned(const nlohmann::json& value) {
  if (!value.is_number_unsigned()) return std::nullopt;
  return value.get<uint64_t>();
}

absl::StatusOr<std::vector<int64_t>> ParseShape(const nlohmann::json& entry) {
  const auto shape = entry.find("shape");
  if (shape == entry.end() || !shape->is_array() || shape->size() > kMaxAxes) {
    return absl::DataLossError(absl::StrCat("has no \"shape\" of at most ", kMaxAxes, " sizes"));
  }
  std::vector<int64_t> sizes;
  for (const nlohmann::json& value : *shape) {
    const std::optional<uint64_t> size = AsUnsigned(value);
    if (!size || *size > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      return absl::DataLossError("has a size in \"shape\" that is not a non-negative 63-bit integer");
    }
    sizes.push_back(static_cast<int64_t>(*size));
  }
  return sizes;
}

// One header entry -> a view; `data` is what follows the header.
absl::StatusOr<TensorView> ParseTensor(const nlohmann::json& entry, absl::Span<const uint8_t> data) {
  if (!entry.is_object()) return absl::DataLossError("has no description");
  const auto dtype_name = entry.find("dtype");
  if (dtype_name == entry.end() || !dtype_name->is_string()) return absl::DataLossError("has no \"dtype\"");
  const std::optional<DType> dtype = FindDType(dtype_name->get_ref<const std::string&>());
  if (!dtype) {
    return absl::DataLossError(
        absl::StrCat("has the unknown dtype ", Quoted(dtype_name->get_ref<const std::string&>())));
  }
  absl::StatusOr<std::vector<int64_t>> shape = ParseShape(entry);
  if (!shape.ok()) return shape.status();

  uint64_t bytes = DTypeSize(*dtype);
  for (const int64_t size : *shape) {
    if (__builtin_mul_overflow(bytes, static_cast<uint64_t>(size), &bytes)) {
      return absl::DataLossError("has a shape whose size in bytes overflows 64 bits");
    }
  }
  const auto offsets = entry.find("data_offsets");
  if (offsets == entry.end() || !offsets->is_array() || offsets->size() != 2) {
    return absl::DataLossError("has no \"data_offsets\" pair");
  }
  const std::optional<uint64_t> begin = AsUnsigned((*offsets)[0]);
  const std::optional<uint64_t> end = AsUnsigned((*offsets)[1]);
  if (!begin || !end || *begin > *end || *end > data.size()) {
    return absl::DataLossError(absl::StrCat("has data_offsets ", offsets->dump(), " outside the file's ", data.size(),
                                            " bytes of data (is the file truncated?)"));
  }
  if (*end - *begin != bytes) {
    return absl::DataLossError(absl::StrCat("needs ", bytes, " bytes for its shape but its data_offsets ",
                                            offsets->dump(), " span ", *end - *begin));
  }
  return TensorView{*dtype, *std::move(shape), data.subspan(*begin, bytes)};
}

}  // namespace

absl::StatusOr<std::unique_ptr<const SafetensorsFile>> SafetensorsFile::Open(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return absl::NotFoundError(absl::StrCat("cannot open ", path, ": ", std::strerror(errno)));
  struct stat info{};
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    close(fd);
    return absl::DataLossError(absl::StrCat(path, " is not a regular file"));
  }
  std::unique_ptr<SafetensorsFile> file(new SafetensorsFile);
  file->path_ = path;
  file->size_ = static_cast<size_t>(info.st_size);
  if (file->size_ > 0) {
    void* map = mmap(nullptr, file->size_, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED) {
      const int error = errno;
      close(fd);
      return absl::ResourceExhaustedError(absl::StrCat("cannot map ", path, ": ", std::strerror(error)));
    }
    file->map_ = static_cast<const uint8_t*>(map);
  }
  close(fd);
  if (absl::Status status = file->ParseHeader(); !status.ok()) {
    return absl::DataLossError(absl::StrCat(path, ": ", status.message()));
  }
  return file;
}

SafetensorsFile::~SafetensorsFile() {
  if (map_ != nullptr) munmap(const_cast<uint8_t*>(map_), size_);
}

const TensorView* SafetensorsFile::Find(const std::string& tensor) const {
  const auto found = tensors_.find(tensor);
  return found == tensors_.end() ? nullptr : &found->second;
}

void SafetensorsFile::Forget(const TensorView& tensor) const {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const auto begin = static_cast<size_t>(tensor.data.data() - map_);
  const size_t first = (begin + page - 1) / page * page;
  const size_t last = (begin + tensor.data.size()) / page * page;
  // It is a favour: where the kernel refuses it, everything is as it was.
  if (first < last) madvise(const_cast<uint8_t*>(map_) + first, last - first, MADV_DONTNEED);
}

absl::Status SafetensorsFile::ParseHeader() {
  uint64_t header_bytes = 0;
  if (size_ < kLengthBytes) {
    return absl::DataLossError(absl::StrCat("the file ends at offset ", size_, ", inside the 8-byte header length"));
  }
  std::memcpy(&header_bytes, map_, kLengthBytes);
  if (header_bytes > kMaxHeaderBytes || header_bytes > size_ - kLengthBytes) {
    return absl::DataLossError(absl::StrCat("the header length ", header_bytes, " at offset 0 exceeds the ",
                                            std::min<uint64_t>(size_ - kLengthBytes, kMaxHeaderBytes),
                                            " bytes it can have"));
  }
  absl::StatusOr<nlohmann::json> header =
      ParseJson({reinterpret_cast<const char*>(map_ + kLengthBytes), static_cast<size_t>(header_bytes)});
  if (!header.ok()) return header.status();

  const absl::Span<const uint8_t> data = bytes().subspan(kLengthBytes + header_bytes);
  std::vector<std::pair<size_t, const std::string*>> order;  // where each tensor begins
  for (const auto& [name, entry] : header->items()) {
    if (name == "__metadata__") continue;
    absl::StatusOr<TensorView> tensor = ParseTensor(entry, data);
    if (!tensor.ok()) return absl::DataLossError(absl::StrCat("tensor ", Quoted(name), " ", tensor.status().message()));
    const auto position = tensors_.emplace(name, *std::move(tensor)).first;
    order.emplace_back(static_cast<size_t>(position->second.data.data() - data.data()), &position->first);
  }
  // Empty tensors may share a beginning with their successor: sort by beginning, then end.
  std::sort(order.begin(), order.end(), [this](const auto& a, const auto& b) {
    return std::pair(a.first, tensors_.at(*a.second).data.size()) <
           std::pair(b.first, tensors_.at(*b.second).data.size());
  });
  size_t expected = 0;
  for (const auto& [begin, name] : order) {
    if (begin != expected) {
      return absl::DataLossError(
          absl::StrCat("tensor ", Quoted(*name), begin < expected ? " overlaps" : " leaves a hole after",
                       " its predecessor: it begins at offset ", begin, " of the data, not ", expected));
    }
    expected += tensors_.at(*name).data.size();
  }
  if (expected != data.size()) {
    return absl::DataLossError(absl::StrCat(data.size() - expected, " bytes after the last tensor, at offset ",
                                            kLengthBytes + header_bytes + expected, ", belong to none"));
  }
  return absl::OkStatus();
}

}  // namespace bayespfl
