#include "server/runtime/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "server/runtime/command_line.h"
#include "server/runtime/component_options.h"
#include "server/runtime/setting_table.h"

namespace bayespfl::server {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The error of a configuration that is right but for what `change` does to it.
std::string ErrorOf(const std::function<void(ServerConfig&)>& change) {
  ServerConfig config;
  config.model = "m";
  change(config);
  const absl::Status status = CheckConfig(config);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

TEST(ConfigTest, DefaultsListenOnTheLoopbackOnly) {
  const ServerConfig config;

  EXPECT_EQ(config.host, "127.0.0.1");
  EXPECT_EQ(config.admin_host, "127.0.0.1");
  EXPECT_TRUE(config.http_host.empty()) << "as host";
}

TEST(ConfigTest, ByDefaultEachPackageSaysItsPrecision) { EXPECT_EQ(ServerConfig().precision, "package"); }

// Another value than the default, which the setting allows.
std::string OtherValue(const Setting& setting) {
  if (const auto* choice = std::get_if<ChoiceSetting>(&setting.type)) {
    return std::string(*choice->value == choice->choices.front() ? choice->choices.back() : choice->choices.front());
  }
  if (const auto* boolean = std::get_if<BooleanSetting>(&setting.type)) return *boolean->value ? "false" : "true";
  if (const auto* integer = std::get_if<IntegerSetting>(&setting.type)) {
    const int64_t value = std::visit([](const auto* number) { return int64_t{*number}; }, integer->value);
    return absl::StrCat(value == integer->largest ? integer->smallest : integer->largest);
  }
  if (const auto* real = std::get_if<RealSetting>(&setting.type)) {
    return absl::StrCat(*real->value == real->largest ? real->smallest : real->largest);
  }
  return "other";
}

TEST(ConfigTest, EveryKeyIsAlsoAFlagAndAnEnvironmentVariable) {
  ServerConfig by_file;
  ServerConfig by_variable;
  ServerConfig by_flag;
  SettingTable file(SettingsOf(by_file));
  SettingTable variable(SettingsOf(by_variable));
  SettingTable flag(SettingsOf(by_flag));
  for (size_t i = 0; i < file.settings().size(); ++i) {
    const Setting& setting = file.settings()[i];
    SCOPED_TRACE(setting.key);
    const std::string before = ShownValue(setting);
    const std::string other = OtherValue(setting);
    const std::string assignment = absl::StrCat(EnvironmentName(setting), "=", other);
    const std::array<const char*, 2> environment = {assignment.c_str(), nullptr};
    const std::string word = absl::StrCat(FlagName(setting), "=", other);
    const std::array<const char*, 2> argv = {"bayespfl-server", word.c_str()};

    EXPECT_TRUE(file.ApplyYaml(absl::StrCat(setting.key, ": ", other)).ok());
    EXPECT_TRUE(variable.ApplyEnvironment(environment.data()).ok());
    const absl::StatusOr<Flags> flags = ParseFlags(argv.size(), argv.data(), flag);
    ASSERT_TRUE(flags.ok()) << flags.status();
    ASSERT_EQ(flags->settings.size(), 1U);
    EXPECT_TRUE(flag.ApplyFlag(*flags->settings[0].first, flags->settings[0].second).ok());

    EXPECT_NE(ShownValue(setting), before);
    EXPECT_EQ(ShownValue(variable.settings()[i]), ShownValue(setting));
    EXPECT_EQ(ShownValue(flag.settings()[i]), ShownValue(setting));
  }
}

TEST(ConfigTest, ResultLogAndRepeatsReachTheirWriters) {
  ServerConfig config;
  config.result_log = "results";
  config.result_log_max_bytes = 12345;
  config.result_log_files = 7;
  config.result_log_fsync = "always";
  config.log_max_repeats = 3;

  const ResultSinkOptions options = ResultSinkOptionsOf(config);

  EXPECT_EQ(options.file.path, "results");
  EXPECT_EQ(options.file.max_bytes, 12345);
  EXPECT_EQ(options.file.files, 7);
  EXPECT_EQ(options.fsync, FsyncPolicy::kAlways);
  EXPECT_EQ(options.error_lines.max_lines, 3);
}

TEST(ConfigTest, TracesReachTheirTracer) {
  ServerConfig config;
  config.otlp_endpoint = "http://collector:4318";
  config.otlp_ca_file = "ca.pem";
  config.otlp_headers_file = "headers";
  config.trace_service_name = "line 3";
  config.trace_sample_ratio = 0.25;
  config.trace_slow_frame_milliseconds = 7;
  config.trace_max_per_second = 8;
  config.metric_categories = "metal nut";

  const TracingOptions options = TracingOptionsOf(config);

  EXPECT_EQ(options.settings.endpoint, "http://collector:4318");
  EXPECT_EQ(options.settings.ca_file, "ca.pem");
  EXPECT_EQ(options.settings.headers_file, "headers");
  EXPECT_EQ(options.service_name, "line 3");
  EXPECT_EQ(options.tracer.sampler.ratio, 0.25);
  EXPECT_EQ(options.tracer.sampler.slow, std::chrono::milliseconds(7));
  EXPECT_EQ(options.tracer.sampler.max_per_second, 8);
  EXPECT_EQ(options.tracer.names.service_of("ModelInfer"), "inference.GRPCInferenceService");
  EXPECT_EQ(options.tracer.names.category_of("Metal_Nut"), "metal nut");
  EXPECT_EQ(options.tracer.names.category_of("screw"), "other");
  EXPECT_TRUE(CallOptionsOf(config).timelines);
  EXPECT_FALSE(CallOptionsOf(ServerConfig{}).timelines);
}

TEST(ConfigTest, RejectsAnEndpointThatIsNone) {
  EXPECT_THAT(ErrorOf([](ServerConfig& config) { config.otlp_endpoint = "collector:4317"; }),
              HasSubstr("otlp_endpoint is 'collector:4317'"));
}

TEST(ConfigTest, AStopHasTimeForTheLastTraces) {
  ServerConfig config;
  config.otlp_endpoint = "http://collector:4318";

  EXPECT_EQ(LongestStop(config) - LongestStop(ServerConfig{}), std::chrono::seconds(3));
}

// ---- Connections ---------------------------------------------------------------------------------------------------

TEST(ConfigTest, ConnectionSettingsReachThePorts) {
  ServerConfig config;
  config.keepalive_time_seconds = 1;
  config.keepalive_timeout_seconds = 2;
  config.min_ping_interval_seconds = 3;
  config.max_connection_age_seconds = 4;
  config.max_connection_grace_seconds = 5;

  const ConnectionOptions options = ConnectionOptionsOf(config);

  EXPECT_EQ(options.keepalive_time, std::chrono::seconds(1));
  EXPECT_EQ(options.keepalive_timeout, std::chrono::seconds(2));
  EXPECT_EQ(options.min_ping_interval, std::chrono::seconds(3));
  EXPECT_EQ(options.max_age, std::chrono::seconds(4));
  EXPECT_EQ(options.max_grace, std::chrono::seconds(5));
}

// Kubernetes kills a pod 30 s after it was told to stop, unless told otherwise.
TEST(ConfigTest, AStopTakesLessThanKubernetesWaitsByDefault) {
  EXPECT_LT(LongestStop(ServerConfig{}), std::chrono::seconds(30));
}

TEST(ConfigTest, AStopMayTakeItsDelayAndItsTimeout) {
  ServerConfig config;
  config.drain_delay_seconds = 100;
  config.drain_timeout_seconds = 1000;

  EXPECT_GT(LongestStop(config), std::chrono::seconds(1100));
  EXPECT_LT(LongestStop(config), std::chrono::seconds(1110));
}

TEST(ConfigTest, AConnectionAgeNeedsStreamsThatEnd) {
  const std::string error = ErrorOf([](ServerConfig& config) { config.max_connection_age_seconds = 600; });

  EXPECT_EQ(error,
            "max_connection_age_seconds = 600 would cut streams: max_stream_age_seconds = 0 lets them go on for ever");
}

TEST(ConfigTest, AGraceTooShortForStreamsToEndInNamesWhatTheyTake) {
  const std::string error = ErrorOf([](ServerConfig& config) {
    config.max_connection_age_seconds = 600;
    config.max_stream_age_seconds = 61;
    config.drain_timeout_seconds = 7;
    config.max_connection_grace_seconds = 74;
  });

  EXPECT_EQ(error,
            "max_connection_grace_seconds = 74 would cut streams, which take up to 75 s to end: 68 s (1.1 × "
            "max_stream_age_seconds = 61) and drain_timeout_seconds = 7 for the frames already read");
}

TEST(ConfigTest, AGraceThatIsJustLongEnoughIsTaken) {
  ServerConfig config;
  config.model = "m";
  config.max_connection_age_seconds = 600;
  config.max_stream_age_seconds = 61;
  config.drain_timeout_seconds = 7;
  config.max_connection_grace_seconds = 75;

  EXPECT_TRUE(CheckConfig(config).ok()) << CheckConfig(config);
}

TEST(ConfigTest, WithoutAConnectionAgeTheGraceDoesNotMatter) {
  ServerConfig config;
  config.model = "m";
  config.max_stream_age_seconds = 86400;

  EXPECT_TRUE(CheckConfig(config).ok()) << CheckConfig(config);
}

TEST(ConfigTest, DefaultsNeedOnlyAModel) {
  ServerConfig config;
  config.model = "m";

  EXPECT_TRUE(CheckConfig(config).ok()) << CheckConfig(config);
}

TEST(ConfigTest, KeysAreUnique) {
  ServerConfig config;
  std::set<absl::string_view> keys;
  for (const Setting& setting : SettingsOf(config)) EXPECT_TRUE(keys.insert(setting.key).second) << setting.key;
}

// A default out of its own range could not be fed back from --print-config.
TEST(ConfigTest, DefaultsAreValuesThatMayBeWritten) {
  ServerConfig defaults;
  ServerConfig read;

  const absl::Status applied = SettingTable(SettingsOf(read)).ApplyYaml(SettingTable(SettingsOf(defaults)).ToYaml());

  EXPECT_TRUE(applied.ok()) << applied;
  EXPECT_EQ(read, defaults);
}

TEST(ConfigTest, DevicesAreSeparatedByCommas) {
  ServerConfig config;
  config.device = "cuda:0, cuda:1,cpu";

  EXPECT_THAT(Devices(config), ElementsAre("cuda:0", "cuda:1", "cpu"));
}

TEST(ConfigTest, ModelsAreSeparatedByCommas) {
  ServerConfig config;
  config.model_root = "root";
  config.models = "a, b ,c";
  config.default_model = "b";

  EXPECT_THAT(Models(config), ElementsAre("a", "b", "c"));
  EXPECT_THAT(ModelStoreOptionsOf(config).models, ElementsAre("a", "b", "c"));
  EXPECT_TRUE(CheckConfig(config).ok()) << CheckConfig(config);
}

TEST(ConfigTest, NeedsAModel) {
  EXPECT_THAT(ErrorOf([](ServerConfig& config) { config.model = ""; }), HasSubstr("--model DIR"));
  EXPECT_THAT(ErrorOf([](ServerConfig& config) { config.models = "a"; }), HasSubstr("model_root, which is empty"));
  EXPECT_THAT(ErrorOf([](ServerConfig& config) {
                config.model = "";
                config.model_root = "root";
                config.models = "a,b";
                config.default_model = "c";
              }),
              HasSubstr("default_model is 'c', which is none of models = a,b"));
}

TEST(ConfigTest, TheAdministrationIsForThisMachineOrForTokens) {
  const std::string error = ErrorOf([](ServerConfig& config) {
    config.admin_port = 50052;
    config.admin_host = "0.0.0.0";
  });
  EXPECT_THAT(error, AllOf(HasSubstr("admin_host is 0.0.0.0"), HasSubstr("tokens_file must be set")));
  EXPECT_THAT(ErrorOf([](ServerConfig& config) { config.admin_port = config.port; }), HasSubstr("as another port is"));
}

TEST(ConfigTest, AnAddressMayHaveBracketsAndNoPort) {
  for (const char* host : {"[::1]", "::1", "127.0.0.1", "localhost"}) {
    ServerConfig config;
    config.model = "m";
    config.admin_port = 50052;
    config.host = config.http_host = config.admin_host = host;
    EXPECT_TRUE(CheckConfig(config).ok()) << CheckConfig(config);
  }
  EXPECT_THAT(ErrorOf([](ServerConfig& config) { config.host = "[::1"; }), HasSubstr("host is [::1, which is neither"));
  EXPECT_THAT(ErrorOf([](ServerConfig& config) { config.host = "[::1]:50051"; }),
              AllOf(HasSubstr("host is [::1]:50051, which is neither"), HasSubstr("ports are settings of their own")));
  EXPECT_THAT(ErrorOf([](ServerConfig& config) { config.http_host = "127.0.0.1:80"; }),
              HasSubstr("http_host is 127.0.0.1:80, which is neither"));
  EXPECT_THAT(ErrorOf([](ServerConfig& config) {
                config.admin_port = 50052;
                config.admin_host = "::1]";
              }),
              HasSubstr("admin_host is ::1], which is neither"));
}

TEST(ConfigTest, HalfATlsConfigurationAndUnknownFaultsAreErrors) {
  EXPECT_THAT(ErrorOf([](ServerConfig& config) { config.tls_key = "key"; }), HasSubstr("go together"));
  EXPECT_THAT(ErrorOf([](ServerConfig& config) { config.tls_client_ca = "ca"; }), HasSubstr("tls_client_ca needs"));
  EXPECT_THAT(ErrorOf([](ServerConfig& config) { config.inject_faults = "meteor:1"; }),
              HasSubstr("inject_faults: the fault 'meteor:1'"));
}

TEST(ConfigTest, RejectsTokensInPlainTextWhereOthersCanReadThem) {
  EXPECT_THAT(ErrorOf([](ServerConfig& config) {
                config.tokens_file = "tokens";
                config.host = "0.0.0.0";
              }),
              HasSubstr("everybody on the way to 0.0.0.0 could read the tokens"));
  EXPECT_THAT(ErrorOf([](ServerConfig& config) {
                config.tokens_file = "tokens";
                config.admin_port = 0;
                config.admin_host = "10.0.0.1";
              }),
              HasSubstr("everybody on the way to 10.0.0.1 could read the tokens"));
}

TEST(ConfigTest, RejectsNamesThatNoModelCanHave) {
  EXPECT_THAT(ErrorOf([](ServerConfig& config) {
                config.model_root = "root";
                config.models = "a,../b";
              }),
              HasSubstr("models names '../b': a model's name has"));
}

TEST(ConfigTest, RejectsWhatIsNoDevice) {
  EXPECT_THAT(ErrorOf([](ServerConfig& config) { config.device = " ,"; }), HasSubstr("device is empty"));
  EXPECT_THAT(ErrorOf([](ServerConfig& config) { config.device = "cpu,gpu"; }), HasSubstr("device names 'gpu'"));
  EXPECT_THAT(ErrorOf([](ServerConfig& config) { config.device = "cuda:"; }), HasSubstr("device names 'cuda:'"));
  EXPECT_THAT(ErrorOf([](ServerConfig& config) { config.device = "cuda:0,cuda:0"; }), HasSubstr("cuda:0 twice"));
  EXPECT_THAT(ErrorOf([](ServerConfig& config) { config.device = "cuda:0,cuda:00"; }), HasSubstr("names 'cuda:00'"));
  EXPECT_THAT(ErrorOf([](ServerConfig& config) { config.device = "auto,cuda:0"; }), HasSubstr("auto stands alone"));
  EXPECT_THAT(ErrorOf([](ServerConfig& config) { config.device = "auto, auto"; }), HasSubstr("auto stands alone"));
}

// The device refuses it when the model is loaded; --check-config says so before.
TEST(ConfigTest, Int8IsForTheCpuAloneAndFp16ForAGpu) {
  const auto computed = [](const std::string& precision, const std::string& device) {
    return [precision, device](ServerConfig& config) {
      config.precision = precision;
      config.device = device;
    };
  };
  EXPECT_THAT(ErrorOf(computed("int8", "cpu,cuda:1")),
              HasSubstr("precision is int8 and device names cuda:1: int8 is computed on the CPU alone; set precision "
                        "to bf16 or fp32, or device to cpu"));
  EXPECT_THAT(ErrorOf(computed("fp16", "cuda:1,cpu")),
              HasSubstr("precision is fp16 and device names cpu: fp16 is computed on a GPU alone; set precision to "
                        "bf16 or fp32, or device to cuda:0"));
  for (const auto& [precision, device] :
       {std::pair("int8", "cpu"), std::pair("int8", "auto"), std::pair("fp16", "cuda:0"), std::pair("fp16", "auto")}) {
    ServerConfig config;
    config.model = "m";
    computed(precision, device)(config);
    EXPECT_TRUE(CheckConfig(config).ok()) << precision << " on " << device;
  }
}

TEST(ConfigTest, RejectsTwoPortsThatAreTheSame) {
  EXPECT_THAT(ErrorOf([](ServerConfig& config) { config.http_port = config.port; }),
              HasSubstr("port and http_port are both 50051"));
}

TEST(ConfigTest, TwoFreePortsAreNotTheSame) {
  ServerConfig config;
  config.model = "m";
  config.port = 0;
  config.http_port = 0;

  EXPECT_TRUE(CheckConfig(config).ok());
}

TEST(ConfigTest, RejectsLimitsThatCanNeverBeReached) {
  EXPECT_THAT(ErrorOf([](ServerConfig& config) { config.max_batch = 65; }),
              AllOf(HasSubstr("max_batch = 65"), HasSubstr("max_frames_in_flight = 64")));
  EXPECT_THAT(ErrorOf([](ServerConfig& config) { config.max_frames_per_stream = 65; }),
              HasSubstr("max_frames_per_stream = 65"));
  EXPECT_THAT(ErrorOf([](ServerConfig& config) { config.max_bytes_in_flight = 1 << 20; }),
              AllOf(HasSubstr("max_image_bytes = 67108864"), HasSubstr("max_bytes_in_flight = 1048576")));
}

TEST(ConfigTest, RejectsMetricCategoriesThatCannotBeLabels) {
  EXPECT_THAT(ErrorOf([](ServerConfig& config) { config.metric_categories = "metal nut,Metal_Nut"; }),
              HasSubstr("metric_categories names \"metal nut\" twice"));
}

TEST(ConfigTest, AutomaticThreadsFollowTheProcessors) {
  ServerConfig config;
  config.replicas = 2;
  config.render_threads = 7;

  const ServerConfig threads = ForMachine(config, {.cpus = 8});

  EXPECT_EQ(threads.compute_threads, 4);
  EXPECT_EQ(threads.decode_threads, 4);
  EXPECT_EQ(threads.render_threads, 7);
}

TEST(ConfigTest, TheAutomaticBatchFollowsTheDevice) {
  const auto batch = [](const std::string& device, bool gpu_usable, int max_batch = 0) {
    ServerConfig config;
    config.device = device;
    config.max_batch = max_batch;
    return ForMachine(config, {.cpus = 8, .gpu_usable = gpu_usable}).max_batch;
  };

  EXPECT_EQ(batch("auto", false), 1);
  EXPECT_EQ(batch("auto", true), 4);
  EXPECT_EQ(batch("cpu", true), 1);
  EXPECT_EQ(batch("cuda:0,cuda:1", false), 4);
  EXPECT_EQ(batch("cpu", false, 3), 3);
}

TEST(ConfigTest, TheAutomaticBatchIsNoLargerThanWhatMayBeInside) {
  ServerConfig config;
  config.device = "cuda:0";
  config.max_frames_in_flight = 2;

  EXPECT_EQ(ForMachine(config, {}).max_batch, 2);
}

}  // namespace
}  // namespace bayespfl::server
