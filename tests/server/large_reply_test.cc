// A reply that no message can hold: its frame fails, and is recorded once, as what its client was told.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "inference/grpc_service.grpc.pb.h"
#include "server/api/call_registry.h"
#include "server/api/inspection_service.h"
#include "server/api/kserve_service.h"
#include "tests/server/kserve_requests.h"
#include "tests/server/pipeline_fixture.h"
#include "tests/server/until.h"

namespace bayespfl::server {
namespace {

namespace v1 = inspection::v1;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

constexpr uint32_t kSide = 40;           // of the pictures
constexpr size_t kMaxReplyBytes = 4096;  // a reply with a map of kSide x kSide floats has more; without, fewer
constexpr uint32_t kMono8 = 0x01080001;  // RawImage::pfnc_pixel_format
constexpr char kTooLarge[] = "and a message may have 4096; ask for fewer or smaller maps";

class LargeReplyTest : public PipelineTest {
 protected:
  void SetUp() override {
    PipelineTest::SetUp();
    CallOptions options;
    options.max_reply_bytes = kMaxReplyBytes;
    options.on_request_answered = [this](const RequestRecord& request) { return Record(request); };
    calls_ = std::make_unique<CallRegistry>(options, *pipeline_);
    inspection_ = std::make_unique<InspectionService>(v1::GetServerInfoResponse(), *calls_);
    kserve_ = std::make_unique<KserveService>(
        KserveOptions{.server_version = "1", .list_models = [] { return std::vector<ModelStatus>(); }}, *calls_);
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(inspection_.get());
    builder.RegisterService(kserve_.get());
    grpc_ = builder.BuildAndStart();
    ASSERT_NE(grpc_, nullptr);
    channel_ = grpc::CreateChannel(absl::StrCat("127.0.0.1:", port), grpc::InsecureChannelCredentials());
  }
  void TearDown() override {
    grpc_->Shutdown();
    PipelineTest::TearDown();
  }

  ReplyGone Record(const RequestRecord& request) {
    MutexLock lock(mu_);
    for (const FrameRecord& frame : request.frames) {
      records_.push_back(absl::StrCat(frame.call.method, " ", absl::StatusCodeToString(frame.status.code()),
                                      frame.result != nullptr ? " with a result" : ""));
    }
    ++unsent_;
    return [this] { --unsent_; };
  }
  // What was recorded, each reply of it gone.
  std::vector<std::string> Records() {
    EXPECT_TRUE(Eventually([this] { return unsent_ == 0; }));
    MutexLock lock(mu_);
    return records_;
  }

  static v1::Image Picture() {
    v1::Image image;
    v1::RawImage& raw = *image.mutable_raw();
    raw.set_data(std::string(size_t{kSide} * kSide, '\x07'));
    raw.set_width(kSide);
    raw.set_height(kSide);
    raw.set_pfnc_pixel_format(kMono8);
    return image;
  }
  static inference::ModelInferRequest KserveRequest(bool with_map) {
    inference::ModelInferRequest request = MakePixelRequest({1, kSide, kSide, 3});
    request.add_outputs()->set_name(with_map ? "anomaly_map" : "score");
    return request;
  }

  Mutex mu_;
  std::vector<std::string> records_ ABSL_GUARDED_BY(mu_);
  std::atomic<int> unsent_{0};  // replies that were recorded and are not gone
  std::unique_ptr<CallRegistry> calls_;
  std::unique_ptr<InspectionService> inspection_;
  std::unique_ptr<KserveService> kserve_;
  std::unique_ptr<grpc::Server> grpc_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(LargeReplyTest, FailsAnInspectOnce) {
  v1::InspectRequest request;
  *request.mutable_image() = Picture();
  request.mutable_options()->set_category("metal nut");
  request.mutable_options()->set_anomaly_map(v1::MAP_ENCODING_FLOAT32);
  grpc::ClientContext context;
  v1::InspectResponse response;

  const grpc::Status status = v1::InspectionService::NewStub(channel_)->Inspect(&context, request, &response);

  EXPECT_EQ(status.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_THAT(status.error_message(), HasSubstr(kTooLarge));
  EXPECT_THAT(Records(), ElementsAre("Inspect INTERNAL"));
}

TEST_F(LargeReplyTest, FailsItsFrameOfAStreamAlone) {
  grpc::ClientContext context;
  const auto stream = v1::InspectionService::NewStub(channel_)->InspectStream(&context);
  v1::InspectStreamRequest message;
  message.mutable_configuration()->mutable_options()->set_category("metal nut");
  stream->Write(message);
  for (const v1::MapEncoding map : {v1::MAP_ENCODING_FLOAT32, v1::MAP_ENCODING_UNSPECIFIED}) {
    v1::InspectStreamRequest frame;
    *frame.mutable_frame()->mutable_image() = Picture();
    frame.mutable_frame()->mutable_options()->set_anomaly_map(map);
    stream->Write(frame);
  }
  stream->WritesDone();
  v1::InspectStreamResponse large;
  v1::InspectStreamResponse small;

  ASSERT_TRUE(stream->Read(&large) && stream->Read(&small));
  EXPECT_TRUE(stream->Finish().ok());

  EXPECT_THAT(large.error().ShortDebugString(), HasSubstr(kTooLarge));
  EXPECT_TRUE(small.has_result());
  EXPECT_THAT(Records(), UnorderedElementsAre("InspectStream INTERNAL", "InspectStream OK with a result"));
}

TEST_F(LargeReplyTest, FailsAModelInferOnce) {
  const auto stub = inference::GRPCInferenceService::NewStub(channel_);
  const auto infer = [&stub](bool with_map) {
    grpc::ClientContext context;
    inference::ModelInferResponse response;
    return stub->ModelInfer(&context, KserveRequest(with_map), &response);
  };

  const grpc::Status large = infer(true);
  const grpc::Status small = infer(false);

  EXPECT_EQ(large.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_THAT(large.error_message(), HasSubstr(kTooLarge));
  EXPECT_TRUE(small.ok()) << small.error_message();
  EXPECT_THAT(Records(), ElementsAre("ModelInfer INTERNAL", "ModelInfer OK with a result"));
}

TEST_F(LargeReplyTest, FailsItsRequestOfAModelStreamInferAlone) {
  grpc::ClientContext context;
  const auto stream = inference::GRPCInferenceService::NewStub(channel_)->ModelStreamInfer(&context);
  stream->Write(KserveRequest(true));
  stream->Write(KserveRequest(false));
  stream->WritesDone();
  inference::ModelStreamInferResponse large;
  inference::ModelStreamInferResponse small;

  ASSERT_TRUE(stream->Read(&large) && stream->Read(&small));
  EXPECT_TRUE(stream->Finish().ok());

  EXPECT_THAT(large.error_message(), HasSubstr(kTooLarge));
  EXPECT_EQ(small.error_message(), "");
  EXPECT_THAT(Records(), UnorderedElementsAre("ModelStreamInfer INTERNAL", "ModelStreamInfer OK with a result"));
}

}  // namespace
}  // namespace bayespfl::server
