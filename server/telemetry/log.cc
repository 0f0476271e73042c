#include "server/telemetry/log.h"

#include <array>
#include <cstddef>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "spdlog/sinks/stdout_sinks.h"

namespace bayespfl::server {

absl::StatusOr<Logger> CreateLogger(absl::string_view level) {
  static constexpr std::array<std::pair<absl::string_view, spdlog::level::level_enum>, 5> kLevels = {{
      {"debug", spdlog::level::debug},
      {"info", spdlog::level::info},
      {"warning", spdlog::level::warn},
      {"error", spdlog::level::err},
      {"off", spdlog::level::off},
  }};
  for (const auto& [name, value] : kLevels) {
    if (name != level) continue;
    auto logger =
        std::make_shared<spdlog::logger>("bayespfl-server", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
    logger->set_level(value);
    logger->flush_on(spdlog::level::info);
    return logger;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("log_level is ", EscapeForLog(level), "; expected debug, info, warning, error or off"));
}

std::string EscapeForLog(absl::string_view text) {
  constexpr size_t kMaxBytes = 256;
  const bool cut = text.size() > kMaxBytes;
  return absl::StrCat("\"", absl::CHexEscape(text.substr(0, kMaxBytes)), cut ? "...\"" : "\"");
}

}  // namespace bayespfl::server
