#include "server/runtime/open_connections.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "absl/strings/numbers.h"
#include "grpc/grpc.h"
#include "grpc/support/alloc.h"

namespace bayespfl::server {
namespace {

using nlohmann::json;

// What channelz answers: protobuf's JSON, in which numbers of 64 bits are texts and what is empty is left out.
json Parse(char* answer) {
  const std::unique_ptr<char, decltype(&gpr_free)> owned(answer, &gpr_free);
  return owned == nullptr ? json() : json::parse(owned.get(), nullptr, /*allow_exceptions=*/false);
}

// Calls `visit` with the ids of `list`, which comes in pages: `page(id)` begins with the first that is not below `id`.
void ForEachId(const char* list, const std::function<char*(intptr_t id)>& page,
               const std::function<std::optional<intptr_t>(const json& item)>& id_of,
               const std::function<void(intptr_t id)>& visit) {
  intptr_t next = 0;
  for (;;) {
    const json answer = Parse(page(next));
    if (!answer.is_object() || !answer.contains(list)) return;
    for (const json& item : answer[list]) {
      const std::optional<intptr_t> id = id_of(item);
      if (!id.has_value()) return;
      visit(*id);
      next = *id + 1;
    }
    if (answer.value("end", false)) return;
  }
}

std::optional<intptr_t> IdOf(const json& ref, const char* key) {
  int64_t id = 0;
  if (!ref.is_object() || !absl::SimpleAtoi(ref.value(key, std::string()), &id)) return std::nullopt;
  return static_cast<intptr_t>(id);
}

size_t ConnectionsTo(intptr_t server) {
  size_t connections = 0;
  ForEachId(
      "socketRef", [server](intptr_t id) { return grpc_channelz_get_server_sockets(server, id, /*max_results=*/0); },
      [](const json& socket) { return IdOf(socket, "socketId"); }, [&connections](intptr_t) { ++connections; });
  return connections;
}

}  // namespace

size_t OpenConnections() {
  size_t connections = 0;
  ForEachId(
      "server", [](intptr_t id) { return grpc_channelz_get_servers(id); },
      [](const json& server) { return IdOf(server.value("ref", json()), "serverId"); },
      [&connections](intptr_t server) { connections += ConnectionsTo(server); });
  return connections;
}

}  // namespace bayespfl::server
