// Frames whose client has gone or whose deadline has passed while the model is busy with another one: what the server
// itself does, told by its counters while the model is still held.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "tests/server/service_fixture.h"

namespace bayespfl::server {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::Not;

constexpr uint64_t kWaitingSeed = 77;
constexpr std::chrono::milliseconds kTimeout(500);

// gRPC's client cancels a call at its deadline, which is a moment before the server's own. So this one tells the server
// its timeout, and waits for the answer however long it takes.
void TellTimeout(grpc::ClientContext& context) {
  context.AddMetadata("grpc-timeout", absl::StrCat(kTimeout.count(), "m"));
}

v1::InspectRequest WaitingRequest() {
  v1::InspectRequest request = MakeRequest();
  request.mutable_options()->set_seed(kWaitingSeed);
  return request;
}

class EarlyEndTest : public ServiceTest {
 protected:
  // The model holds another call's frame from now on until it is released.
  void SetUp() override {
    ServiceTest::SetUp();
    const size_t warm_up = detector_->batches().size();
    detector_->Hold();
    occupant_ = std::thread([this] { EXPECT_TRUE(Inspect(MakeRequest()).ok()); });
    detector_->WaitForCalls(warm_up + 1);
  }
  void TearDown() override {
    detector_->Release();
    occupant_.join();
    ServiceTest::TearDown();
  }

  // Whether /metrics holds this before long.
  // Lets the model go on; the frame that has left must not come to it.
  void ExpectNeverInspected() {
    detector_->Release();
    WaitForMetric("bayespfl_frames_in_flight 0");
    EXPECT_THAT(detector_->batches(), Each(Not(Contains(kWaitingSeed))));
  }

 private:
  std::thread occupant_;
};

TEST_F(EarlyEndTest, AUnaryCallWhoseClientLeavesTakesItsWaitingFrameAlong) {
  grpc::ClientContext context;
  std::thread client([this, &context] {
    v1::InspectResponse response;
    EXPECT_EQ(stub_->Inspect(&context, WaitingRequest(), &response).error_code(), grpc::StatusCode::CANCELLED);
  });
  WaitForMetric("bayespfl_queue_depth{queue=\"execute\"} 1");

  context.TryCancel();
  client.join();

  WaitForMetric("outcome=\"cancelled\"} 1");
  ExpectNeverInspected();
}

TEST_F(EarlyEndTest, AUnaryCallsDeadlineIsItsFrames) {
  grpc::ClientContext context;
  TellTimeout(context);
  v1::InspectResponse response;

  EXPECT_EQ(stub_->Inspect(&context, WaitingRequest(), &response).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);

  WaitForMetric("outcome=\"expired\"} 1");
  ExpectNeverInspected();
}

TEST_F(EarlyEndTest, AStreamsDeadlineIsThatOfItsFrames) {
  grpc::ClientContext context;
  TellTimeout(context);
  const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
  stream->Write(MakeConfiguration());
  stream->Write(MakeFrame("0", kWaitingSeed));

  WaitForMetric("outcome=\"expired\"} 1");
  ExpectNeverInspected();
  v1::InspectStreamResponse reply;
  while (stream->Read(&reply)) continue;  // the frame's own error, where it came before the stream's end
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
}

}  // namespace
}  // namespace bayespfl::server
