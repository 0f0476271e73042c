// What the programs do when the server's device, decoder or disk fails, tried with inject_faults.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "base/http_library.h"
#include "tests/e2e/process.h"
#include "tests/support/demo_model.h"
#include "tests/support/paths.h"

namespace bayespfl {
namespace {

using ::testing::AllOf;
using testing::Background;
using ::testing::ContainsRegex;
using testing::Finished;
using ::testing::HasSubstr;
using testing::kDemoModel;
using testing::RunProgram;
using ::testing::Value;

const std::string kPicture = testing::Asset("demo/images/wood/good_0.jpg");

// The server with the demo model and these faults.
class FaultyServer {
 public:
  explicit FaultyServer(const std::string& faults, const std::string& drain_timeout_seconds = "1",
                        const std::string& drain_delay_seconds = "0", const std::string& max_batch_seconds = "60")
      : process_("bayespfl-server",
                 {"--model", kDemoModel, "--port", "0", "--http-port", "0", "--inject-faults", faults,
                  "--drain-timeout-seconds", drain_timeout_seconds, "--drain-delay-seconds", drain_delay_seconds,
                  "--max-batch-seconds", max_batch_seconds, "--log-level", "off"}),
        address_(process_.WaitForLine("bayespfl-server: gRPC listening on ")),
        http_address_(process_.WaitForLine("bayespfl-server: HTTP listening on ")) {
    process_.WaitForLine("bayespfl-server: ready");
  }

  std::vector<std::string> Inspect(std::vector<std::string> pictures) const {
    std::vector<std::string> arguments = {"inspect",    "--server", address_, "--stream", "--json",
                                          "--category", "wood",     "--seed", "1"};
    arguments.insert(arguments.end(), pictures.begin(), pictures.end());
    return arguments;
  }
  std::string Metrics() const {
    const httplib::Result reply = httplib::Client("http://" + http_address_).Get("/metrics");
    return reply ? reply->body : "";
  }
  // The status of the probe; 0: no answer.
  int Get(const std::string& path) const {
    const httplib::Result reply = httplib::Client("http://" + http_address_).Get(path);
    return reply ? reply->status : 0;
  }
  void Send(int signal) const { process_.Send(signal); }
  int Terminate() { return process_.Terminate(); }

