#include "server/security/client_identity.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "grpcpp/security/auth_context.h"
#include "server/security/authorizer.h"

namespace bayespfl::server {
namespace {

constexpr size_t kMaxClientBytes = 256;

std::optional<Caller> CallerOf(const grpc::ServerContextBase& context, const TokenStore* tokens) {
  if (tokens == nullptr) return std::nullopt;
  const auto header = context.client_metadata().find("authorization");
  if (header == context.client_metadata().end()) return std::nullopt;
  const std::optional<absl::string_view> token = BearerToken({header->second.data(), header->second.size()});
  return token.has_value() ? tokens->Find(*token) : std::nullopt;
}

// The name that the client's certificate carries; empty without one.
std::string CertificateName(const grpc::ServerContextBase& context) {
  const std::shared_ptr<const grpc::AuthContext> peer = context.auth_context();
  if (peer == nullptr || !peer->IsPeerAuthenticated()) return "";
  const std::vector<grpc::string_ref> names = peer->GetPeerIdentity();
  return names.empty() ? std::string() : std::string(names.front().data(), names.front().size());
}

// "2001:db8:0:1::/64" of an IPv6 address; nothing when it is none.
std::optional<std::string> Network64(std::string address) {
  address.resize(std::min(address.size(), address.find('%')));  // a link-local address's zone
  in6_addr bytes{};
  if (inet_pton(AF_INET6, address.c_str(), &bytes) != 1) return std::nullopt;
  constexpr size_t kNetworkBytes = 8;
  std::fill(std::begin(bytes.s6_addr) + kNetworkBytes, std::end(bytes.s6_addr), uint8_t{0});
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (inet_ntop(AF_INET6, &bytes, text.data(), text.size()) == nullptr) return std::nullopt;
  return absl::StrCat(text.data(), "/64");
}

}  // namespace

std::string PeerHost(absl::string_view peer) {
  const absl::string_view address = peer.substr(0, std::min(peer.rfind(':'), peer.size()));
  absl::string_view host = address;
  if (absl::ConsumePrefix(&host, "ipv4:")) return std::string(host);
  if (!absl::ConsumePrefix(&host, "ipv6:")) return std::string(peer);
  const std::string bare = absl::StrReplaceAll(host, {{"%5B", ""}, {"%5D", ""}, {"[", ""}, {"]", ""}, {"%25", "%"}});
  constexpr absl::string_view kMapped = "::ffff:";  // an IPv4 client on a socket for both
  if (absl::StartsWithIgnoreCase(bare, kMapped) && absl::StrContains(bare, '.')) return bare.substr(kMapped.size());
  return Network64(bare).value_or(std::string(peer));
}

ClientIdentity IdentityOf(const grpc::ServerContextBase& context, const TokenStore* tokens) {
  ClientIdentity identity;
  identity.caller = CallerOf(context, tokens);
  identity.peer = context.peer();
  if (identity.caller.has_value()) {
    identity.client = absl::StrCat(kTokenClientPrefix, identity.caller->name);
  } else if (const std::string name = CertificateName(context); !name.empty()) {
    identity.client = absl::StrCat("tls:", name);
  } else {
    identity.client = absl::StrCat("peer:", PeerHost(identity.peer));
  }
  identity.client.resize(std::min(identity.client.size(), kMaxClientBytes));
  return identity;
}

}  // namespace bayespfl::server
