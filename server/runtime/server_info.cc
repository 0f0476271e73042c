#include "server/runtime/server_info.h"

#include <cstdint>

#include "server/runtime/component_options.h"

namespace bayespfl::server {

inspection::v1::GetServerInfoResponse ServerInfoOf(const ServerConfig& config) {
  inspection::v1::GetServerInfoResponse info;
  info.set_version(BAYESPFL_VERSION);
  inspection::v1::ServerLimits& limits = *info.mutable_limits();
  limits.set_max_message_bytes(static_cast<uint64_t>(MaxMessageBytes(config)));
  limits.set_max_picture_bytes(static_cast<uint64_t>(config.max_image_bytes));
  limits.set_max_picture_pixels(static_cast<uint64_t>(config.max_image_pixels));
  limits.set_max_frames_per_stream(static_cast<uint32_t>(config.max_frames_per_stream));
  limits.set_max_frames_in_flight(static_cast<uint32_t>(config.max_frames_in_flight));
  limits.set_max_streams(static_cast<uint32_t>(config.max_streams));
  limits.set_max_streams_per_client(static_cast<uint32_t>(config.max_streams_per_client));
  limits.set_max_frames_per_second_per_client(static_cast<uint32_t>(config.max_frames_per_second_per_client));
  limits.mutable_min_ping_interval()->set_seconds(config.min_ping_interval_seconds);
  if (config.max_stream_age_seconds > 0) limits.mutable_max_stream_age()->set_seconds(config.max_stream_age_seconds);
  return info;
}

}  // namespace bayespfl::server
