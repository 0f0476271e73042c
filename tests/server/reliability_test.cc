// The whole server over real sockets, under more load than it can take. Lasts a few seconds; RELIABILITY_SECONDS makes
// it longer (`make reliability`).

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "tests/server/leftovers.h"
#include "tests/server/server_fixture.h"
#include "tests/server/until.h"

namespace bayespfl::server {
namespace {

namespace v1 = inspection::v1;
using Clock = std::chrono::steady_clock;
using StreamClient = grpc::ClientReaderWriter<v1::InspectStreamRequest, v1::InspectStreamResponse>;

constexpr int kStreams = 32;
constexpr int kMaxBatch = 4;
constexpr uint64_t kFirstSeed = 1000;  // frames of stream N have the seed kFirstSeed + N
constexpr int kMaxInFlight = 64;
constexpr std::chrono::milliseconds kTimePerFrame(4);
// Three times what the server can take: every stream sends a frame in the time that the model needs for a third of all
// streams' frames.
constexpr auto kInterval = kTimePerFrame * kStreams / 3;

std::chrono::seconds TestLength() {
  int seconds = 3;
  if (const char* text = std::getenv("RELIABILITY_SECONDS")) (void)absl::SimpleAtoi(text, &seconds);
  return std::chrono::seconds(seconds);
}

bool IsLongForm() { return TestLength() >= std::chrono::minutes(1); }

// Frames that the server has taken from its streams, whatever became of them, by its own count.
double FramesThatEnded(const std::string& page) {
  double frames = 0;
  for (const absl::string_view line : absl::StrSplit(page, '\n')) {
    if (!absl::StartsWith(line, "bayespfl_frames_total{")) continue;
    double value = 0;
    EXPECT_TRUE(absl::SimpleAtod(line.substr(line.rfind(' ') + 1), &value)) << line;
    frames += value;
  }
  return frames;
}

// What became of the frames of one stream.
struct Tally {
  bool latest = false;  // FLOW_POLICY_LATEST, else BLOCK
  int sent = 0;
  int results = 0;
  int errors = 0;
  int unavailable = 0;  // of the errors
  int draining = 0;     // of those: because the server stops
  int skipped = 0;
  int out_of_order = 0;
  std::vector<double> seconds;  // from arrival to answer, of results
  grpc::Status status;

  int answered() const { return results + errors + skipped; }
};

class ReliabilityTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerConfig config = TestConfig();
    config.max_batch = kMaxBatch;
    config.max_frames_in_flight = kMaxInFlight;
    config.max_frames_per_stream = 4;
    config.max_delay_milliseconds = 2;
    config.drain_timeout_seconds = 20;
    detector_->TakePerFrame(kTimePerFrame);
    StartServer({.config = config, .loader = LoaderOf(detector_), .logger = nullptr});
  }

  // Sends a frame each `interval`, or as fast as the policy lets it, until `stop`, then reads what is left.
  Tally RunStream(int number, const std::atomic<bool>& stop, Clock::duration interval = kInterval) {
    const auto stub = v1::InspectionService::NewStub(Connect(server_->grpc_address()));
    grpc::ClientContext context;
    // gRPC 1.51 looks at connect()'s errno after other calls that may have changed it, and then takes a connection that
    // is under way for a failed one: with 32 at once, one run in five. It may try again.
    context.set_wait_for_ready(true);
    const std::unique_ptr<StreamClient> stream = stub->InspectStream(&context);
    v1::InspectStreamRequest message;
    message.mutable_configuration()->mutable_options()->set_category("metal nut");
    message.mutable_configuration()->mutable_options()->set_seed(kFirstSeed + static_cast<uint64_t>(number));
    Tally tally;
    tally.latest = number % 2 != 0;
    message.mutable_configuration()->set_flow_policy(tally.latest ? v1::FLOW_POLICY_LATEST : v1::FLOW_POLICY_BLOCK);
    stream->Write(message);
    std::thread reader([&] { ReadReplies(*stream, tally); });
    v1::RawImage& raw = *message.mutable_frame()->mutable_image()->mutable_raw();
    raw.set_data(std::string(size_t{64} * 64, '\x80'));
    raw.set_width(64);
    raw.set_height(64);
    raw.set_pfnc_pixel_format(0x01080001);
    auto next = Clock::now();
    while (!stop) {
      message.mutable_frame()->mutable_metadata()->set_frame_id(absl::StrCat(tally.sent));
      if (!stream->Write(message)) break;
      ++tally.sent;
      next += interval;
      std::this_thread::sleep_until(next);
    }
    stream->WritesDone();
    reader.join();
    tally.status = stream->Finish();
    return tally;
  }

