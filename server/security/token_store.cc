#include "server/security/token_store.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/files.h"

namespace bayespfl::server {
namespace {

constexpr size_t kMaxFileBytes = size_t{1} << 20;
constexpr size_t kMaxNameBytes = 64;
constexpr size_t kTokenBytes = 32;
constexpr absl::string_view kTokenPrefix = "bpfl_";
constexpr std::array<absl::string_view, 3> kRoleNames = {"inspect", "inspect-high", "admin"};  // Role's order
using Digest = std::array<uint8_t, SHA256_DIGEST_LENGTH>;

Digest Sha256(absl::string_view text) {
  Digest digest;
  SHA256(reinterpret_cast<const uint8_t*>(text.data()), text.size(), digest.data());
  return digest;
}

std::string Hex(const Digest& digest) {
  return absl::BytesToHexString({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

absl::Status CheckName(absl::string_view name) {
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
  });
  if (plain && !name.empty() && name.size() <= kMaxNameBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("a name has 1 to ", kMaxNameBytes, " letters, digits, dots, underscores and hyphens"));
}

absl::StatusOr<Digest> ParseDigest(const std::string& hex) {
  Digest digest{};
  const bool digits =
      std::all_of(hex.begin(), hex.end(), [](char c) { return absl::ascii_isxdigit(static_cast<unsigned char>(c)); });
  if (!digits || hex.size() != 2 * digest.size()) {
    // Not the value itself: somebody may have put the token there.
    return absl::InvalidArgumentError("sha256 is not 64 hexadecimal digits");
  }
  const std::string bytes = absl::HexStringToBytes(hex);
  std::copy(bytes.begin(), bytes.end(), digest.begin());
  return digest;
}

// The text under `key` of an entry.
absl::StatusOr<std::string> Field(const YAML::Node& entry, const char* key) {
  const YAML::Node value = entry[key];
  if (!value || !value.IsScalar()) return absl::InvalidArgumentError(absl::StrCat(key, " is missing"));
  return value.Scalar();
}

absl::StatusOr<TokenEntry> ParseEntry(const YAML::Node& node) {
  constexpr size_t kFields = 3;
  if (!node.IsMap() || node.size() != kFields) {
    return absl::InvalidArgumentError("an entry has exactly name, role and sha256");
  }
  const absl::StatusOr<std::string> name = Field(node, "name");
  if (!name.ok()) return name.status();
  const absl::StatusOr<std::string> role_name = Field(node, "role");
  if (!role_name.ok()) return role_name.status();
  const absl::StatusOr<std::string> hex = Field(node, "sha256");
  if (!hex.ok()) return hex.status();
  const absl::Status named = CheckName(*name);
  if (!named.ok()) return named;
  const absl::StatusOr<Role> role = ParseRole(*role_name);
  if (!role.ok()) return role.status();
  const absl::StatusOr<Digest> digest = ParseDigest(*hex);
  if (!digest.ok()) return digest.status();
  return TokenEntry{.caller = {.name = *name, .role = *role}, .sha256 = *digest};
}

absl::StatusOr<std::vector<TokenEntry>> ParseList(const YAML::Node& root) {
  if (!root.IsSequence()) return absl::InvalidArgumentError("expected a list of tokens");
  if (root.size() > kMaxTokens) return absl::InvalidArgumentError(absl::StrCat("more than ", kMaxTokens, " tokens"));
  std::vector<TokenEntry> entries;
  std::set<std::string> names;
  std::set<Digest> digests;
  for (const YAML::Node& node : root) {
    absl::StatusOr<TokenEntry> entry = ParseEntry(node);
    absl::Status status = entry.status();
    if (status.ok() && (!names.insert(entry->caller.name).second || !digests.insert(entry->sha256).second)) {
      status = absl::InvalidArgumentError("its name or sha256 appears twice");
    }
    if (!status.ok()) {
      return absl::Status(status.code(), absl::StrCat("token ", entries.size() + 1, ": ", status.message()));
    }
    entries.push_back(*std::move(entry));
  }
  return entries;
}

}  // namespace

absl::string_view RoleName(Role role) { return kRoleNames.at(static_cast<size_t>(role)); }

absl::StatusOr<Role> ParseRole(absl::string_view name) {
  for (const Role role : {Role::kInspect, Role::kInspectHigh, Role::kAdmin}) {
    if (name == RoleName(role)) return role;
  }
  return absl::InvalidArgumentError("a role is inspect, inspect-high or admin");
}

absl::StatusOr<std::vector<TokenEntry>> ParseTokens(const std::string& yaml) {
  try {
    return ParseList(YAML::Load(yaml));
  } catch (const YAML::Exception& error) {  // yaml-cpp has no other way to report
    return absl::InvalidArgumentError(absl::StrCat("no valid YAML in line ", error.mark.line + 1));
  }
}

absl::StatusOr<NewToken> MakeToken(const std::string& name, Role role) {
  const absl::Status named = CheckName(name);
  if (!named.ok()) return named;
  std::array<uint8_t, kTokenBytes> random{};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) {
    return absl::InternalError("the system gives no random numbers");
  }
  const std::string token = absl::StrCat(
      kTokenPrefix, absl::WebSafeBase64Escape({reinterpret_cast<const char*>(random.data()), random.size()}));
  return NewToken{
      .token = token,
      .entry = absl::StrCat("- {name: ", name, ", role: ", RoleName(role), ", sha256: ", Hex(Sha256(token)), "}")};
}

absl::StatusOr<std::unique_ptr<TokenStore>> TokenStore::Load(std::string file) {
  auto store = std::unique_ptr<TokenStore>(
      new TokenStore(std::move(file), "", std::make_shared<const std::vector<TokenEntry>>()));
  const absl::StatusOr<bool> loaded = store->Reload();
  if (!loaded.ok()) return loaded.status();
  return store;
}

absl::StatusOr<bool> TokenStore::Reload() {
  absl::StatusOr<std::string> text = ReadFile(file_, kMaxFileBytes);
  if (!text.ok()) return text.status();
  MutexLock lock(mu_);
  if (*text == text_) return false;
  absl::StatusOr<std::vector<TokenEntry>> entries = ParseTokens(*text);
  if (!entries.ok())
    return absl::Status(entries.status().code(), absl::StrCat(file_, ": ", entries.status().message()));
  entries_ = std::make_shared<const std::vector<TokenEntry>>(*std::move(entries));
  text_ = *std::move(text);
  return true;
}

TokenStore::Entries TokenStore::entries() const {
  MutexLock lock(mu_);
  return entries_;
}

size_t TokenStore::size() const { return entries()->size(); }

std::string TokenStore::digest() const {
  MutexLock lock(mu_);
  return Hex(Sha256(text_));
}

std::vector<std::string> TokenStore::names() const {
  const Entries all = entries();
  std::vector<std::string> names;
  names.reserve(all->size());
  for (const TokenEntry& entry : *all) names.push_back(entry.caller.name);
  return names;
}

std::optional<Caller> TokenStore::Find(absl::string_view token) const {
  const Digest digest = Sha256(token);
  const Entries all = entries();
  const TokenEntry* found = nullptr;
  for (const TokenEntry& entry : *all) {
    if (CRYPTO_memcmp(entry.sha256.data(), digest.data(), digest.size()) == 0) found = &entry;
  }
  if (found == nullptr) return std::nullopt;
  return found->caller;
}

}  // namespace bayespfl::server
