// What calls and frames leave behind: trace context and request id in the metadata, lines in the log and the result
// log.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "model/verdict/result_line.h"
#include "tests/server/server_fixture.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl::server {
namespace {

namespace v1 = inspection::v1;
using ::testing::ElementsAre;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;

constexpr char kTraceParent[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

class ServiceRecordsTest : public ServerTest {
 protected:
  void SetUp() override { Start(TestConfig()); }

  void Start(const ServerConfig& config) {
    LogOptions options;
    options.format = "json";
    options.write = [this](absl::string_view line) {
      MutexLock lock(mu_);
      lines_.push_back(nlohmann::json::parse(line));
    };
    ASSERT_NO_FATAL_FAILURE(
        StartServer({.config = config, .loader = LoaderOf(detector_), .logger = *CreateLogger(std::move(options))}));
    stub_ = v1::InspectionService::NewStub(Connect(server_->grpc_address()));
  }

  // A frame of two pixels.
  static v1::Image Picture() {
    v1::Image image;
    image.mutable_raw()->set_width(2);
    image.mutable_raw()->set_height(1);
    image.mutable_raw()->set_pfnc_pixel_format(0x01080001);
    image.mutable_raw()->set_data("xy");
    return image;
  }

  static v1::InspectRequest Request() {
    v1::InspectRequest request;
    *request.mutable_image() = Picture();
    request.mutable_metadata()->set_camera_id("camera 1");
    request.mutable_metadata()->set_frame_id("frame 1");
    request.mutable_metadata()->set_part_id("part 1");
    request.mutable_options()->set_category("leather");
    request.mutable_options()->set_seed(42);
    return request;
  }

  grpc::Status Inspect(const v1::InspectRequest& request, grpc::ClientContext& context) {
    v1::InspectResponse response;
    return stub_->Inspect(&context, request, &response);
  }

  // Sends a configuration and the frames, and takes the replies.
  grpc::Status RunStream(grpc::ClientContext& context, const std::vector<std::string>& frame_ids) {
    const auto stream = stub_->InspectStream(&context);
    v1::InspectStreamRequest message;
    message.mutable_configuration()->mutable_options()->set_category("leather");
    stream->Write(message);
    for (const std::string& id : frame_ids) {
      v1::InspectStreamRequest frame;
      frame.mutable_frame()->mutable_metadata()->set_frame_id(id);
      frame.mutable_frame()->mutable_options()->set_seed(1);
      if (id != "bad") *frame.mutable_frame()->mutable_image() = Picture();
      stream->Write(frame);
    }
    stream->WritesDone();
    v1::InspectStreamResponse reply;
    while (stream->Read(&reply)) {
    }
    return stream->Finish();
  }

  // The value that the call brought back; empty when there is none.
  static std::string Returned(const grpc::ClientContext& context, const char* name) {
    const auto& metadata = context.GetServerInitialMetadata();
    const auto found = metadata.find(name);
    return found == metadata.end() ? "" : std::string(found->second.data(), found->second.size());
  }

  // Lines of which `field` is `value`. Stops the server, so that every line has been written.
  std::vector<nlohmann::json> LinesWith(const std::string& field, const nlohmann::json& value) {
    server_->Shutdown();
    MutexLock lock(mu_);
    std::vector<nlohmann::json> found;
    for (const nlohmann::json& line : lines_) {
      if (line.contains(field) && line[field] == value) found.push_back(line);
    }
    return found;
  }

  Mutex mu_;
  std::vector<nlohmann::json> lines_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<v1::InspectionService::Stub> stub_;
};

TEST_F(ServiceRecordsTest, ACallJoinsItsCallersTrace) {
  grpc::ClientContext context;
  context.AddMetadata("traceparent", kTraceParent);

  ASSERT_TRUE(Inspect(Request(), context).ok());

  EXPECT_THAT(Returned(context, "traceparent"), MatchesRegex("00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-01"));
  EXPECT_NE(Returned(context, "traceparent"), kTraceParent) << "the span is the server's own";
}

TEST_F(ServiceRecordsTest, WithoutAValidTraceParentATraceBegins) {
  grpc::ClientContext without;
  grpc::ClientContext bad;
  bad.AddMetadata("traceparent", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01");
  grpc::ClientContext twice;
  twice.AddMetadata("traceparent", kTraceParent);
  twice.AddMetadata("traceparent", kTraceParent);

  for (grpc::ClientContext* context : {&without, &bad, &twice}) {
    ASSERT_TRUE(Inspect(Request(), *context).ok());
    EXPECT_THAT(Returned(*context, "traceparent"), MatchesRegex("00-[0-9a-f]{32}-[0-9a-f]{16}-00"));
    EXPECT_THAT(Returned(*context, "traceparent"), Not(StartsWith("00-4bf92f3577b34da6a3ce929d0e0e4736")));
  }
}

TEST_F(ServiceRecordsTest, TheRequestIdComesBack) {
  grpc::ClientContext context;
  context.AddMetadata("x-request-id", "order-17");
  grpc::ClientContext without;

  ASSERT_TRUE(Inspect(Request(), context).ok());
  ASSERT_TRUE(Inspect(Request(), without).ok());

  EXPECT_EQ(Returned(context, "x-request-id"), "order-17");
  EXPECT_THAT(Returned(without, "x-request-id"), MatchesRegex("[0-9a-f]{32}"));
}

TEST_F(ServiceRecordsTest, AFailedCallBringsThemBackToo) {
  grpc::ClientContext context;
  context.AddMetadata("x-request-id", "order-17");
  context.AddMetadata("traceparent", kTraceParent);

  EXPECT_EQ(Inspect(v1::InspectRequest(), context).error_code(), grpc::StatusCode::INVALID_ARGUMENT);

  EXPECT_EQ(Returned(context, "x-request-id"), "order-17");
  EXPECT_THAT(Returned(context, "traceparent"), StartsWith("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
}

TEST_F(ServiceRecordsTest, StreamsAndModelInfoDoTheSame) {
  grpc::ClientContext stream;
  stream.AddMetadata("x-request-id", "order-18");
  stream.AddMetadata("traceparent", kTraceParent);
  grpc::ClientContext info;
  info.AddMetadata("traceparent", kTraceParent);
  v1::GetModelResponse response;

  ASSERT_TRUE(RunStream(stream, {"1"}).ok());
  ASSERT_TRUE(stub_->GetModel(&info, {}, &response).ok());

  EXPECT_EQ(Returned(stream, "x-request-id"), "order-18");
  EXPECT_THAT(Returned(stream, "traceparent"), StartsWith("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
  EXPECT_THAT(Returned(info, "traceparent"), StartsWith("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
}

TEST_F(ServiceRecordsTest, AFailedFrameLeavesOneLineThatTiesItToItsCall) {
  v1::InspectRequest request = Request();
  request.mutable_options()->set_seed(kFailingSeed);
  grpc::ClientContext context;
  context.AddMetadata("x-request-id", "order-17");
  context.AddMetadata("traceparent", kTraceParent);

  EXPECT_EQ(Inspect(request, context).error_code(), grpc::StatusCode::INTERNAL);

  const std::vector<nlohmann::json> lines = LinesWith("frame_id", "frame 1");
  ASSERT_EQ(lines.size(), 1);
  EXPECT_EQ(lines[0]["code"], "INTERNAL");
  EXPECT_EQ(lines[0]["camera_id"], "camera 1");
  EXPECT_EQ(lines[0]["part_id"], "part 1");
  EXPECT_EQ(lines[0]["category"], "leather");
  EXPECT_EQ(lines[0]["request_id"], "order-17");
  EXPECT_EQ(lines[0]["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(lines[0]["parent_span_id"], "00f067aa0ba902b7");
  EXPECT_EQ(Returned(context, "traceparent"),
            "00-4bf92f3577b34da6a3ce929d0e0e4736-" + lines[0]["span_id"].get<std::string>() + "-01");
}

TEST_F(ServiceRecordsTest, ABadFrameOfAStreamLeavesALineWithItsNameAndStream) {
  grpc::ClientContext context;

  ASSERT_TRUE(RunStream(context, {"1", "bad", "2"}).ok());

  const std::vector<nlohmann::json> ended = LinesWith("code", "OK");
  ASSERT_EQ(ended.size(), 1) << "the stream's end";
  const std::vector<nlohmann::json> failed = LinesWith("frame_id", "bad");
  ASSERT_EQ(failed.size(), 1);
  EXPECT_EQ(failed[0]["level"], "warning");
  EXPECT_EQ(failed[0]["code"], "INVALID_ARGUMENT");
  EXPECT_EQ(failed[0]["stream_id"], ended[0]["stream_id"]);
  EXPECT_EQ(failed[0]["request_id"], ended[0]["request_id"]);
}

TEST_F(ServiceRecordsTest, IdsOverTheLimitDoNotReachTheLog) {
  v1::InspectRequest request = Request();
  request.mutable_metadata()->set_frame_id(std::string(129, 'x'));
  grpc::ClientContext context;

  EXPECT_EQ(Inspect(request, context).error_code(), grpc::StatusCode::INVALID_ARGUMENT);

  const std::vector<nlohmann::json> lines = LinesWith("code", "INVALID_ARGUMENT");
  ASSERT_EQ(lines.size(), 1);
  EXPECT_FALSE(lines[0].contains("frame_id"));
}

class ResultLogTest : public ServiceRecordsTest {
 protected:
  void SetUp() override {
    ServerConfig config = TestConfig();
    config.result_log = file_;
    Start(config);
  }

  // The lines of the file, after the server's stop.
  std::vector<nlohmann::json> Results() {
    server_->Shutdown();
    std::ifstream file(file_);
    std::vector<nlohmann::json> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(nlohmann::json::parse(line));
    return lines;
  }

  const testing::TemporaryFolder folder_;
  const std::string file_ = folder_.File("results.jsonl");
};

TEST_F(ResultLogTest, AnAnsweredFrameIsALine) {
  grpc::ClientContext context;
  context.AddMetadata("x-request-id", "order-17");

  ASSERT_TRUE(Inspect(Request(), context).ok());

  const std::vector<nlohmann::json> lines = Results();
  ASSERT_EQ(lines.size(), 1);
  EXPECT_EQ(lines[0]["camera_id"], "camera 1");
  EXPECT_EQ(lines[0]["frame_id"], "frame 1");
  EXPECT_EQ(lines[0]["part_id"], "part 1");
  EXPECT_EQ(lines[0]["category"], "leather");
  EXPECT_EQ(lines[0]["code"], "OK");
  EXPECT_EQ(lines[0]["attempt"], 0);
  EXPECT_EQ(lines[0]["object"], "tanned leather");
  EXPECT_EQ(lines[0]["verdict"], "REVIEW");
  EXPECT_EQ(lines[0]["decided_by"], "score");
  EXPECT_EQ(lines[0]["score"], 0.42);
  EXPECT_EQ(lines[0]["map_score"], 0.5);
  EXPECT_EQ(lines[0]["mask_threshold"], 0.25);
  EXPECT_EQ(lines[0]["mask_area_fraction"], 1);
  EXPECT_EQ(lines[0]["thresholds"]["lines"]["score"]["fail"], 0.5);
  EXPECT_EQ(lines[0]["provenance"]["model_version"], detector_->info().version);
  EXPECT_EQ(lines[0]["provenance"]["seed"], 42);
  EXPECT_EQ(lines[0]["provenance"]["picture"]["raw"]["pfnc_pixel_format"], 0x01080001);
  EXPECT_EQ(lines[0]["request_id"], "order-17");
}

TEST_F(ResultLogTest, AFrameThatIsSentAgainIsSeen) {
  v1::InspectRequest request = Request();
  request.mutable_metadata()->set_attempt(3);
  request.mutable_metadata()->mutable_capture_time()->set_seconds(1'700'000'000);
  grpc::ClientContext context;

  ASSERT_TRUE(Inspect(request, context).ok());

  const std::vector<nlohmann::json> lines = Results();
  ASSERT_EQ(lines.size(), 1);
  EXPECT_EQ(lines[0]["attempt"], 3);
  EXPECT_EQ(lines[0]["capture_time"], "2023-11-14T22:13:20.000Z");
}

TEST_F(ResultLogTest, TheLineIsTheResultThatTheClientGot) {
  grpc::ClientContext context;
  v1::InspectResponse response;
  ASSERT_TRUE(stub_->Inspect(&context, Request(), &response).ok());

  const std::vector<nlohmann::json> lines = Results();
  ASSERT_EQ(lines.size(), 1);
  const absl::StatusOr<Inspection> read = ParseResultLine(lines[0].dump());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->provenance.result_id, response.provenance().result_id());
  EXPECT_EQ(read->provenance.picture.sha256, response.provenance().picture_sha256());
  EXPECT_EQ(read->score, response.score());
  EXPECT_EQ(read->thresholds.revision, response.thresholds().revision());
}

TEST_F(ResultLogTest, EveryFrameOfAStreamIsALineAlsoTheBadOne) {
  grpc::ClientContext context;

  ASSERT_TRUE(RunStream(context, {"1", "bad", "2"}).ok());

  std::map<std::string, std::string> codes;
  for (const nlohmann::json& line : Results()) codes[line["frame_id"]] = line["code"];
  EXPECT_THAT(codes, ElementsAre(Pair("1", "OK"), Pair("2", "OK"), Pair("bad", "INVALID_ARGUMENT")));
}

TEST_F(ResultLogTest, AFullDiskCostsLinesAndNoFrames) {
  ServerConfig config = TestConfig();
  config.result_log = "/dev/full";
  Start(config);
  grpc::ClientContext context;

  EXPECT_TRUE(Inspect(Request(), context).ok());

  const std::vector<nlohmann::json> lines = LinesWith("code", "RESOURCE_EXHAUSTED");
  ASSERT_EQ(lines.size(), 1);
  EXPECT_EQ(lines[0]["level"], "error");
}

TEST_F(ResultLogTest, AFileThatCannotBeOpenedEndsTheStart) {
  ServerConfig config = TestConfig();
  config.result_log = "/nonexistent/results";

  const absl::Status started = TryStartServer({.config = config, .loader = LoaderOf(detector_), .logger = nullptr});

  EXPECT_EQ(started.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(started.message()), StartsWith("result_log: "));
}

}  // namespace
}  // namespace bayespfl::server
