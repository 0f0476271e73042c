// SHA-256 (FIPS 180-4), hexadecimal.
#ifndef BAYESPFL_MODEL_PACKAGE_SHA256_H_
#define BAYESPFL_MODEL_PACKAGE_SHA256_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace bayespfl {

// Not thread-safe.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void Add(const void* data, size_t size);
  // 64 lower-case digits. Call once, last.
  std::string HexDigest();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// Digest of a file's content, read in pieces. NotFound: cannot be opened. DataLoss: cannot be read.
absl::StatusOr<std::string> Sha256OfFile(const std::string& path);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_PACKAGE_SHA256_H_
