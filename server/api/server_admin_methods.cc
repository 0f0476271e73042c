#include "server/api/server_admin_methods.h"

#include <chrono>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "bayespfl/admin/v1/server_admin.pb.h"
#include "server/api/status.h"

namespace bayespfl::server {
namespace {

namespace v1 = admin::v1;

void SetTime(absl::Time time, google::protobuf::Timestamp& timestamp) {
  const timespec parts = absl::ToTimespec(time);
  timestamp.set_seconds(parts.tv_sec);
  timestamp.set_nanos(static_cast<int32_t>(parts.tv_nsec));
}

v1::ServerPhase ToProto(LifePhase phase) {
  switch (phase) {
    case LifePhase::kLoading:
      return v1::SERVER_PHASE_LOADING;
    case LifePhase::kServing:
      return v1::SERVER_PHASE_SERVING;
    case LifePhase::kFailed:
      return v1::SERVER_PHASE_FAILED;
    case LifePhase::kLameDuck:
      return v1::SERVER_PHASE_LAME_DUCK;
    case LifePhase::kDraining:
      return v1::SERVER_PHASE_DRAINING;
    case LifePhase::kStopped:
      break;
  }
  return v1::SERVER_PHASE_STOPPED;
}

v1::SettingSource ToProto(SettingSource source) {
  switch (source) {
    case SettingSource::kDefault:
      return v1::SETTING_SOURCE_DEFAULT;
    case SettingSource::kFile:
      return v1::SETTING_SOURCE_FILE;
    case SettingSource::kEnvironment:
      return v1::SETTING_SOURCE_ENVIRONMENT;
    case SettingSource::kFlag:
      break;
  }
  return v1::SETTING_SOURCE_FLAG;
}

v1::LogLevel ToProto(const LogLevelControl::State& state) {
  v1::LogLevel level;
  level.set_level(std::string(LogLevelName(state.level)));
  level.set_configured(std::string(LogLevelName(state.configured)));
  if (state.until.has_value()) SetTime(*state.until, *level.mutable_until());
  return level;
}

v1::GetConfigurationResponse ToProto(const EffectiveConfiguration& configuration) {
  v1::GetConfigurationResponse response;
  response.set_server_version(configuration.server_version);
  response.set_config_file(WireMessage(configuration.config_file));
  for (const auto& [given, in_use] : configuration.settings) {
    v1::Setting& setting = *response.add_settings();
    setting.set_key(given.key);
    setting.set_value(WireMessage(given.value));
    setting.set_source(ToProto(given.source));
    setting.set_place(given.place);
    setting.set_in_use(WireMessage(in_use));
  }
  for (const ModelDigest& served : configuration.models) {
    v1::ServedModel& model = *response.add_models();
    model.set_name(served.name);
    model.set_digest(served.digest);
  }
  if (configuration.security.certificate.has_value()) {
    v1::CertificateState& certificate = *response.mutable_certificate();
    certificate.set_sha256(configuration.security.certificate->sha256);
    SetTime(configuration.security.certificate->not_after, *certificate.mutable_not_after());
  }
  if (configuration.security.tokens.has_value()) {
    response.mutable_tokens()->set_sha256(configuration.security.tokens->sha256);
    response.mutable_tokens()->set_tokens(static_cast<int64_t>(configuration.security.tokens->tokens));
  }
  return response;
}

struct WantedLevel {
  std::optional<LogLevel> level;  // absent: the configured one
  std::optional<std::chrono::milliseconds> duration;
};

absl::StatusOr<WantedLevel> Wanted(const v1::SetLogLevelRequest& request) {
  WantedLevel wanted;
  if (!request.level().empty()) {
    const absl::StatusOr<LogLevel> level = ParseLogLevel(request.level());
    if (!level.ok() || *level == LogLevel::kOff) {
      return absl::InvalidArgumentError(absl::StrCat("level is ", EscapeForLog(request.level()),
                                                     "; expected debug, info, warning or error, or none for the "
                                                     "configured one"));
    }
    wanted.level = *level;
  }
  if (!request.has_duration()) return wanted;
  if (!wanted.level.has_value()) {
    return absl::InvalidArgumentError("duration is given without a level; the configured one has no end");
  }
  const absl::Duration duration =
      absl::Seconds(request.duration().seconds()) + absl::Nanoseconds(request.duration().nanos());
  if (duration < absl::Milliseconds(1) || duration > kLongestLogLevel) {
    return absl::InvalidArgumentError(absl::StrCat("duration is ", absl::FormatDuration(duration),
                                                   "; expected 1 ms to ", absl::FormatDuration(kLongestLogLevel)));
  }
  wanted.duration = absl::ToChronoMilliseconds(duration);
  return wanted;
}

// "debug, 10m": what the audit log says.
std::string TargetOf(const v1::SetLogLevelRequest& request) {
  const std::string level = request.level().empty() ? "configured" : request.level();
  if (!request.has_duration()) return level;
  return absl::StrCat(level, ", ",
                      absl::FormatDuration(absl::Seconds(request.duration().seconds()) +
                                           absl::Nanoseconds(request.duration().nanos())));
}

// Methods that take no parameters: `reply` fills the response in.
template <typename Request, typename Response, typename Fill>
void Answer(AdminCall& call, const Fill& fill) {
  Request request;
  const absl::Status parsed = call.Parse(request);
  if (!parsed.ok()) return call.End(parsed);
  Response response;
  const absl::Status filled = fill(response);
  return filled.ok() ? call.Reply(response) : call.End(filled);
}

void GetLogLevel(AdminCall& call, const ServerControl& control) {
  Answer<v1::GetLogLevelRequest, v1::GetLogLevelResponse>(call, [&control](v1::GetLogLevelResponse& response) {
    *response.mutable_log_level() = ToProto(control.log_level());
    return absl::OkStatus();
  });
}

void SetLogLevel(AdminCall& call, const ServerControl& control) {
  v1::SetLogLevelRequest request;
  const absl::Status parsed = call.Parse(request);
  if (!parsed.ok()) return call.End(parsed);
  call.set_target(TargetOf(request));
  const absl::StatusOr<WantedLevel> wanted = Wanted(request);
  if (!wanted.ok()) return call.End(wanted.status());
  v1::SetLogLevelResponse response;
  *response.mutable_log_level() = ToProto(control.set_log_level(wanted->level, wanted->duration));
  call.Reply(response);
}

void Drain(AdminCall& call, const ServerControl& control) {
  Answer<v1::DrainRequest, v1::DrainResponse>(call, [&control](v1::DrainResponse& response) {
    const absl::StatusOr<DrainProgress> progress = control.drain();
    if (!progress.ok()) return progress.status();
    response.set_phase(ToProto(progress->phase));
    response.set_frames_in_flight(progress->frames_in_flight);
    response.set_streams_open(static_cast<int64_t>(progress->streams_open));
    response.set_calls_open(progress->calls_open);
    return absl::OkStatus();
  });
}

void GetConfiguration(AdminCall& call, const ServerControl& control) {
  Answer<v1::GetConfigurationRequest, v1::GetConfigurationResponse>(call,
                                                                    [&control](v1::GetConfigurationResponse& response) {
                                                                      response = ToProto(control.configuration());
                                                                      return absl::OkStatus();
                                                                    });
}

}  // namespace

std::vector<AdminMethod> ServerAdminMethods(ServerControl control) {
  const auto shared = std::make_shared<const ServerControl>(std::move(control));
  const auto method = [&shared](const char* name, void (*run)(AdminCall&, const ServerControl&)) {
    return AdminMethod{absl::StrCat("/bayespfl.admin.v1.ServerAdminService/", name),
                       [run, shared](AdminCall& call) { run(call, *shared); }};
  };
  return {method("GetLogLevel", GetLogLevel), method("SetLogLevel", SetLogLevel), method("Drain", Drain),
          method("GetConfiguration", GetConfiguration)};
}

}  // namespace bayespfl::server
