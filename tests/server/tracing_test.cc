// Traces of a whole server: from calls over gRPC to what a collector gets.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/mutex.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "inference/grpc_service.grpc.pb.h"
#include "tests/server/kserve_requests.h"
#include "tests/server/pictures.h"
#include "tests/server/server_fixture.h"
#include "tests/server/span_receiver.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl::server {
namespace {

namespace v1 = inspection::v1;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

constexpr char kTraceId[] = "4bf92f3577b34da6a3ce929d0e0e4736";
constexpr char kCallersSpan[] = "00f067aa0ba902b7";
constexpr char kTraced[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
constexpr char kUntraced[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
constexpr char kInspect[] = "bayespfl.inspection.v1.InspectionService/Inspect";
constexpr char kStream[] = "bayespfl.inspection.v1.InspectionService/InspectStream";
constexpr char kStreamFrame[] = "bayespfl.inspection.v1.InspectionService/InspectStream frame";

int64_t Nanos(const nlohmann::json& span, const char* field) { return std::stoll(span.at(field).get<std::string>()); }

std::vector<std::string> NamesOf(const std::vector<nlohmann::json>& spans) {
  std::vector<std::string> names;
  for (const nlohmann::json& span : spans) names.push_back(span.at("name"));
  return names;
}

class TracingTest : public ServerTest {
 protected:
  void SetUp() override { Start(Config()); }

  // Traces nothing but what must be.
  ServerConfig Config() const {
    ServerConfig config = TestConfig();
    config.otlp_endpoint = receiver_.endpoint();
    config.trace_sample_ratio = 0;
    config.trace_slow_frame_milliseconds = 60'000;
    config.metric_categories = "metal nut";
    return config;
  }

  void Start(const ServerConfig& config) {
    LogOptions options;
    options.level = "debug";
    options.format = "json";
    options.write = [this](absl::string_view line) {
      MutexLock lock(mu_);
      lines_.push_back(nlohmann::json::parse(line));
    };
    ASSERT_NO_FATAL_FAILURE(
        StartServer({.config = config, .loader = LoaderOf(detector_), .logger = *CreateLogger(std::move(options))}));
    channel_ = Connect(server_->grpc_address());
    stub_ = v1::InspectionService::NewStub(channel_);
  }

  static v1::InspectRequest Request(uint64_t seed = 42) {
    v1::InspectRequest request;
    request.mutable_image()->set_encoded(EncodePng());
    request.mutable_metadata()->set_camera_id("camera 1");
    request.mutable_metadata()->set_frame_id("frame 1");
    request.mutable_options()->set_category("metal nut");
    request.mutable_options()->set_seed(seed);
    return request;
  }

  // Returns the traceparent that came back.
  std::string Inspect(const v1::InspectRequest& request, const char* traceparent = nullptr) {
    grpc::ClientContext context;
    if (traceparent != nullptr) context.AddMetadata("traceparent", traceparent);
    v1::InspectResponse response;
    (void)stub_->Inspect(&context, request, &response);
    return Returned(context);
  }

  static std::string Returned(const grpc::ClientContext& context) {
    const auto& metadata = context.GetServerInitialMetadata();
    const auto found = metadata.find("traceparent");
    return found == metadata.end() ? "" : std::string(found->second.data(), found->second.size());
  }

  // Sends a configuration and frames of these names; the picture of "bad" is missing. Returns the traceparent.
  std::string RunStream(const std::vector<std::string>& names, const char* traceparent = nullptr) {
    grpc::ClientContext context;
    if (traceparent != nullptr) context.AddMetadata("traceparent", traceparent);
    const auto stream = stub_->InspectStream(&context);
    v1::InspectStreamRequest message;
    message.mutable_configuration()->mutable_options()->set_category("leather");
    stream->Write(message);
    for (const std::string& name : names) {
      v1::InspectStreamRequest frame;
      frame.mutable_frame()->mutable_metadata()->set_frame_id(name);
      frame.mutable_frame()->mutable_options()->set_seed(1);
      if (name != "bad") frame.mutable_frame()->mutable_image()->set_encoded(EncodePng());
      stream->Write(frame);
    }
    stream->WritesDone();
    v1::InspectStreamResponse reply;
    while (stream->Read(&reply)) {
    }
    EXPECT_TRUE(stream->Finish().ok());
    return Returned(context);
  }

  // Stops the server, which sends what waits.
  std::vector<nlohmann::json> Spans(const std::string& name) {
    server_->Shutdown();
    return receiver_.spans(name);
  }

  void ExpectChildrenInside(const nlohmann::json& parent) {
    for (const nlohmann::json& child : receiver_.ChildrenOf(parent)) {
      EXPECT_EQ(child.at("traceId"), parent.at("traceId"));
      EXPECT_GE(Nanos(child, "startTimeUnixNano"), Nanos(parent, "startTimeUnixNano")) << child;
      EXPECT_LE(Nanos(child, "endTimeUnixNano"), Nanos(parent, "endTimeUnixNano")) << child;
      EXPECT_LE(Nanos(child, "startTimeUnixNano"), Nanos(child, "endTimeUnixNano")) << child;
      ExpectChildrenInside(child);
    }
  }

  SpanReceiver receiver_;
  Mutex mu_;
  std::vector<nlohmann::json> lines_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::InspectionService::Stub> stub_;
};

TEST_F(TracingTest, AFrameJoinsItsCallersTraceWithASpanForEachStage) {
  const int64_t before = absl::ToUnixNanos(absl::Now());
  const std::string told = Inspect(Request(), kTraced);
  const int64_t after = absl::ToUnixNanos(absl::Now());

  const std::vector<nlohmann::json> roots = Spans(kInspect);
  ASSERT_THAT(roots, SizeIs(1));
  const nlohmann::json& root = roots.front();
  EXPECT_EQ(root["traceId"], kTraceId);
  EXPECT_EQ(root["parentSpanId"], kCallersSpan);
  EXPECT_EQ(told, absl::StrCat("00-", kTraceId, "-", root["spanId"].get<std::string>(), "-01"));
  EXPECT_EQ(root["kind"], 2);
  EXPECT_THAT(NamesOf(receiver_.ChildrenOf(root)),
              ElementsAre("admission", "queue", "decode", "queue", "execute", "queue", "render", "reply"));
  ExpectChildrenInside(root);
  EXPECT_GE(Nanos(root, "startTimeUnixNano"), before);
  EXPECT_LE(Nanos(root, "startTimeUnixNano"), after);
  EXPECT_EQ(AttributeOf(root, "rpc.service"), "bayespfl.inspection.v1.InspectionService");
  EXPECT_EQ(AttributeOf(root, "rpc.grpc.status_code"), "0");
  EXPECT_EQ(AttributeOf(root, "bayespfl.model"), "fake");
  EXPECT_EQ(AttributeOf(root, "bayespfl.category"), "metal nut");
  EXPECT_EQ(AttributeOf(root, "bayespfl.camera_id"), "camera 1");
  EXPECT_EQ(AttributeOf(root, "bayespfl.verdict"), "NONE");
}

TEST_F(TracingTest, TheResourceSaysWhoSends) {
  Inspect(Request(), kTraced);
  server_->Shutdown();

  ASSERT_THAT(receiver_.resources(), Not(IsEmpty()));
  const nlohmann::json resource = receiver_.resources().front();
  EXPECT_EQ(AttributeOf(resource, "service.name"), "bayespfl-server");
  EXPECT_EQ(AttributeOf(resource, "service.version"), BAYESPFL_VERSION);
  EXPECT_THAT(AttributeOf(resource, "service.instance.id").get<std::string>(),
              MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}"));
  EXPECT_FALSE(AttributeOf(resource, "host.name").get<std::string>().empty());
}

TEST_F(TracingTest, WhatNobodyTracesIsNotSent) {
  Inspect(Request());
  Inspect(Request(), kUntraced);
  RunStream({"1"}, kUntraced);
  server_->Shutdown();

  EXPECT_THAT(receiver_.spans(), IsEmpty());
}

TEST_F(TracingTest, AFailedFrameIsSentAtARatioOfNothing) {
  Inspect(Request(kFailingSeed), kUntraced);

  const std::vector<nlohmann::json> roots = Spans(kInspect);
  ASSERT_THAT(roots, SizeIs(1));
  EXPECT_EQ(roots[0]["status"]["code"], 2);
  EXPECT_THAT(roots[0]["status"]["message"].get<std::string>(), HasSubstr("the device failed"));
  EXPECT_EQ(AttributeOf(roots[0], "error.type"), "DEVICE_FAILED");
  EXPECT_EQ(AttributeOf(roots[0], "rpc.grpc.status_code"), "13");
  EXPECT_THAT(NamesOf(receiver_.ChildrenOf(roots[0])),
              ElementsAre("admission", "queue", "decode", "queue", "execute", "queue", "execute", "reply"))
      << "it was tried twice";
  ExpectChildrenInside(roots[0]);
}

TEST_F(TracingTest, ARequestThatIsWrongHasOnlyItsAdmission) {
  v1::InspectRequest request = Request();
  request.mutable_options()->clear_category();
  Inspect(request);

  const std::vector<nlohmann::json> roots = Spans(kInspect);
  ASSERT_THAT(roots, SizeIs(1));
  EXPECT_EQ(AttributeOf(roots[0], "error.type"), "INVALID_FIELD");
  EXPECT_THAT(NamesOf(receiver_.ChildrenOf(roots[0])), ElementsAre("admission", "reply"));
  EXPECT_FALSE(roots[0].contains("parentSpanId")) << "the trace begins here";
}

TEST_F(TracingTest, ASlowFrameIsSentAtARatioOfNothing) {
  ServerConfig config = Config();
  config.trace_slow_frame_milliseconds = 50;
  Start(config);
  detector_->TakePerFrame(std::chrono::milliseconds(80));
  Inspect(Request());

  const std::vector<nlohmann::json> roots = Spans(kInspect);
  ASSERT_THAT(roots, SizeIs(1));
  for (const nlohmann::json& child : receiver_.ChildrenOf(roots[0])) {
    if (child["name"] != "execute") continue;
    EXPECT_GE(Nanos(child, "endTimeUnixNano") - Nanos(child, "startTimeUnixNano"), 80'000'000);
    EXPECT_EQ(AttributeOf(child, "bayespfl.batch_size"), "1");
  }
}

TEST_F(TracingTest, ARatioOfOneSendsEverything) {
  ServerConfig config = Config();
  config.trace_sample_ratio = 1;
  Start(config);
  for (int i = 0; i < 3; ++i) Inspect(Request());

  EXPECT_THAT(Spans(kInspect), SizeIs(3));
  EXPECT_THAT(receiver_.spans(), SizeIs(27));
  EXPECT_THAT(server_->metrics(), HasSubstr("\nbayespfl_trace_spans_exported_total 27\n"));
  EXPECT_THAT(server_->metrics(), HasSubstr("\nbayespfl_trace_queue_spans 0\n"));
}

// One trace, the call's span below its caller's, and the frames' below that.
TEST_F(TracingTest, TheFramesOfAStreamHangBelowItsCall) {
  const std::string told = RunStream({"1", "2", "bad"}, kTraced);

  const std::vector<nlohmann::json> calls = Spans(kStream);
  ASSERT_THAT(calls, SizeIs(1));
  EXPECT_EQ(calls[0]["parentSpanId"], kCallersSpan);
  EXPECT_EQ(told, absl::StrCat("00-", kTraceId, "-", calls[0]["spanId"].get<std::string>(), "-01"));
  const std::vector<nlohmann::json> frames = receiver_.ChildrenOf(calls[0]);
  ASSERT_THAT(NamesOf(frames), ElementsAre(kStreamFrame, kStreamFrame, kStreamFrame));
  std::set<std::string> ids;
  std::set<std::string> names;
  for (const nlohmann::json& frame : frames) {
    EXPECT_EQ(frame["traceId"], kTraceId);
    EXPECT_EQ(frame["kind"], 2);
    ids.insert(frame["spanId"]);
    names.insert(AttributeOf(frame, "bayespfl.frame_id"));
    EXPECT_EQ(NamesOf(receiver_.ChildrenOf(frame)).back(), "reply");
  }
  EXPECT_THAT(ids, SizeIs(3));
  EXPECT_THAT(names, UnorderedElementsAre("1", "2", "bad"));
  ExpectChildrenInside(calls[0]);
}

TEST_F(TracingTest, AFailedFrameOfAStreamBringsItsCallAlong) {
  RunStream({"1", "bad", "2"}, kUntraced);

  const std::vector<nlohmann::json> calls = Spans(kStream);
  ASSERT_THAT(calls, SizeIs(1)) << "or its frame would hang in the air";
  const std::vector<nlohmann::json> frames = receiver_.ChildrenOf(calls[0]);
  ASSERT_THAT(frames, SizeIs(1));
  EXPECT_EQ(AttributeOf(frames[0], "bayespfl.frame_id"), "bad");
  EXPECT_EQ(frames[0]["status"]["code"], 2);
}

TEST_F(TracingTest, ARefusedStreamIsSent) {
  ServerConfig config = Config();
  config.max_streams = 1;
  Start(config);
  grpc::ClientContext first;
  const auto open = stub_->InspectStream(&first);
  v1::InspectStreamRequest message;
  message.mutable_configuration()->mutable_options()->set_category("leather");
  open->Write(message);
  WaitForMetric("bayespfl_streams_open 1");
  grpc::ClientContext second;
  const auto refused = stub_->InspectStream(&second);
  EXPECT_EQ(refused->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  open->WritesDone();
  EXPECT_TRUE(open->Finish().ok());

  const std::vector<nlohmann::json> calls = Spans(kStream);
  ASSERT_THAT(calls, SizeIs(1));
  EXPECT_EQ(AttributeOf(calls[0], "rpc.grpc.status_code"), "8");
  EXPECT_EQ(calls[0]["status"]["code"], 2);
}

TEST_F(TracingTest, LogsAndSpansNameTheSameIds) {
  RunStream({"1"}, kTraced);

  const std::vector<nlohmann::json> calls = Spans(kStream);
  const std::vector<nlohmann::json> frames = receiver_.spans(kStreamFrame);
  ASSERT_THAT(frames, SizeIs(1));
  MutexLock lock(mu_);
  int seen = 0;
  for (const nlohmann::json& line : lines_) {
    const bool of_frame = line["message"] == "the frame was answered";
    if (!of_frame && line["message"] != "the stream ended") continue;
    ++seen;
    const nlohmann::json& span = of_frame ? frames[0] : calls.at(0);
    EXPECT_EQ(line["trace_id"], kTraceId);
    EXPECT_EQ(line["span_id"], span["spanId"]);
    EXPECT_EQ(line["parent_span_id"], span["parentSpanId"]);
  }
  EXPECT_EQ(seen, 2);
}

TEST_F(TracingTest, EachPictureOfAKserveRequestIsAFrame) {
  inference::ModelInferRequest request = MakeKserveRequest({EncodePng(), EncodePng()}, {"leather", "metal nut"});
  request.set_id("batch 1");
  grpc::ClientContext context;
  context.AddMetadata("traceparent", kTraced);
  inference::ModelInferResponse response;
  ASSERT_TRUE(inference::GRPCInferenceService::NewStub(channel_)->ModelInfer(&context, request, &response).ok());

  const std::vector<nlohmann::json> roots = Spans("inference.GRPCInferenceService/ModelInfer");
  ASSERT_THAT(roots, SizeIs(1));
  EXPECT_EQ(AttributeOf(roots[0], "bayespfl.pictures"), "2");
  EXPECT_EQ(AttributeOf(roots[0], "bayespfl.frame_id"), "batch 1");
  EXPECT_THAT(NamesOf(receiver_.ChildrenOf(roots[0])), ElementsAre("frame", "frame", "reply"));
  const std::vector<nlohmann::json> frames = receiver_.spans("frame");
  EXPECT_EQ(AttributeOf(frames[0], "bayespfl.category"), "other") << "not one of metric_categories";
  EXPECT_EQ(AttributeOf(frames[1], "bayespfl.category"), "metal nut");
  EXPECT_THAT(NamesOf(receiver_.ChildrenOf(frames[0])),
              ElementsAre("admission", "queue", "decode", "queue", "execute", "queue", "render"));
  ExpectChildrenInside(roots[0]);
}

TEST_F(TracingTest, AKserveStreamIsTracedLikewise) {
  grpc::ClientContext context;
  context.AddMetadata("traceparent", kTraced);
  const auto stub = inference::GRPCInferenceService::NewStub(channel_);
  const auto stream = stub->ModelStreamInfer(&context);
  stream->Write(MakeKserveRequest({EncodePng()}));
  stream->Write(inference::ModelInferRequest());  // names no model
  stream->WritesDone();
  inference::ModelStreamInferResponse reply;
  while (stream->Read(&reply)) {
  }
  ASSERT_TRUE(stream->Finish().ok());

  const std::vector<nlohmann::json> calls = Spans("inference.GRPCInferenceService/ModelStreamInfer");
  ASSERT_THAT(calls, SizeIs(1));
  const std::vector<nlohmann::json> frames = receiver_.ChildrenOf(calls[0]);
  ASSERT_THAT(frames, SizeIs(2));
  int failed = 0;
  for (const nlohmann::json& frame : frames) {
    const bool error = frame.contains("status");
    failed += error ? 1 : 0;
    EXPECT_THAT(receiver_.ChildrenOf(frame), SizeIs(error ? 2 : 8));
  }
  EXPECT_EQ(failed, 1);
  ExpectChildrenInside(calls[0]);
}

TEST_F(TracingTest, WithoutAnEndpointNothingIsMade) {
  ServerConfig config = Config();
  config.otlp_endpoint.clear();
  Start(config);
  Inspect(Request(), kTraced);
  server_->Shutdown();

  EXPECT_THAT(receiver_.spans(), IsEmpty());
  EXPECT_THAT(server_->metrics(), HasSubstr("\nbayespfl_trace_spans_exported_total 0\n"));
}

// It takes connections and never answers: frames go on, and the stop comes.
TEST_F(TracingTest, ACollectorThatHangsHoldsUpNothing) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(listener, 16), 0);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ServerConfig config = Config();
  config.otlp_endpoint = absl::StrCat("http://127.0.0.1:", ntohs(address.sin_port));
  config.trace_sample_ratio = 1;
  Start(config);

  for (int i = 0; i < 20; ++i) {
    grpc::ClientContext context;
    v1::InspectResponse response;
    EXPECT_TRUE(stub_->Inspect(&context, Request(), &response).ok());
  }
  const auto before = std::chrono::steady_clock::now();
  server_->Shutdown();

  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(8)) << "before the transfer's own timeout";
  const std::string metrics = server_->metrics();
  EXPECT_THAT(metrics, HasSubstr("\nbayespfl_trace_spans_exported_total 0\n"));
  EXPECT_THAT(metrics, HasSubstr("\nbayespfl_trace_queue_spans 0\n"));
  close(listener);
}

TEST_F(TracingTest, AWrongFileOfHeadersKeepsTheServerFromStarting) {
  const testing::TemporaryFolder folder;
  std::ofstream(folder.File("headers")) << "no header\n";
  ServerConfig config = Config();
  config.otlp_headers_file = folder.File("headers");

  const absl::Status started = TryStartServer({.config = config, .loader = LoaderOf(detector_), .logger = nullptr});

  EXPECT_EQ(started.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(started.message()), StartsWith("otlp_headers_file: line 1"));
}

}  // namespace
}  // namespace bayespfl::server
