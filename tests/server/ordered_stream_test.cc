// Streams without the rest of the server: a gRPC server whose only call opens the stream under test.
#include "server/api/ordered_stream.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "server/api/inspection_stream.h"
#include "tests/server/pipeline_fixture.h"

namespace bayespfl::server {
namespace {

namespace v1 = inspection::v1;
using StreamClient = grpc::ClientReaderWriter<v1::InspectStreamRequest, v1::InspectStreamResponse>;
using Reactor = grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>;

class StreamService final
    : public v1::InspectionService::WithRawCallbackMethod_InspectStream<v1::InspectionService::Service> {
 public:
  explicit StreamService(std::function<Reactor*()> open) : open_(std::move(open)) {}
  Reactor* InspectStream(grpc::CallbackServerContext* /*context*/) override { return open_(); }

 private:
  const std::function<Reactor*()> open_;
};

class OrderedStreamTest : public PipelineTest {
 protected:
  void SetUp() override {
    PipelineTest::SetUp();
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    grpc_ = builder.BuildAndStart();
    ASSERT_NE(grpc_, nullptr);
    stub_ = v1::InspectionService::NewStub(
        grpc::CreateChannel(absl::StrCat("127.0.0.1:", port), grpc::InsecureChannelCredentials()));
  }
  void TearDown() override {
    PipelineTest::TearDown();
    StopServer();
  }

  // Returns when gRPC has made its last call to every stream.
  void StopServer() {
    grpc_->Shutdown();
    grpc_->Wait();
  }

  static v1::InspectStreamRequest Configuration() {
    v1::InspectStreamRequest message;
    message.mutable_configuration()->mutable_options()->set_category("metal nut");
    return message;
  }

  std::optional<absl::Duration> max_age_;  // of streams opened from now on
  std::weak_ptr<OrderedStream> stream_;    // the last that was opened
  std::unique_ptr<v1::InspectionService::Stub> stub_;

 private:
  Reactor* Open() {
    StreamSurroundings surroundings{.pipeline = *pipeline_,
                                    .call = std::make_shared<CallRecord>(),
                                    .max_age = max_age_,
                                    .client = {},
                                    .on_frame_rejected = [](const absl::Status&) {},
                                    .on_frame_answered = [](const FrameRecord&) {},
                                    .on_finishing = [] {},
                                    .on_done = [](const grpc::Status&) {}};
    auto stream = std::make_shared<InspectionStream>(std::move(surroundings), absl::InfiniteFuture());
    stream_ = stream;
    stream->Start(absl::OkStatus());
    return stream.get();
  }

  StreamService service_{[this] { return Open(); }};
  std::unique_ptr<grpc::Server> grpc_;
};

TEST_F(OrderedStreamTest, AStreamThatEndsBeforeItsAgeIsFreed) {
  max_age_ = absl::Hours(1);
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> client = stub_->InspectStream(&context);
  client->Write(Configuration());
  client->WritesDone();
  ASSERT_TRUE(client->Finish().ok());

  StopServer();

  EXPECT_TRUE(stream_.expired());
}

TEST_F(OrderedStreamTest, AStreamThatReachesItsAgeIsFreed) {
  max_age_ = absl::Milliseconds(1);
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> client = stub_->InspectStream(&context);
  client->Write(Configuration());
  ASSERT_EQ(client->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);

  StopServer();

  // The timer's own thread may be the last to let go of it.
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!stream_.expired() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  EXPECT_TRUE(stream_.expired());
}

}  // namespace
}  // namespace bayespfl::server
