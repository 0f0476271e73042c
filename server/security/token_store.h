// Who may call, by bearer token: a file of names, roles and the tokens' SHA-256.
//
//   - {name: line-3, role: inspect, sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae}
//   - {name: release-robot, role: admin, sha256: ...}
//
// A token is 256 random bits, so a plain SHA-256 is the right hash: nobody can try enough tokens, and the slow salted
// hashes that passwords need would only make every call slow. docs/security.md says how to make one.
#ifndef BAYESPFL_SERVER_SECURITY_TOKEN_STORE_H_
#define BAYESPFL_SERVER_SECURITY_TOKEN_STORE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"

namespace bayespfl::server {

// Each may do everything that those before it may.
enum class Role {
  kInspect,      // calls the port of inspection
  kInspectHigh,  // its frames may have high priority
  kAdmin,        // calls everything
};
absl::string_view RoleName(Role role);  // "inspect", "inspect-high", "admin"

// InvalidArgument: none of the three names.
absl::StatusOr<Role> ParseRole(absl::string_view name);

// The holder of a token.
struct Caller {
  std::string name;  // 1..64 of A-Z a-z 0-9 . _ -
  Role role = Role::kInspect;
};

struct TokenEntry {
  Caller caller;
  std::array<uint8_t, 32> sha256{};  // of the token's characters
};

// Most entries of a file: each call's token is compared with all of them.
inline constexpr size_t kMaxTokens = 1000;

// The entries of a file's text. InvalidArgument: no YAML list, an entry without exactly name, role and sha256, a bad
// value, a name or hash that appears twice, over kMaxTokens. An empty list ("[]") is valid and lets nobody in.
absl::StatusOr<std::vector<TokenEntry>> ParseTokens(const std::string& yaml);

struct NewToken {
  std::string token;  // "bpfl_" and 256 random bits in base64url; the prefix lets scanners find leaked ones
  std::string entry;  // its line of the file
};

// InvalidArgument: no such name can be in the file. Internal: the system gives no random numbers.
absl::StatusOr<NewToken> MakeToken(const std::string& name, Role role);

// The entries of one file. Thread-safe.
class TokenStore {
 public:
  // Errors as ReadFile's (base/files.h) and ParseTokens', with the file's name.
  static absl::StatusOr<std::unique_ptr<TokenStore>> Load(std::string file);

  // The holder of `token`. Takes as long whether and wherever it is found.
  std::optional<Caller> Find(absl::string_view token) const;

  // Reads the file again. True: its entries replace the old ones; false: it has not changed. After an error the old
  // ones stay.
  absl::StatusOr<bool> Reload();

  size_t size() const;

  // SHA-256 of the file's content that is in force, 64 hexadecimal digits.
  std::string digest() const;

  // The names of all entries, in the file's order.
  std::vector<std::string> names() const;

 private:
  using Entries = std::shared_ptr<const std::vector<TokenEntry>>;

  TokenStore(std::string file, std::string text, Entries entries)
      : file_(std::move(file)), text_(std::move(text)), entries_(std::move(entries)) {}
  Entries entries() const;

  const std::string file_;
  mutable Mutex mu_;
  std::string text_ ABSL_GUARDED_BY(mu_);  // what `entries_` was read from
  Entries entries_ ABSL_GUARDED_BY(mu_);
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_SECURITY_TOKEN_STORE_H_
