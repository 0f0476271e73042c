// A stop, over real sockets: first nobody is sent here any more, then nobody is let in, and no frame is lost on the
// way.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "base/mutex.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "server/runtime/server.h"
#include "tests/server/service_fixture.h"
#include "tests/server/until.h"

namespace bayespfl::server {
namespace {

using Clock = std::chrono::steady_clock;

class StopTest : public ServiceTest {
 protected:
  void SetUp() override {}  // each test starts its own

  bool AboutToStop() const { return absl::StrContains(Http("/readyz"), "about to stop"); }
  bool Draining() const { return absl::StrContains(Http("/readyz"), "draining"); }

  std::future<void> StopInTheBackground() {
    return std::async(std::launch::async, [this] { server_->Shutdown(); });
  }

  grpc::health::v1::HealthCheckResponse::ServingStatus Health() {
    grpc::ClientContext context;
    grpc::health::v1::HealthCheckResponse response;
    EXPECT_TRUE(grpc::health::v1::Health::NewStub(channel_)->Check(&context, {}, &response).ok());
    return response.status();
  }
};

// ---- The delay -----------------------------------------------------------------------------------------------------

TEST_F(StopTest, InTheDelayTheServerIsNotReadyAndTakesWork) {
  constexpr std::chrono::seconds kDelay(2);
  ServerConfig config = DefaultConfig();
  config.drain_delay_seconds = static_cast<int>(kDelay.count());
  Start(config, Loader());
  grpc::ClientContext old_context;
  const std::unique_ptr<StreamClient> old_stream = stub_->InspectStream(&old_context);
  old_stream->Write(MakeConfiguration());
  const auto begin = Clock::now();
  const std::future<void> stop = StopInTheBackground();
  ASSERT_TRUE(Eventually([this] { return AboutToStop(); }));

  EXPECT_EQ(Health(), grpc::health::v1::HealthCheckResponse::NOT_SERVING);
  Http("/readyz", 503);
  Http("/livez", 200);
  EXPECT_TRUE(Inspect(MakeRequest()).ok());
  v1::InspectStreamResponse reply;
  old_stream->Write(MakeFrame("old"));
  EXPECT_TRUE(old_stream->Read(&reply) && reply.has_result());
  grpc::ClientContext new_context;
  const std::unique_ptr<StreamClient> new_stream = stub_->InspectStream(&new_context);
  new_stream->Write(MakeConfiguration());
  new_stream->Write(MakeFrame("new"));
  EXPECT_TRUE(new_stream->Read(&reply) && reply.has_result());
  EXPECT_TRUE(AboutToStop()) << "the machine was so busy that the delay has passed";

  EXPECT_FALSE(old_stream->Read(&reply));
  EXPECT_FALSE(new_stream->Read(&reply));
  EXPECT_GE(Clock::now() - begin, kDelay);
  EXPECT_EQ(ErrorOf(old_stream->Finish()).reason(), v1::ERROR_REASON_DRAINING);
  EXPECT_EQ(ErrorOf(new_stream->Finish()).reason(), v1::ERROR_REASON_DRAINING);
}

TEST_F(StopTest, WhileTheModelIsLoadingAStopDoesNotWaitForTheDelay) {
  ServerConfig config = DefaultConfig();
  config.drain_delay_seconds = 3600;
  detector_->Hold();  // the warm-up waits
  Start(config, Loader(), /*wait=*/false);

  const std::future<void> stop = StopInTheBackground();
  EXPECT_TRUE(Eventually([this] { return Draining(); }));
  detector_->Release();

  stop.wait();
}

// ---- Frames around a stop ------------------------------------------------------------------------------------------

// What became of the frames of all clients, by their seeds, which are different. Thread-safe.
class Fates {
 public:
  enum class Fate { kSent, kAnswered, kRefused };

  uint64_t Send() {
    MutexLock lock(mu_);
    fates_.emplace(++last_, Fate::kSent);
    return last_;
  }
  void Note(uint64_t seed, Fate fate) {
    MutexLock lock(mu_);
    EXPECT_EQ(fates_.at(seed), Fate::kSent) << "a second answer";
    fates_.at(seed) = fate;
  }
  std::vector<uint64_t> Of(Fate fate) const {
    MutexLock lock(mu_);
    std::vector<uint64_t> seeds;
    for (const auto& [seed, its_fate] : fates_) {
      if (its_fate == fate) seeds.push_back(seed);
    }
    return seeds;
  }

