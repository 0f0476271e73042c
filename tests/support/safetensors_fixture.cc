#include "tests/support/safetensors_fixture.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/files.h"

namespace bayespfl::testing {
namespace {

static_assert(std::endian::native == std::endian::little);

float HalfToFloat(uint16_t half) {
  const int exponent = (half >> 10) & 0x1f;
  const int mantissa = half & 0x3ff;
  const float sign = (half & 0x8000) != 0 ? -1.0F : 1.0F;
  if (exponent == 31) return mantissa == 0 ? sign * INFINITY : NAN;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(mantissa), -24);
  return sign * std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
}

template <typename Stored, typename Convert>
std::vector<float> ConvertAll(const uint8_t* data, size_t bytes, Convert convert) {
  std::vector<float> values(bytes / sizeof(Stored));
  for (size_t i = 0; i < values.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, data + i * sizeof(Stored), sizeof(Stored));
    values[i] = convert(stored);
  }
  return values;
}

std::vector<float> ReadValues(const std::string& type, const uint8_t* data, size_t bytes) {
  const auto cast = [](auto value) { return static_cast<float>(value); };
  if (type == "F32") return ConvertAll<float>(data, bytes, cast);
  if (type == "F16") return ConvertAll<uint16_t>(data, bytes, HalfToFloat);
  if (type == "U8" || type == "BOOL") return ConvertAll<uint8_t>(data, bytes, cast);
  if (type == "I32") return ConvertAll<int32_t>(data, bytes, cast);
  if (type == "I64") return ConvertAll<int64_t>(data, bytes, cast);
  throw std::runtime_error("unsupported type in fixture: " + type);
}

size_t Product(const std::vector<int64_t>& shape) {
  size_t product = 1;
  for (const int64_t size : shape) product *= static_cast<size_t>(size);
  return product;
}

}  // namespace

std::vector<uint8_t> ReadFileBytes(const std::string& path) {
  const absl::StatusOr<std::string> bytes = ReadFile(path, std::numeric_limits<size_t>::max());
  if (!bytes.ok()) throw std::runtime_error(bytes.status().ToString());
  return {bytes->begin(), bytes->end()};
}

std::map<std::string, FixtureTensor> LoadSafetensors(const std::string& path) {
  const std::vector<uint8_t> file = ReadFileBytes(path);
  uint64_t header_bytes = 0;
  if (file.size() < sizeof(header_bytes)) throw std::runtime_error("truncated " + path);
  std::memcpy(&header_bytes, file.data(), sizeof(header_bytes));
  if (header_bytes > file.size() - sizeof(header_bytes)) throw std::runtime_error("truncated " + path);
  const uint8_t* header = file.data() + sizeof(header_bytes);
  const nlohmann::json entries = nlohmann::json::parse(header, header + header_bytes);
  const uint8_t* data = header + header_bytes;
  const size_t data_bytes = file.size() - sizeof(header_bytes) - header_bytes;
  std::map<std::string, FixtureTensor> tensors;
  for (const auto& [name, entry] : entries.items()) {
    if (name == "__metadata__") continue;
    const size_t begin = entry.at("data_offsets").at(0).get<size_t>();
    const size_t end = entry.at("data_offsets").at(1).get<size_t>();
    if (begin > end || end > data_bytes) throw std::runtime_error(absl::StrCat(name, " lies outside ", path));
    FixtureTensor tensor;
    tensor.shape = entry.at("shape").get<std::vector<int64_t>>();
    tensor.values = ReadValues(entry.at("dtype").get<std::string>(), data + begin, end - begin);
    if (tensor.values.size() != Product(tensor.shape))
      throw std::runtime_error(absl::StrCat(name, " has a wrong size in ", path));
    tensors.emplace(name, std::move(tensor));
  }
  return tensors;
}

}  // namespace bayespfl::testing
