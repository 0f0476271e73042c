// What the server tells clients of itself.
#ifndef BAYESPFL_SERVER_RUNTIME_SERVER_INFO_H_
#define BAYESPFL_SERVER_RUNTIME_SERVER_INFO_H_

#include "bayespfl/inspection/v1/inspection.pb.h"
#include "server/runtime/config.h"

namespace bayespfl::server {

// Version and limits, as configured.
inspection::v1::GetServerInfoResponse ServerInfoOf(const ServerConfig& config);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_SERVER_INFO_H_
