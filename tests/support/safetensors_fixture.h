// Golden numbers for tests. Deliberately independent of the product's own safetensors reader, so that a mistake there
// cannot hide itself.
#ifndef BAYESPFL_TESTS_SUPPORT_SAFETENSORS_FIXTURE_H_
#define BAYESPFL_TESTS_SUPPORT_SAFETENSORS_FIXTURE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace bayespfl::testing {

// A tensor in row-major order. Values of any stored type are converted to float: exact for F32, F16, U8 and BOOL, and
// for I32 and I64 up to 2^24.
struct FixtureTensor {
  std::vector<int64_t> shape;
  std::vector<float> values;
};

// Reads every tensor of a safetensors file (F32, F16, U8, I32, I64, BOOL). Throws std::runtime_error, which fails the
// calling test, if the file is missing, damaged or holds another type. Little-endian machines only.
std::map<std::string, FixtureTensor> LoadSafetensors(const std::string& path);

// All bytes of a file; throws std::runtime_error if it cannot be read or is empty.
std::vector<uint8_t> ReadFileBytes(const std::string& path);

}  // namespace bayespfl::testing

#endif  // BAYESPFL_TESTS_SUPPORT_SAFETENSORS_FIXTURE_H_
