#include "server/runtime/open_connections.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
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

void ForEachServer(const std::function<void(intptr_t id)>& visit) {
  ForEachId(
      "server", [](intptr_t id) { return grpc_channelz_get_servers(id); },
      [](const json& server) { return IdOf(server.value("ref", json()), "serverId"); }, visit);
}

// `name` is "chttp2 ipv4:127.0.0.1:43210".
void ForEachSocket(const std::function<void(intptr_t id, const std::string& name)>& visit) {
  ForEachServer([&visit](intptr_t server) {
    std::string name;
    ForEachId(
        "socketRef", [server](intptr_t id) { return grpc_channelz_get_server_sockets(server, id, /*max_results=*/0); },
        [&name](const json& socket) {
          name = socket.is_object() ? socket.value("name", std::string()) : std::string();
          return IdOf(socket, "socketId");
        },
        [&](intptr_t id) { visit(id, name); });
  });
}

// Those that `what`, "calls" or "streams", says are not over, in the answer about a `thing`, "server" or "socket".
int64_t NotOver(const json& answer, const char* thing, const std::string& what) {
  if (!answer.is_object()) return 0;
  const json data = answer.value(thing, json::object()).value("data", json::object());
  const auto count = [&](const char* key) {
    int64_t number = 0;
    return absl::SimpleAtoi(data.value(what + key, std::string()), &number) ? number : 0;
  };
  return count("Started") - count("Succeeded") - count("Failed");
}

int64_t CallsOn(intptr_t socket) { return NotOver(Parse(grpc_channelz_get_socket(socket)), "socket", "streams"); }

}  // namespace

std::vector<PeerCalls> OpenCalls(const std::function<bool(absl::string_view peer)>& wanted) {
  std::vector<PeerCalls> calls;
  ForEachSocket([&](intptr_t id, absl::string_view name) {
    if (absl::ConsumePrefix(&name, "chttp2 ") && wanted(name)) calls.push_back({std::string(name), CallsOn(id)});
  });
  return calls;
}

CallCounts CallCounter::Look() {
  // A server counts a call as over when its service has been told that it ended, a connection when its stream has
  // ended: what the server still waits for although no connection has it was never handed to a service. The servers are
  // asked first: a call that begins meanwhile makes the number too small, for this look.
  CallCounts counts;
  ForEachServer(
      [&](intptr_t id) { counts.unheard += NotOver(Parse(grpc_channelz_get_server(id)), "server", "calls"); });
  ForEachSocket([&](intptr_t id, const std::string&) {
    const int64_t open = CallsOn(id);
    counts.most_open = std::max(counts.most_open, open);
    counts.unheard -= open;
  });
  return counts;
}

CallCounts CallCounter::Count() {
  CallCounts now = Look();
  const std::chrono::steady_clock::time_point time = std::chrono::steady_clock::now();
  const MutexLock lock(mu_);
  if (time - looked_ >= std::chrono::seconds(1)) {
    unheard_ = std::max(unheard_, std::min({now.unheard, before_[0], before_[1]}));
    before_ = {before_[1], now.unheard};
    looked_ = time;
  }
  now.unheard = unheard_;
  return now;
}

}  // namespace bayespfl::server