  void ReadReplies(StreamClient& stream, Tally& tally) {
    v1::InspectStreamResponse reply;
    for (int expected = 0; stream.Read(&reply); ++expected) {
      if (expected == 0) ++answered_streams_;
      if (reply.metadata().frame_id() != absl::StrCat(expected)) ++tally.out_of_order;
      if (reply.has_result()) {
        ++tally.results;
        tally.seconds.push_back(reply.result().timings().rbegin()->seconds());
      } else {
        ++(reply.has_skipped() ? tally.skipped : tally.errors);
        if (reply.error().code() == static_cast<int>(grpc::StatusCode::UNAVAILABLE)) ++tally.unavailable;
        if (reply.error().reason() == v1::ERROR_REASON_DRAINING) ++tally.draining;
      }
    }
  }

  // Frames a second of a few streams that keep the model busy and leave room: what the server can do, measured apart
  // from the overload whose latency is judged by it.
  double Capacity() {
    constexpr int kFew = 8;
    static_assert(kFew * 4 < kMaxInFlight);
    std::atomic<bool> stop{false};
    std::vector<Tally> tallies(kFew);
    std::vector<std::thread> threads;
    const auto start = Clock::now();
    for (int i = 0; i < kFew; ++i) {
      threads.emplace_back(
          [&, i] { tallies[static_cast<size_t>(i)] = RunStream(2 * i, stop, Clock::duration::zero()); });
    }
    std::this_thread::sleep_for(std::chrono::seconds(1));
    stop = true;
    for (std::thread& thread : threads) thread.join();
    const double elapsed = std::chrono::duration<double>(Clock::now() - start).count();
    int results = 0;
    for (const Tally& tally : tallies) results += tally.results;
    return results / elapsed;
  }

  // Loads the server with all streams until `during` returns.
  template <typename During>
  std::vector<Tally> Load(During during) {
    std::atomic<bool> stop{false};
    std::vector<Tally> tallies(kStreams);
    std::vector<std::thread> threads;
    threads.reserve(kStreams);
    for (int i = 0; i < kStreams; ++i) {
      threads.emplace_back([&, i] { tallies[static_cast<size_t>(i)] = RunStream(i, stop); });
    }
    during();
    stop = true;
    for (std::thread& thread : threads) thread.join();
    return tallies;
  }

  std::atomic<int> answered_streams_{0};  // whose first reply has come; before it a stream may not be open yet
};