 private:
  mutable Mutex mu_;
  uint64_t last_ ABSL_GUARDED_BY(mu_) = 1000;  // FakeDetector has seeds of its own below
  std::map<uint64_t, Fate> fates_ ABSL_GUARDED_BY(mu_);
};

bool SaysDraining(const v1::FrameError& error) {
  return error.code() == static_cast<int>(grpc::StatusCode::UNAVAILABLE) && error.reason() == v1::ERROR_REASON_DRAINING;
}

// One call after the other until one is refused.
void CallUntilRefused(v1::InspectionService::Stub& stub, Fates& fates) {
  for (;;) {
    const uint64_t seed = fates.Send();
    v1::InspectRequest request = MakeRequest();
    request.mutable_options()->set_seed(seed);
    grpc::ClientContext context;
    v1::InspectResponse response;
    const grpc::Status status = stub.Inspect(&context, request, &response);
    fates.Note(seed, status.ok() ? Fates::Fate::kAnswered : Fates::Fate::kRefused);
    if (status.ok()) continue;
    EXPECT_TRUE(SaysDraining(ErrorOf(status))) << status.error_message();
    return;
  }
}

// Sends ahead of the replies until the stream ends.
void StreamUntilEnded(v1::InspectionService::Stub& stub, Fates& fates) {
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub.InspectStream(&context);
  stream->Write(MakeConfiguration());
  std::vector<uint64_t> sent;
  std::thread writer([&] {
    for (;;) {
      const uint64_t seed = fates.Send();
      sent.push_back(seed);
      if (!stream->Write(MakeFrame(std::to_string(seed), seed))) return;
    }
  });
  uint64_t replies = 0;
  std::vector<Fates::Fate> answers;
  for (v1::InspectStreamResponse reply; stream->Read(&reply); ++replies) {
    EXPECT_EQ(reply.sequence(), replies);
    EXPECT_TRUE(reply.has_result() || SaysDraining(reply.error())) << reply.ShortDebugString();
    answers.push_back(reply.has_result() ? Fates::Fate::kAnswered : Fates::Fate::kRefused);
  }
  writer.join();
  EXPECT_TRUE(SaysDraining(ErrorOf(stream->Finish())));
  // What has no reply of its own is refused by the end of the stream.
  answers.resize(sent.size(), Fates::Fate::kRefused);
  for (size_t i = 0; i < sent.size(); ++i) fates.Note(sent[i], answers[i]);
}

TEST_F(StopTest, EachFrameAroundAStopIsAnsweredOrRefusedForItAndNeverBoth) {
  constexpr int kClients = 4;  // of each kind
  ServerConfig config = DefaultConfig();
  config.max_frames_in_flight = 64;  // the stop alone refuses
  Start(config, Loader());
  detector_->ForgetBatches();
  // A reply that is not taken keeps the server from closing its port on the last calls, which gRPC would refuse without
  // a reason.
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);  // HTTP/2's window stays at 64 kB
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const auto slow = v1::InspectionService::NewStub(
      grpc::CreateCustomChannel(server_->grpc_address(), grpc::InsecureChannelCredentials(), arguments));
  grpc::ClientContext slow_context;
  const std::unique_ptr<StreamClient> slow_stream = slow->InspectStream(&slow_context);
  v1::InspectStreamRequest configuration = MakeConfiguration();
  configuration.mutable_configuration()->mutable_options()->set_anomaly_map(v1::MAP_ENCODING_FLOAT32);
  slow_stream->Write(configuration);
  v1::InspectStreamRequest large = MakeFrame("large", /*seed=*/1);
  large.mutable_frame()->mutable_image()->set_encoded(EncodePng(300, 300));  // its reply takes 360 kB
  slow_stream->Write(large);
  WaitForMetric("bayespfl_frames_total{model=\"fake\",outcome=\"ok\"} 1");

  Fates fates;
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&] { CallUntilRefused(*stub_, fates); });
    clients.emplace_back([&] { StreamUntilEnded(*stub_, fates); });
  }
  ASSERT_TRUE(Eventually([this] { return detector_->batches().size() > 100; }));
  const std::future<void> stop = StopInTheBackground();
  for (std::thread& client : clients) client.join();
  v1::InspectStreamResponse reply;
  while (slow_stream->Read(&reply)) continue;
  EXPECT_TRUE(SaysDraining(ErrorOf(slow_stream->Finish())));
  stop.wait();

  EXPECT_TRUE(fates.Of(Fates::Fate::kSent).empty()) << "lost";
  EXPECT_GE(fates.Of(Fates::Fate::kRefused).size(), size_t{kClients});
  std::vector<uint64_t> computed;
  for (const std::vector<uint64_t>& batch : detector_->batches())
    computed.insert(computed.end(), batch.begin(), batch.end());
  std::erase(computed, uint64_t{1});  // the large one
  std::sort(computed.begin(), computed.end());
  EXPECT_EQ(fates.Of(Fates::Fate::kAnswered), computed) << "refused frames were computed, or answered ones were not";
}

}  // namespace
}  // namespace bayespfl::server