 private:
  Background process_;
  std::string address_;
  std::string http_address_;
};

std::vector<nlohmann::json> Lines(const std::string& text) {
  std::vector<nlohmann::json> lines;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    lines.push_back(nlohmann::json::parse(line));
  }
  return lines;
}

TEST(FaultsTest, ADeviceErrorCostsNoFrameAndNoScore) {
  const FaultyServer healthy("decode_error:1000000");
  const FaultyServer faulty("device_error:2");

  const Finished expected = RunProgram("bayespfl-client", healthy.Inspect({kPicture}));
  const Finished run = RunProgram("bayespfl-client", faulty.Inspect({kPicture, kPicture, kPicture, kPicture}));

  ASSERT_EQ(run.exit_code, 0) << run.out << run.err;
  ASSERT_EQ(Lines(run.out).size(), 4U);
  for (const nlohmann::json& line : Lines(run.out)) {
    EXPECT_NEAR(line["score"].get<double>(), Lines(expected.out)[0]["score"].get<double>(), 1e-5);
  }
  // The frames go to another replica, or back to this one, before it is rebuilt.
  EXPECT_TRUE(testing::Eventually([&faulty] {
    return Value(faulty.Metrics(), ContainsRegex("bayespfl_replica_failures_total\\{outcome=\"rebuilt\"\\} [1-9]"));
  })) << faulty.Metrics();
  EXPECT_THAT(faulty.Metrics(), HasSubstr("bayespfl_replica_failures_total{outcome=\"lost\"} 0"));
}

TEST(FaultsTest, TooLittleMemoryForABatchCostsNoFrameAndNoReplica) {
  const FaultyServer server("device_memory:2");

  const Finished run = RunProgram("bayespfl-client", server.Inspect({kPicture, kPicture, kPicture, kPicture}));

  EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
  EXPECT_EQ(Lines(run.out).size(), 4U);
  EXPECT_THAT(server.Metrics(), ContainsRegex("bayespfl_out_of_memory_total [1-9]"));
  EXPECT_THAT(server.Metrics(), HasSubstr("bayespfl_replica_failures_total{outcome=\"rebuilt\"} 0"));
}

TEST(FaultsTest, AFrameThatDoesNotFitAloneSaysWhatToChange) {
  const FaultyServer server("device_memory:1");

  const Finished run = RunProgram("bayespfl-client", server.Inspect({kPicture}));

  EXPECT_NE(run.exit_code, 0);
  EXPECT_THAT(run.out, AllOf(HasSubstr("FRAME_TOO_LARGE"), HasSubstr("ask for fewer samples")));
  EXPECT_THAT(server.Metrics(), HasSubstr("bayespfl_replica_failures_total{outcome=\"rebuilt\"} 0"));
}

TEST(FaultsTest, ADecoderErrorIsTheErrorOfItsFrame) {
  const FaultyServer server("decode_error:3");

  const Finished run = RunProgram("bayespfl-client", server.Inspect({kPicture, kPicture, kPicture}));

  EXPECT_NE(run.exit_code, 0);
  EXPECT_THAT(run.out, HasSubstr("injected fault: decode_error"));
  EXPECT_THAT(server.Metrics(), HasSubstr("bayespfl_frames_total{model=\"bayespfl-demo\",outcome=\"failed\"} 1"));
  EXPECT_THAT(server.Metrics(), HasSubstr("bayespfl_frames_total{model=\"bayespfl-demo\",outcome=\"ok\"} 2"));
  EXPECT_THAT(server.Metrics(), HasSubstr("bayespfl_injected_faults_total{fault=\"decode_error\"} 1"));
}

// The call takes 8 s; the server is patient for 1 s, and so the client hears of it well before the end.
TEST(FaultsTest, ADeviceThatHangsIsToldToItsClientsAndToTheProbe) {
  const FaultyServer server("device_slow:1:8000", /*drain_timeout_seconds=*/"1", /*drain_delay_seconds=*/"0",
                            /*max_batch_seconds=*/"1");
  std::vector<std::string> inspect = server.Inspect({kPicture});
  inspect.insert(inspect.end(), {"--timeout", "3"});

  const auto start = std::chrono::steady_clock::now();
  const Finished run = RunProgram("bayespfl-client", inspect);
  const auto took = std::chrono::steady_clock::now() - start;

  EXPECT_NE(run.exit_code, 0);
  // The client sends the frame again, and its last word is that the server says of itself that it does not serve.
  EXPECT_THAT(run.out, AllOf(HasSubstr("UNAVAILABLE"), HasSubstr("tried ")));
  EXPECT_THAT(server.Metrics(),
              ContainsRegex("bayespfl_frames_total\\{model=\"[^\"]+\",outcome=\"unavailable\"\\} [1-9]"));
  EXPECT_LT(took, std::chrono::seconds(7));
  EXPECT_EQ(server.Get("/livez"), 503);
  EXPECT_EQ(server.Get("/readyz"), 503);
  EXPECT_THAT(server.Metrics(), HasSubstr("bayespfl_replica_overdue_total{during=\"batch\"} 1\n"));
  EXPECT_TRUE(testing::Eventually([&server] { return server.Get("/livez") == 200; })) << "the call has ended after all";
}

TEST(FaultsTest, AStopEndsInTimeAlthoughTheDeviceHangs) {
  FaultyServer server("device_slow:1:600000");
  const Background client("bayespfl-client", server.Inspect({kPicture}));
  ASSERT_TRUE(testing::Eventually([&server] {
    return absl::StrContains(server.Metrics(), "bayespfl_injected_faults_total{fault=\"device_slow\"} 1");
  })) << server.Metrics();

  const auto start = std::chrono::steady_clock::now();
  const int exit_code = server.Terminate();

  EXPECT_EQ(exit_code, EXIT_FAILURE);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));  // and not ten minutes
}

TEST(FaultsTest, ASecondSignalEndsAStopThatWaits) {
  FaultyServer server("device_slow:1:600000", /*drain_timeout_seconds=*/"600");
  const Background client("bayespfl-client", server.Inspect({kPicture}));
  ASSERT_TRUE(testing::Eventually([&server] {
    return absl::StrContains(server.Metrics(), "bayespfl_injected_faults_total{fault=\"device_slow\"} 1");
  })) << server.Metrics();
  server.Send(SIGTERM);
  ASSERT_TRUE(testing::Eventually([&server] { return server.Get("/readyz") == 503; }));  // it stops, and waits

  const auto start = std::chrono::steady_clock::now();
  const int exit_code = server.Terminate();

  EXPECT_EQ(exit_code, 128 + SIGTERM);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));  // and not ten minutes
}

TEST(FaultsTest, ASecondSignalEndsTheDelayBeforeAStop) {
  FaultyServer server("device_slow:1000000:1", /*drain_timeout_seconds=*/"1", /*drain_delay_seconds=*/"600");
  server.Send(SIGTERM);
  ASSERT_TRUE(testing::Eventually([&server] { return server.Get("/readyz") == 503; }));

  const auto start = std::chrono::steady_clock::now();
  const int exit_code = server.Terminate();

  EXPECT_EQ(exit_code, 128 + SIGTERM);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));  // and not ten minutes
}

TEST(FaultsTest, AMisspeltFaultEndsTheServerWithItsName) {
  const Finished run = RunProgram("bayespfl-server", {"--model", kDemoModel, "--inject-faults", "meteor:1"});

  EXPECT_NE(run.exit_code, 0);
  EXPECT_THAT(run.err, HasSubstr("the fault 'meteor:1' is none of device_error"));
}

}  // namespace
}  // namespace bayespfl