TEST_F(ReliabilityTest, UnderOverloadEveryFrameIsAnsweredOnceInOrderAndInTime) {
  // What is allocated in the first minute stays: buffers of gRPC, arenas of malloc.
  const auto settled = std::min<std::chrono::milliseconds>(TestLength() / 2, std::chrono::minutes(1));
  int64_t memory_when_settled = 0;
  detector_->StopRecording();
  const double capacity = Capacity();
  ASSERT_GT(capacity, 0);
  const auto start = Clock::now();
  const std::vector<Tally> tallies = Load([&] {
    std::this_thread::sleep_for(settled);
    memory_when_settled = ResidentKilobytes();
    std::this_thread::sleep_for(TestLength() - settled);
  });
  const double elapsed = std::chrono::duration<double>(Clock::now() - start).count();
  const int64_t memory_at_end = ResidentKilobytes();

  int results = 0;
  int others = 0;
  std::vector<double> seconds;
  for (const Tally& tally : tallies) {
    EXPECT_TRUE(tally.status.ok()) << tally.status.error_message();
    EXPECT_EQ(tally.answered(), tally.sent);
    EXPECT_EQ(tally.out_of_order, 0);
    EXPECT_EQ(tally.unavailable, 0);
    EXPECT_TRUE(tally.latest || tally.skipped + tally.errors == 0) << tally.skipped << ", " << tally.errors;
    results += tally.results;
    others += tally.errors + tally.skipped;
    seconds.insert(seconds.end(), tally.seconds.begin(), tally.seconds.end());
  }
  ASSERT_GT(results, 0);
  EXPECT_GT(others, 0) << "the load was no overload";
  const auto rank = static_cast<ptrdiff_t>(0.99 * static_cast<double>(seconds.size()));
  std::nth_element(seconds.begin(), seconds.begin() + rank, seconds.end());
  const double p99 = seconds[static_cast<size_t>(rank)];
  const double throughput = results / elapsed;
  const double batch = kMaxBatch * std::chrono::duration<double>(kTimePerFrame).count();
  // Whoever comes in waits for those inside; before that a frame of each BLOCK stream may wait for its place.
  const double bound = 1.2 * (kMaxInFlight + kStreams / 2.0) / capacity + 0.002 + batch;
  std::printf(
      "%d results, %d refused or skipped, %.0f frames/s (%.0f apart), p99 %.3f s (bound %.3f s), RSS %ld -> %ld kB\n",
      results, others, throughput, capacity, p99, bound, static_cast<long>(memory_when_settled),
      static_cast<long>(memory_at_end));
  constexpr double kBesideOtherTests = 3;
  EXPECT_LE(p99, (IsLongForm() ? 1 : kBesideOtherTests) * bound);
  if (!IsLongForm()) return;  // memory of a few seconds says nothing
  EXPECT_LT(static_cast<double>(memory_at_end), 1.02 * static_cast<double>(memory_when_settled));
}

TEST_F(ReliabilityTest, AStopUnderLoadLosesNoFrameThatWasRead) {
  const std::vector<Tally> tallies = Load([&] {
    EXPECT_TRUE(Eventually([this] { return answered_streams_ == kStreams; }));
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    server_->Shutdown();
  });

  int of_all_streams = 0;
  int answered = 0;
  std::map<uint64_t, int> computed;  // frames by seed
  for (const std::vector<uint64_t>& batch : detector_->batches()) {
    for (const uint64_t seed : batch) ++computed[seed];
  }
  for (size_t i = 0; i < tallies.size(); ++i) {
    const Tally& tally = tallies[i];
    // Frames that were still on their way have no reply; those with one are the first ones, without a gap.
    EXPECT_EQ(tally.out_of_order, 0);
    EXPECT_LE(tally.answered(), tally.sent);
    // At most the one that was being looked at when the stop came; frames that were accepted are never sent away.
    EXPECT_LE(tally.unavailable, 1);
    EXPECT_EQ(tally.draining, tally.unavailable);
    answered += tally.answered();
    EXPECT_EQ(tally.status.error_code(), grpc::StatusCode::UNAVAILABLE) << tally.status.error_message();
    // Whatever the model computed has reached its client. Under LATEST it may be skipped on the way there.
    const int of_model = computed[kFirstSeed + i];
    of_all_streams += of_model;
    if (tally.latest) {
      EXPECT_LE(tally.results, of_model);
    } else {
      EXPECT_EQ(tally.results, of_model);
    }
  }
  EXPECT_GT(of_all_streams, 0);
  EXPECT_EQ(FramesThatEnded(server_->metrics()), answered) << "a frame was taken and not answered, or not counted";
}

}  // namespace
}  // namespace bayespfl::server
