#include "server/runtime/connection_options.h"

#include "grpc/impl/codegen/grpc_types.h"
#include "grpcpp/resource_quota.h"

namespace bayespfl::server {
namespace {

// For TLS, and the first words of HTTP/2. gRPC would wait for two minutes, and a connection that says nothing takes a
// place all the while.
constexpr std::chrono::seconds kHandshakeTime(20);

int Milliseconds(std::chrono::milliseconds time) { return static_cast<int>(time.count()); }

}  // namespace

void ApplyConnectionOptions(const ConnectionOptions& options, grpc::ServerBuilder& builder) {
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.max_calls);
  builder.SetResourceQuota(grpc::ResourceQuota().Resize(static_cast<size_t>(options.max_incoming_bytes / 2 * 3)));
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, Milliseconds(kHandshakeTime));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(options.keepalive_time));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(options.keepalive_timeout));
  // Both ways: the server asks clients without calls too, and they may ask it.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  // gRPC keeps back the third ping to a peer that gets nothing else: on a stream whose line stands still, the question
  // would never be asked.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // gRPC counts every ping that comes too early, for as long as it sends no data, and the third one is the last: pings
  // at exactly the permitted interval, some of them sped up by the network, must not add up to that.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             Milliseconds(options.min_ping_interval) * 4 / 5);
  if (options.max_age <= std::chrono::seconds(0)) return;
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, Milliseconds(options.max_age));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, Milliseconds(options.max_grace));
}

}  // namespace bayespfl::server
