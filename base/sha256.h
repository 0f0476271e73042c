// SHA-256 as FIPS 180-4 defines it.
#ifndef BAYESPFL_BASE_SHA256_H_
#define BAYESPFL_BASE_SHA256_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace bayespfl {

// A digest that grows. Not thread-safe.
class Sha256 final {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void Add(absl::string_view bytes);
  // The same with the length in front, so that bytes cannot move from one part to the next unnoticed.
  void AddPart(absl::string_view bytes);
  // 64 lower-case hexadecimal digits. Call once, last.
  std::string HexDigest();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// The digest of some bytes, 64 lower-case hexadecimal digits.
std::string Sha256Hex(absl::string_view bytes);

}  // namespace bayespfl

#endif  // BAYESPFL_BASE_SHA256_H_
