// The administration of the server itself over real sockets: log level, drain, configuration, and what a reload says.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "bayespfl/admin/v1/server_admin.grpc.pb.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "inference/grpc_service.grpc.pb.h"
#include "server/runtime/setting_table.h"
#include "server/security/token_store.h"
#include "tests/server/kserve_requests.h"
#include "tests/server/service_fixture.h"
#include "tests/server/until.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl::server {
namespace {

using admin::v1::ServerAdminService;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class ServerAdminTest : public ServiceTest {
 protected:
  void SetUp() override {}  // each test starts its own

  void StartAdmin(ServerConfig config, ServerOptions options = {}, bool wait = true) {
    config.admin_port = 0;
    options.config = std::move(config);
    options.loader = Loader();
    options.logger = *CreateLogger({.level = options.config.log_level, .format = "text", .write = [this](auto line) {
                                      MutexLock lock(mu_);
                                      absl::StrAppend(&log_, line);
                                    }});
    ASSERT_NO_FATAL_FAILURE(StartServer(std::move(options), wait));
    channel_ = Connect(server_->grpc_address());
    stub_ = v1::InspectionService::NewStub(channel_);
    admin_ = ServerAdminService::NewStub(Connect(server_->admin_address()));
  }

  std::string Log() const {
    MutexLock lock(mu_);
    return log_;
  }

  grpc::Status SetLevel(const std::string& level, std::chrono::nanoseconds duration = {},
                        admin::v1::LogLevel* answer = nullptr, const std::string& token = {}) const {
    admin::v1::SetLogLevelRequest request;
    request.set_level(level);
    if (duration.count() != 0) {
      request.mutable_duration()->set_seconds(duration.count() / 1'000'000'000);
      request.mutable_duration()->set_nanos(static_cast<int32_t>(duration.count() % 1'000'000'000));
    }
    grpc::ClientContext context;
    if (!token.empty()) context.AddMetadata("authorization", absl::StrCat("Bearer ", token));
    admin::v1::SetLogLevelResponse response;
    const grpc::Status status = admin_->SetLogLevel(&context, request, &response);
    if (answer != nullptr) *answer = response.log_level();
    return status;
  }
  admin::v1::LogLevel Level() const {
    grpc::ClientContext context;
    admin::v1::GetLogLevelResponse response;
    EXPECT_TRUE(admin_->GetLogLevel(&context, {}, &response).ok());
    return response.log_level();
  }
  admin::v1::DrainResponse Drain() const {
    grpc::ClientContext context;
    admin::v1::DrainResponse response;
    const grpc::Status status = admin_->Drain(&context, {}, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  admin::v1::GetConfigurationResponse Configuration() const {
    grpc::ClientContext context;
    admin::v1::GetConfigurationResponse response;
    EXPECT_TRUE(admin_->GetConfiguration(&context, {}, &response).ok());
    return response;
  }

  mutable Mutex mu_;
  std::string log_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<ServerAdminService::Stub> admin_;
};

// The settings of `config`, as if all came from the environment.
std::vector<EffectiveSetting> SettingsFrom(ServerConfig config) {
  std::vector<EffectiveSetting> settings = SettingTable(SettingsOf(config)).Effective();
  for (EffectiveSetting& setting : settings) {
    setting.source = SettingSource::kEnvironment;
    setting.place = "BAYESPFL_X";
  }
  return settings;
}

admin::v1::Setting SettingOf(const admin::v1::GetConfigurationResponse& configuration, absl::string_view key) {
  for (const admin::v1::Setting& setting : configuration.settings()) {
    if (setting.key() == key) return setting;
  }
  ADD_FAILURE() << "no setting " << key;
  return {};
}

// ---- Log level -----------------------------------------------------------------------------------------------------

TEST_F(ServerAdminTest, TheLogLevelIsChangedAndComesBack) {
  ServerConfig config = DefaultConfig();
  config.log_level = "error";
  StartAdmin(config);
  EXPECT_EQ(Level().level(), "error");

  admin::v1::LogLevel level;
  EXPECT_TRUE(SetLevel("debug", {}, &level).ok());
  EXPECT_EQ(level.level(), "debug");
  EXPECT_EQ(level.configured(), "error");
  EXPECT_FALSE(level.has_until());
  EXPECT_TRUE(Inspect(MakeRequest()).ok());
  EXPECT_TRUE(Eventually([this] { return absl::StrContains(Log(), "debug the frame was answered"); }));
  EXPECT_TRUE(SetLevel("", {}, &level).ok());

  EXPECT_EQ(level.level(), "error");
  EXPECT_THAT(Log(), AllOf(HasSubstr("the log level changes level_before=error level_now=debug\n"),
                           HasSubstr("the log level changes level_before=debug level_now=error\n")));
}

TEST_F(ServerAdminTest, ALogLevelThatWasSetForATimeGoesByItself) {
  StartAdmin(DefaultConfig());
  admin::v1::LogLevel level;

  EXPECT_TRUE(SetLevel("debug", std::chrono::milliseconds(1), &level).ok());

  EXPECT_TRUE(level.has_until());
  EXPECT_TRUE(Eventually([this] { return Level().level() == "info"; }));
  EXPECT_FALSE(Level().has_until());
}

TEST_F(ServerAdminTest, ALogLevelForATimeSaysWhenItGoes) {
  StartAdmin(DefaultConfig());
  admin::v1::LogLevel level;
  const int64_t before = absl::ToUnixSeconds(absl::Now());

  EXPECT_TRUE(SetLevel("debug", std::chrono::hours(1), &level).ok());

  const int64_t after = absl::ToUnixSeconds(absl::Now());
  EXPECT_GE(level.until().seconds(), before + 3600);
  EXPECT_LE(level.until().seconds(), after + 3600);
  EXPECT_EQ(Level().until().seconds(), level.until().seconds());
  EXPECT_EQ(Level().level(), "debug") << "it is not over";
}

TEST_F(ServerAdminTest, RefusesWhatIsNoLevelAndNoTime) {
  StartAdmin(DefaultConfig());
  const auto code = [this](const std::string& level, std::chrono::nanoseconds duration = {}) {
    return SetLevel(level, duration).error_code();
  };

  EXPECT_EQ(code("loud\n"), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(code("off"), grpc::StatusCode::INVALID_ARGUMENT) << "it would end the audit log";
  EXPECT_EQ(code("debug", std::chrono::nanoseconds(-1)), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(code("debug", std::chrono::hours(7 * 24 + 1)), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(code("", std::chrono::seconds(1)), grpc::StatusCode::INVALID_ARGUMENT);

  EXPECT_EQ(Level().level(), "info");
  EXPECT_THAT(Log(), HasSubstr("SetLogLevel target=\"loud\\n\" code=INVALID_ARGUMENT\n"));
}

// ---- Drain ---------------------------------------------------------------------------------------------------------

TEST_F(ServerAdminTest, ADrainAnswersWhatWasAcceptedEndsStreamsAndLeavesTheProcessAlone) {
  ServerConfig config = DefaultConfig();
  config.drain_delay_seconds = 0;
  StartAdmin(config);
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
  stream->Write(MakeConfiguration());
  detector_->Hold();
  stream->Write(MakeFrame("held"));
  WaitForMetric("bayespfl_frames_in_flight 1");

  Drain();
  EXPECT_TRUE(Eventually([this] { return Drain().phase() == admin::v1::SERVER_PHASE_DRAINING; }));
  const admin::v1::DrainResponse held = Drain();
  Http("/readyz", 503);
  Http("/livez", 200);
  const grpc::Status refused = Inspect(MakeRequest());
  detector_->Release();
  v1::InspectStreamResponse reply;
  EXPECT_TRUE(stream->Read(&reply) && reply.has_result());
  EXPECT_FALSE(stream->Read(&reply));

  EXPECT_EQ(held.frames_in_flight(), 1);
  EXPECT_EQ(held.streams_open(), 1);
  EXPECT_EQ(held.calls_open(), 1);
  EXPECT_EQ(ErrorOf(refused).reason(), v1::ERROR_REASON_DRAINING);
  EXPECT_EQ(ErrorOf(stream->Finish()).reason(), v1::ERROR_REASON_DRAINING);
  EXPECT_TRUE(Eventually([this] { return Drain().calls_open() == 0; }));
  EXPECT_EQ(Drain().frames_in_flight(), 0);
  WaitForMetric("bayespfl_draining 1");
  grpc::health::v1::HealthCheckResponse health;
  grpc::ClientContext health_context;
  EXPECT_TRUE(grpc::health::v1::Health::NewStub(channel_)->Check(&health_context, {}, &health).ok());
  EXPECT_EQ(health.status(), grpc::health::v1::HealthCheckResponse::NOT_SERVING);
}

TEST_F(ServerAdminTest, ADrainedServerTakesNoNewWorkOfAnyKind) {
  ServerConfig config = DefaultConfig();
  config.drain_delay_seconds = 0;
  StartAdmin(config);
  const size_t frames = detector_->frames();

  Drain();
  EXPECT_TRUE(Eventually([this] { return Drain().phase() == admin::v1::SERVER_PHASE_DRAINING; }));

  EXPECT_EQ(ErrorOf(Inspect(MakeRequest())).reason(), v1::ERROR_REASON_DRAINING);
  grpc::ClientContext stream_context;
  EXPECT_EQ(ErrorOf(stub_->InspectStream(&stream_context)->Finish()).reason(), v1::ERROR_REASON_DRAINING);
  const auto kserve = inference::GRPCInferenceService::NewStub(channel_);
  grpc::ClientContext infer_context;
  inference::ModelInferResponse inferred;
  EXPECT_EQ(kserve->ModelInfer(&infer_context, MakeKserveRequest({EncodePng()}), &inferred).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  grpc::ClientContext infer_stream_context;
  EXPECT_EQ(kserve->ModelStreamInfer(&infer_stream_context)->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(detector_->frames(), frames) << "nothing of it was looked at";
}

TEST_F(ServerAdminTest, ADrainTellsTheBalancersFirstAndTakesWorkMeanwhile) {
  ServerConfig config = DefaultConfig();
  config.drain_delay_seconds = 1;
  StartAdmin(config);
  const auto begin = std::chrono::steady_clock::now();

  EXPECT_EQ(Drain().phase(), admin::v1::SERVER_PHASE_LAME_DUCK);
  Http("/readyz", 503);
  server_->Shutdown();  // waits for the rest of the delay, and begins no other

  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
  const std::string log = Log();
  EXPECT_EQ(log.find("about to drain"), log.rfind("about to drain")) << log;
}

TEST_F(ServerAdminTest, AServerThatIsStillLoadingCannotBeDrained) {
  detector_->Hold();  // the warm-up waits
  StartAdmin(DefaultConfig(), {}, /*wait=*/false);
  grpc::ClientContext context;
  admin::v1::DrainResponse response;

  const grpc::Status status = admin_->Drain(&context, {}, &response);
  detector_->Release();

  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("LOADING"));
  EXPECT_THAT(Log(), HasSubstr("ServerAdminService/Drain code=FAILED_PRECONDITION\n"));
  EXPECT_TRUE(server_->WaitUntilLoaded().ok());
}

// ---- Configuration -------------------------------------------------------------------------------------------------

TEST_F(ServerAdminTest, TheConfigurationHasEverySettingWithItsPlace) {
  const ServerConfig config = DefaultConfig();
  StartAdmin(config, {.config = {},
                      .loader = nullptr,
                      .logger = nullptr,
                      .settings = SettingsFrom(config),
                      .config_file = "/etc/bayespfl/server.yaml"});

  const admin::v1::GetConfigurationResponse configuration = Configuration();

  ServerConfig defaults;
  EXPECT_EQ(configuration.settings_size(), static_cast<int>(SettingsOf(defaults).size()));
  const admin::v1::Setting frames = SettingOf(configuration, "max_frames_in_flight");
  EXPECT_EQ(frames.value(), "8");
  EXPECT_EQ(frames.in_use(), "8");
  EXPECT_EQ(frames.source(), admin::v1::SETTING_SOURCE_ENVIRONMENT);
  EXPECT_EQ(frames.place(), "BAYESPFL_X");
  const admin::v1::Setting threads = SettingOf(configuration, "compute_threads");
  EXPECT_EQ(threads.value(), absl::StrCat(config.compute_threads));
  EXPECT_NE(threads.in_use(), "0") << "by the processors";
  EXPECT_EQ(configuration.config_file(), "/etc/bayespfl/server.yaml");
  ASSERT_EQ(configuration.models_size(), 1);
  EXPECT_EQ(configuration.models(0).digest(), "0123456789ab");
  EXPECT_FALSE(configuration.has_certificate());
  EXPECT_FALSE(configuration.has_tokens());
}

// ---- Who may, and what is left of it -------------------------------------------------------------------------------

TEST_F(ServerAdminTest, OnlyAnAdministratorMayAndEveryCallIsAudited) {
  const testing::TemporaryFolder folder;
  const NewToken inspect = *MakeToken("line-3", Role::kInspect);
  const NewToken robot = *MakeToken("robot", Role::kAdmin);
  ServerConfig config = DefaultConfig();
  config.tokens_file = folder.Write("tokens.yaml", absl::StrCat(inspect.entry, "\n", robot.entry, "\n"));
  StartAdmin(config);

  EXPECT_EQ(SetLevel("debug").error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(SetLevel("debug", {}, nullptr, inspect.token).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_TRUE(SetLevel("debug", std::chrono::minutes(10), nullptr, robot.token).ok());
  grpc::ClientContext context;
  context.AddMetadata("authorization", absl::StrCat("Bearer ", robot.token));
  admin::v1::GetConfigurationResponse configuration;
  EXPECT_TRUE(admin_->GetConfiguration(&context, {}, &configuration).ok());

  EXPECT_EQ(configuration.tokens().tokens(), 2);
  EXPECT_EQ(configuration.tokens().sha256().size(), 64);
  EXPECT_THAT(configuration.ShortDebugString(), Not(HasSubstr(robot.token)));
  EXPECT_THAT(Log(), AllOf(HasSubstr("audit who=line-3 role=inspect"),
                           HasSubstr("method=/bayespfl.admin.v1.ServerAdminService/SetLogLevel code=PERMISSION_DENIED"),
                           HasSubstr("SetLogLevel target=\"debug, 10m\" code=OK\n"),
                           HasSubstr("ServerAdminService/GetConfiguration code=OK\n")));
}

TEST_F(ServerAdminTest, EveryCallIsAuditedWhateverTheLevel) {
  ServerConfig config = DefaultConfig();
  config.log_level = "error";
  StartAdmin(config);

  Level();
  EXPECT_TRUE(SetLevel("warning").ok());
  EXPECT_TRUE(SetLevel("").ok());
  EXPECT_FALSE(SetLevel("off").ok());
  Configuration();
  Drain();

  std::vector<std::string> lines;
  for (const absl::string_view line : absl::StrSplit(Log(), '\n')) {
    const size_t method = line.find("ServerAdminService/");
    if (absl::StrContains(line, " info audit who=peer:127.0.0.1 ")) lines.emplace_back(line.substr(method));
  }
  EXPECT_THAT(lines, ElementsAre("ServerAdminService/GetLogLevel code=OK",
                                 "ServerAdminService/SetLogLevel target=warning code=OK",
                                 "ServerAdminService/SetLogLevel target=configured code=OK",
                                 "ServerAdminService/SetLogLevel target=off code=INVALID_ARGUMENT",
                                 "ServerAdminService/GetConfiguration code=OK", "ServerAdminService/Drain code=OK"));
}

TEST_F(ServerAdminTest, NoSecretIsInTheConfiguration) {
  const testing::TemporaryFolder folder;
  const NewToken robot = *MakeToken("robot", Role::kAdmin);
  const std::string digest = robot.entry.substr(robot.entry.rfind(' ') + 1, 64);
  ServerConfig config = DefaultConfig();
  config.tokens_file = folder.Write("tokens.yaml", absl::StrCat(robot.entry, "\n"));
  config.otlp_endpoint = "http://127.0.0.1:9";
  config.otlp_headers_file = folder.Write("headers", "Authorization: Bearer collectors-secret\n");
  StartAdmin(config, {.config = {}, .loader = nullptr, .logger = nullptr, .settings = SettingsFrom(config)});
  grpc::ClientContext context;
  context.AddMetadata("authorization", absl::StrCat("Bearer ", robot.token));
  admin::v1::GetConfigurationResponse configuration;

  ASSERT_TRUE(admin_->GetConfiguration(&context, {}, &configuration).ok());

  const std::string text = configuration.DebugString();
  EXPECT_THAT(text, AllOf(HasSubstr(config.tokens_file), HasSubstr(config.otlp_headers_file)));
  for (const std::string& secret : {robot.token, digest, std::string("collectors-secret")}) {
    EXPECT_THAT(text, Not(HasSubstr(secret)));
    EXPECT_THAT(Log(), Not(HasSubstr(secret)));
  }
}

TEST_F(ServerAdminTest, ASignalIsAudited) {
  StartAdmin(DefaultConfig());

  server_->Audit({.name = "SIGHUP", .sender = "pid:1 uid:0"});

  EXPECT_THAT(Log(), HasSubstr("info audit who=signal peer=\"pid:1 uid:0\" method=SIGHUP code=OK\n"));
}

// ---- Reload --------------------------------------------------------------------------------------------------------

TEST_F(ServerAdminTest, AReloadSaysWhatItReloadsAndWhichSettingsWait) {
  ServerConfig config = DefaultConfig();
  ServerConfig changed = config;
  changed.log_level = "warning";
  changed.max_batch = 3;
  changed.drain_timeout_seconds = 9;
  StartAdmin(
      config,
      {.config = {}, .loader = nullptr, .logger = nullptr, .settings = SettingsFrom(config), .read_settings = [&] {
         return SettingsFrom(changed);
       }});
  EXPECT_TRUE(SetLevel("debug", std::chrono::hours(1)).ok());

  server_->Reload();

  const admin::v1::LogLevel level = Level();
  EXPECT_EQ(level.level(), "warning");
  EXPECT_EQ(level.configured(), "warning");
  EXPECT_FALSE(level.has_until());
  EXPECT_THAT(Log(), AllOf(HasSubstr("info reloading reloads=\"log_level, tokens_file, tls_certificate, models and"),
                           HasSubstr("warning changed settings need a restart settings=\"max_batch, "
                                     "drain_timeout_seconds\"\n")));
  EXPECT_EQ(SettingOf(Configuration(), "log_level").value(), "warning");
  EXPECT_EQ(SettingOf(Configuration(), "max_batch").value(), absl::StrCat(config.max_batch));
}

TEST_F(ServerAdminTest, AReloadOfUnchangedSettingsSaysSoAndBringsTheConfiguredLevelBack) {
  const ServerConfig config = DefaultConfig();
  StartAdmin(
      config,
      {.config = {}, .loader = nullptr, .logger = nullptr, .settings = SettingsFrom(config), .read_settings = [&] {
         return SettingsFrom(config);
       }});
  EXPECT_TRUE(SetLevel("debug").ok());

  server_->Reload();

  EXPECT_EQ(Level().level(), "info");
  EXPECT_THAT(Log(), HasSubstr("info no setting has changed that needs a restart\n"));
  EXPECT_TRUE(Eventually([this] { return absl::StrContains(Log(), "info the models were loaded anew\n"); }));
}

TEST_F(ServerAdminTest, AReloadOfSettingsThatAreWrongKeepsThoseInForce) {
  const ServerConfig config = DefaultConfig();
  StartAdmin(
      config,
      {.config = {}, .loader = nullptr, .logger = nullptr, .settings = SettingsFrom(config), .read_settings = [] {
         return absl::InvalidArgumentError("server.yaml: line 3: unknown key 'max_bach'");
       }});

  server_->Reload();

  EXPECT_THAT(Log(), HasSubstr("error the settings cannot be read again; those in force stay code=INVALID_ARGUMENT "
                               "error=\"server.yaml: line 3: unknown key \\'max_bach\\'\"\n"));
}

}  // namespace
}  // namespace bayespfl::server
