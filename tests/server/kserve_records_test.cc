// What calls of the Open Inference Protocol leave behind: trace context in the metadata, lines in the log and the
// result log.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "tests/server/kserve_server_test.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl::server {
namespace {

using inference::ModelInferRequest;
using inference::ModelInferResponse;
using ::testing::MatchesRegex;
using ::testing::Not;

constexpr char kTraceParent[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

class KserveRecordsTest : public KserveServerTest {
 protected:
  void SetUp() override {
    ServerConfig config = DefaultConfig();
    config.result_log = result_log_;
    LogOptions options;
    options.format = "json";
    options.write = [this](absl::string_view line) {
      MutexLock lock(mu_);
      lines_.push_back(nlohmann::json::parse(line));
    };
    auto server = InspectionServer::Start(
        {.config = config, .loader = LoaderOf(detector_), .logger = *CreateLogger(std::move(options))});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    ASSERT_TRUE(server_->WaitUntilLoaded().ok());
    channel_ = grpc::CreateChannel(server_->grpc_address(), grpc::InsecureChannelCredentials());
    stub_ = inference::GRPCInferenceService::NewStub(channel_);
  }
  void TearDown() override {
    server_.reset();  // its logger writes into this fixture
    KserveServerTest::TearDown();
  }

  grpc::Status InferWith(grpc::ClientContext& context, const ModelInferRequest& request) {
    context.AddMetadata("traceparent", kTraceParent);
    context.AddMetadata("x-request-id", "order-17");
    ModelInferResponse response;
    return stub_->ModelInfer(&context, request, &response);
  }

  // The trace context that the call brought back; empty when there is none.
  static std::string ReturnedTrace(const grpc::ClientContext& context) {
    const auto& metadata = context.GetServerInitialMetadata();
    const auto found = metadata.find("traceparent");
    return found == metadata.end() ? "" : std::string(found->second.data(), found->second.size());
  }

  // Lines of the log for the frame of that name. Stops the server, so that every line has been written.
  std::vector<nlohmann::json> LinesOfFrame(const std::string& frame_id) {
    server_->Shutdown();
    MutexLock lock(mu_);
    std::vector<nlohmann::json> found;
    for (const nlohmann::json& line : lines_) {
      if (line.contains("frame_id") && line["frame_id"] == frame_id) found.push_back(line);
    }
    return found;
  }

  // The lines of the result log, after the server's stop.
  std::vector<nlohmann::json> Results() {
    server_->Shutdown();
    std::ifstream file(result_log_);
    std::vector<nlohmann::json> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(nlohmann::json::parse(line));
    return lines;
  }

 private:
  const testing::TemporaryFolder folder_;
  const std::string result_log_ = folder_.File("results.jsonl");
  Mutex mu_;
  std::vector<nlohmann::json> lines_ ABSL_GUARDED_BY(mu_);
};

TEST_F(KserveRecordsTest, ACallJoinsItsCallersTrace) {
  grpc::ClientContext context;

  ASSERT_TRUE(InferWith(context, MakeRequest()).ok());

  EXPECT_THAT(ReturnedTrace(context), MatchesRegex("00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-01"));
  EXPECT_THAT(ReturnedTrace(context), Not(kTraceParent)) << "the span is the server's own";
}

TEST_F(KserveRecordsTest, AFailedRequestLeavesOneLineThatTiesItToItsCall) {
  grpc::ClientContext context;

  EXPECT_EQ(InferWith(context, MakeRequest(kFailingSeed)).error_code(), grpc::StatusCode::INTERNAL);

  const std::vector<nlohmann::json> lines = LinesOfFrame("request 666");
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["method"], "ModelInfer");
  EXPECT_EQ(lines[0]["code"], "INTERNAL");
  EXPECT_EQ(lines[0]["request_id"], "order-17");
  EXPECT_EQ(lines[0]["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(lines[0]["parent_span_id"], "00f067aa0ba902b7");
  EXPECT_EQ(ReturnedTrace(context),
            "00-4bf92f3577b34da6a3ce929d0e0e4736-" + lines[0]["span_id"].get<std::string>() + "-01");
}

TEST_F(KserveRecordsTest, EveryPictureIsALineOfTheResultLog) {
  ModelInferRequest request = MakeKserveRequest({EncodePng(), EncodePng()}, {"leather", "metal nut"});
  request.set_id("batch 1");
  SetSeed(request, 42);
  grpc::ClientContext context;

  ASSERT_TRUE(InferWith(context, request).ok());

  const std::vector<nlohmann::json> lines = Results();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0]["category"], "leather");
  EXPECT_EQ(lines[0]["object"], "tanned leather");
  EXPECT_EQ(lines[0]["verdict"], "REVIEW");
  EXPECT_EQ(lines[1]["category"], "metal nut");
  EXPECT_EQ(lines[1]["verdict"], "NONE");
  EXPECT_NE(lines[0]["result_id"], lines[1]["result_id"]) << "a picture of a request is a frame of its own";
  for (const nlohmann::json& line : lines) {
    EXPECT_EQ(line["frame_id"], "batch 1");
    EXPECT_EQ(line["code"], "OK");
    EXPECT_EQ(line["provenance"]["model"], "fake");
    EXPECT_EQ(line["provenance"]["model_version"], detector_->info().version);
    EXPECT_EQ(line["provenance"]["seed"], 42);
    EXPECT_EQ(line["score"], 0.42);
    EXPECT_EQ(line["map_score"], 0.5);
    EXPECT_EQ(line["request_id"], "order-17");
  }
}

TEST_F(KserveRecordsTest, AFailedRequestIsOneLineOfTheResultLog) {
  grpc::ClientContext context;

  EXPECT_FALSE(InferWith(context, MakeRequest(kFailingSeed)).ok());

  const std::vector<nlohmann::json> lines = Results();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["frame_id"], "request 666");
  EXPECT_EQ(lines[0]["code"], "INTERNAL");
  EXPECT_EQ(lines[0]["reason"], "DEVICE_FAILED");
  EXPECT_TRUE(lines[0]["result_id"].is_null());
}

}  // namespace
}  // namespace bayespfl::server
