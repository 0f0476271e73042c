// SHA-256 of bytes and of sets of files.
#ifndef BAYESPFL_BASE_SHA256_H_
#define BAYESPFL_BASE_SHA256_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace bayespfl {

// Not thread-safe.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void Add(const void* data, size_t size);
  // Name and size first, so that bytes cannot move from one file to the next unnoticed.
  void AddFile(const std::string& name, const void* data, size_t size);

  // 64 lower-case hexadecimal digits. Call it once, last.
  std::string HexDigest();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

std::string Sha256Hex(absl::string_view bytes);

// Digest of a file's content, read in pieces. NotFound: cannot be opened. DataLoss: cannot be read.
absl::StatusOr<std::string> Sha256OfFile(const std::string& path);

}  // namespace bayespfl

#endif  // BAYESPFL_BASE_SHA256_H_
