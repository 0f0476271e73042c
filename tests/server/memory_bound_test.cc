// What clients can make a server hold: many connections with large messages, readers that never read, and what stays
// when they have left. The clients hold next to nothing, so that the memory of this process is the server's.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "server/runtime/inspection_port.h"
#include "server/runtime/memory_trimmer.h"
#include "tests/server/hostile_bytes.h"
#include "tests/server/raw_connection.h"
#include "tests/server/service_fixture.h"
#include "tests/server/until.h"
#include "tests/server/upload.h"

namespace bayespfl::server {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kMebibyte = 1 << 20;
// Beside what the limits say: arenas, threads, buffers of connections.
constexpr int64_t kSlack = 96 * kMebibyte;
// What a burst may leave for good.
constexpr int64_t kLeft = 64 * kMebibyte;

class MemoryBoundTest : public ServiceTest {
 protected:
  void SetUp() override {
    ServerConfig config = DefaultConfig();
    config.max_image_bytes = 24 * kMebibyte;
    config.max_incoming_bytes = 256 * kMebibyte;
    config.max_bytes_in_flight = 64 * kMebibyte;
    config.max_unsent_bytes = 128 * kMebibyte;
    config.max_reply_bytes = 16 * kMebibyte;
    config.max_image_pixels = 2'000'000;
    config.max_frames_in_flight = 64;
    Start(config, Loader());
    ASSERT_TRUE(Inspect(MakeRequest()).ok());
    before_ = ResidentBytes();
  }

  // The most that the process has grown by so far.
  int64_t Growth() {
    most_ = std::max(most_, ResidentBytes() - before_);
    return most_;
  }
  void ExpectMemoryComesBack() {
    EXPECT_TRUE(Eventually([this] { return ResidentBytes() < before_ + kLeft; })) << ResidentBytes() - before_;
  }

  // Many clients send messages of `message_bytes` that never end, and one a message that says it is the largest that
  // there can be, until `bytes` have gone in all; who is sent away comes back. No faster than the server looks: were
  // its thread late, gRPC's own limit would be met, which ends the calls of others.
  void SendWithoutEnd(int connections, uint32_t message_bytes, int64_t bytes) {
    std::vector<std::unique_ptr<Upload>> uploads;
    for (int i = 0; i < connections; ++i) uploads.push_back(EndlessUpload(server_->port(), message_bytes));
    uploads.push_back(EndlessUpload(server_->port(), /*message_bytes=*/0xFFFFFFFF));
    size_t sent = 0;
    EXPECT_TRUE(Eventually([&] {
      const double incoming = Value("bayespfl_incoming_bytes");
      const size_t before = sent;
      for (std::unique_ptr<Upload>& upload : uploads) {
        const size_t so_far = upload->sent_bytes();
        const bool open = upload->Pump();
        sent += upload->sent_bytes() - so_far;
        if (!open) upload = EndlessUpload(server_->port(), message_bytes);
      }
      Growth();
      // Not for ever: what has come in may be as much as what was broken off, to the byte, since all send the same.
      const auto end = Clock::now() + std::chrono::seconds(1);
      while (sent != before && Value("bayespfl_incoming_bytes") == incoming && Clock::now() < end) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      return sent >= static_cast<size_t>(bytes);
    })) << sent;
  }

  // Waits until no frame is in flight, and none comes in any more. How many batches there were.
  int64_t WaitUntilStreamsStandStill() {
    int same = 0;  // looks in a row at which nothing had moved
    int64_t last = -1;
    EXPECT_TRUE(Eventually([&] {
      Growth();
      const auto batches = static_cast<int64_t>(detector_->batches().size());
      same = batches == last && absl::StrContains(server_->metrics(), "\nbayespfl_frames_in_flight 0\n") ? same + 1 : 0;
      last = batches;
      return same == 100;
    }));
    return last;
  }

  int64_t before_ = 0;
  int64_t most_ = 0;
};

TEST_F(MemoryBoundTest, LargeMessagesThatNeverEndTakeNoMoreThanMayComeIn) {
  constexpr int kConnections = 60;
  constexpr uint32_t kMessage = 24 << 20;  // bytes; of all together six times what may come in

  SendWithoutEnd(kConnections, kMessage, 2048 * kMebibyte);

  std::printf("the process grew by %ld MiB\n", static_cast<long>(Growth() / kMebibyte));
  EXPECT_LT(Growth(), kMebibyte * 256 * 3 / 2 + kSlack);  // where gRPC's own limit stands
  EXPECT_TRUE(Eventually([this] { return Inspect(MakeRequest()).ok(); }));
  ExpectMemoryComesBack();
  // Whoever ended them, they are counted.
  EXPECT_TRUE(Eventually(
      [this] { return Value(R"(bayespfl_requests_total{code="CANCELLED",method="Inspect"})") >= kConnections; }));
}

// Nobody looks at what these connections have on its way (no ConnectionTable): what is left is gRPC's resource quota.
// No ping that stays unanswered ends one either.
TEST(ResourceQuotaTest, EndsCallsWhoseHalfMessagesHaveNoRoom) {
  constexpr int kUploads = 40;
  constexpr uint32_t kMessage = 1 << 20;
  inspection::v1::InspectionService::Service service;
  const auto port = InspectionPort::Start(
      {.host = "127.0.0.1",
       .max_message_bytes = kMessage,
       .credentials = grpc::InsecureServerCredentials(),
       .connections = {.max_incoming_bytes = int64_t{8} * kMessage, .keepalive_time = std::chrono::hours(1)},
       .services = {{"bayespfl.inspection.v1.InspectionService", &service}},
       .events = {.on_unknown_method = [] {},
                  .on_connection_refused = {},
                  .on_connection_shortage = {},
                  .on_connections_broken = {}}});
  ASSERT_TRUE(port.ok()) << port.status();
  std::vector<std::unique_ptr<Upload>> uploads;
  for (int i = 0; i < kUploads; ++i) uploads.push_back(EndlessUpload((*port)->port(), kMessage));

  EXPECT_TRUE(Eventually([&] {
    int ended = 0;
    for (const std::unique_ptr<Upload>& upload : uploads) {
      const bool open = upload->Pump();
      ended += open ? upload->ended_calls() : 1;
    }
    return ended > 0;
  }));
}

// CVE-2023-33953: gRPC keeps the fields that it has until the last has come. (Of one field without end it takes a
// mebibyte a second at most, since each piece is copied with all before it.)
TEST_F(MemoryBoundTest, AHeaderThatNeverEndsCostsItsConnection) {
  constexpr int64_t kIncoming = 32 * kMebibyte;
  constexpr int64_t kMost = 1024 * kMebibyte;
  constexpr uint8_t kEndHeaders = 4;
  constexpr int kFields = 150;  // in a frame, which may have 16 KiB
  ServerConfig config = DefaultConfig();
  config.max_image_bytes = 24 * kMebibyte;
  config.max_incoming_bytes = kIncoming;
  Start(config, Loader());
  ASSERT_TRUE(Inspect(MakeRequest()).ok());
  before_ = ResidentBytes();
  std::string begin = Http2Begin(1, kInspectMethod);
  begin[4] = static_cast<char>(begin[4] & ~kEndHeaders);
  std::string fields;  // "a", never indexed, with a value of 90 bytes (RFC 7541, section 6.2.3)
  for (int i = 0; i < kFields; ++i) absl::StrAppend(&fields, "\x10\x01", "a\x5a", std::string(90, 'b'));
  const std::string more = Http2Frame(kHttp2Continuation, 0, 1, fields);
  const RawConnection connection(server_->port());
  ASSERT_TRUE(connection.Send(absl::StrCat(Http2Preface(), begin)));

  std::thread reader([&connection] { connection.HangUpWithThePeer(); });
  int64_t sent = 0;
  for (; sent < kMost && connection.Send(more); sent += static_cast<int64_t>(more.size())) Growth();
  reader.join();

  std::printf("closed after %ld MiB, the process grew by %ld MiB\n", static_cast<long>(sent / kMebibyte),
              static_cast<long>(Growth() / kMebibyte));
  EXPECT_LT(sent, kMost);
  EXPECT_LT(Growth(), kIncoming * 3 * 3 + kSlack);  // the kernel takes as much again while the server looks away
  WaitForMetric("bayespfl_connections_broken_total 1");
  EXPECT_TRUE(Inspect(MakeRequest()).ok());
  ExpectMemoryComesBack();
}

constexpr char kStreamMethod[] = "/bayespfl.inspection.v1.InspectionService/InspectStream";

// A connection with a stream whose client opens no window for what comes back, and sends as many frames as one takes.
std::unique_ptr<RawConnection> OpenUnreadStream(int port) {
  constexpr int kFrames = 8;
  const auto data = [](const v1::InspectStreamRequest& message) {
    const std::string bytes = message.SerializeAsString();
    return Http2Frame(kHttp2Data, 0, 1, MessageHeader(bytes.size()) + bytes);
  };
  v1::InspectStreamRequest configuration = MakeConfiguration();
  configuration.mutable_configuration()->mutable_options()->set_anomaly_map(v1::MAP_ENCODING_FLOAT32);
  v1::InspectStreamRequest frame;
  frame.mutable_frame()->mutable_image()->set_encoded(
      Png(1000, 1000, DeflatedZeros(size_t{1001} * 1000)));  // a map of 4 MB
  std::string frames;
  for (int i = 0; i < kFrames; ++i) frames += data(frame);
  const std::string no_window("\0\x04\0\0\0\0", 6);  // SETTINGS_INITIAL_WINDOW_SIZE
  auto connection = std::make_unique<RawConnection>(port);
  EXPECT_TRUE(connection->Send(absl::StrCat(Http2Preface(), Http2Frame(kHttp2Settings, 0, 0, no_window),
                                            Http2Begin(1, kStreamMethod), data(configuration), frames)));
  return connection;
}

TEST_F(MemoryBoundTest, RepliesThatNobodyTakesAreBoundedForAllStreamsTogether) {
  constexpr int kStreams = 60;  // which may be owed 4 replies each, of 4 MB: 960 MB
  constexpr int64_t kMost = kMebibyte * 128 * 2;
  {
    std::vector<std::unique_ptr<RawConnection>> streams;
    for (int i = 0; i < kStreams; ++i) streams.push_back(OpenUnreadStream(server_->port()));
    WaitForMetric(absl::StrCat("bayespfl_streams_open ", kStreams));
    const int64_t computed = WaitUntilStreamsStandStill();
    std::printf("%ld frames were computed, the process grew by %ld MiB\n", static_cast<long>(computed),
                static_cast<long>(Growth() / kMebibyte));

    EXPECT_GE(computed, kStreams) << "a stream was held up that owed nothing";
    EXPECT_LT(Growth(), kMost + kSlack);
    EXPECT_TRUE(Inspect(MakeRequest()).ok()) << "a client that takes its reply";
  }

  WaitForMetric("bayespfl_unsent_reply_bytes 0");
  ExpectMemoryComesBack();
}

// ---- All at once ---------------------------------------------------------------------------------------------------

constexpr int kPictureWidth = 2048;
constexpr int kPictureHeight = 1024;
constexpr int64_t kPictureBytes = int64_t{4} * kPictureWidth * kPictureHeight;
constexpr int64_t kLargestFrame = int64_t{6} * kPictureWidth * kPictureHeight;  // what its decoding reserves
constexpr int64_t kModelPixels = 64;                                            // of the stand-in

// What a stream under FLOW_POLICY_BLOCK sends with one frame, of a camera's pixels.
std::vector<UploadPart> OneFrameUnderBlock() {
  v1::InspectStreamRequest configuration = MakeConfiguration();
  configuration.mutable_configuration()->set_flow_policy(v1::FLOW_POLICY_BLOCK);
  const std::string first = configuration.SerializeAsString();
  v1::InspectStreamRequest message;
  v1::RawImage& raw = *message.mutable_frame()->mutable_image()->mutable_raw();
  raw.set_width(kPictureWidth);
  raw.set_height(kPictureHeight);
  raw.set_pfnc_pixel_format(0x02200017);  // BGRa8
  raw.set_data(std::string(kPictureBytes, 'x'));
  const std::string frame = message.SerializeAsString();
  const size_t pixels = frame.find(std::string(64, 'x'));
  return {{.bytes = absl::StrCat(MessageHeader(first.size()), first)},
          {.bytes = absl::StrCat(MessageHeader(frame.size()), frame.substr(0, pixels)), .filling = kPictureBytes},
          {.bytes = frame.substr(pixels + static_cast<size_t>(kPictureBytes))}};
}

// The most that a configuration takes beside the process and its model: the rows of docs/operations.md, "Memory", for a
// model of `pixels` pixels. `config` says how many threads render; `largest_frame`: what one frame reserves while it is
// decoded or encoded.
int64_t MostMemory(const ServerConfig& config, int64_t pixels, int64_t largest_frame) {
  constexpr int64_t kKibibyte = 1024;
  const int64_t coming_in = config.max_incoming_bytes * 3 / 2;
  const int64_t accepted = config.max_bytes_in_flight;
  const int64_t at_the_door = config.max_bytes_in_flight;
  const int64_t prepared = std::min(config.max_decoded_bytes, 12 * pixels * 3 * config.max_batch * config.replicas);
  const int64_t maps = std::min(config.max_decoded_bytes, 8 * pixels * config.max_frames_in_flight);
  const int64_t working = std::max(config.max_working_bytes, largest_frame);
  const int64_t unsent = 2 * config.max_unsent_bytes + config.render_threads * config.max_reply_bytes;
  const int64_t connections =
      config.max_connections * (16 * kKibibyte + kKibibyte * config.max_calls_per_connection * 21 / 2);
  const int64_t records = 20 * kMebibyte;
  const int64_t kept_by_malloc = 64 * kMebibyte;
  return coming_in + accepted + at_the_door + prepared + maps + working + unsent + connections + records +
         kept_by_malloc;
}

class AllAttacksTest : public MemoryBoundTest {
 protected:
  void SetUp() override {
    config_.max_image_bytes = 24 * kMebibyte;
    config_.max_image_pixels = int64_t{kPictureWidth} * kPictureHeight;
    config_.max_incoming_bytes = 192 * kMebibyte;
    config_.max_bytes_in_flight = 32 * kMebibyte;
    config_.max_frames_in_flight = 64;
    config_.max_working_bytes = 32 * kMebibyte;
    config_.max_unsent_bytes = 32 * kMebibyte;
    config_.max_reply_bytes = 16 * kMebibyte;
    config_.max_connections = 256;
    config_.max_calls_per_connection = 4;
    config_.render_threads = 1;
    config_.keepalive_time_seconds = 3600;  // none of these clients answers, and would be sent away for that
    Start(config_, Loader());
    ASSERT_TRUE(Inspect(MakeRequest()).ok());
    before_ = ResidentBytes();
  }

  // Streams whose frames find the server full, one after the other, so that none of them is broken off for what is on
  // its way.
  std::vector<std::unique_ptr<Upload>> CrowdTheDoor(int streams, const std::vector<UploadPart>& parts) {
    const auto frames = [this] {
      return Value("bayespfl_frames_in_flight") + Value("bayespfl_queue_depth{queue=\"admission\"}") +
             Value("bayespfl_frames_refused_total{reason=\"bytes_full\"}");
    };
    std::vector<std::unique_ptr<Upload>> waiting;
    for (int i = 1; i <= streams; ++i) {
      waiting.push_back(std::make_unique<Upload>(server_->port(), kStreamMethod, parts));
      Upload& upload = *waiting.back();
      EXPECT_TRUE(Eventually([&] { return upload.Pump() && upload.sent() && frames() == i; })) << i;
      Growth();
    }
    return waiting;
  }

  ServerConfig config_ = DefaultConfig();
};

// Each of the three would alone take more than the sum if its bound went away.
TEST_F(AllAttacksTest, StayUnderTheSumOfTheLimits) {
  constexpr int kUnreadStreams = 60;  // which may be owed 4 replies each, of 4 MB
  constexpr int kBlockStreams = 100;
  constexpr int kEndless = 60;
  constexpr uint32_t kEndlessMessage = 24 << 20;
  const std::vector<UploadPart> parts = OneFrameUnderBlock();
  const int64_t most = MostMemory(config_, kModelPixels, kLargestFrame) + kSlack;
  ASSERT_GT(kUnreadStreams * config_.max_frames_per_stream * int64_t{4'000'000}, most);
  ASSERT_GT(kBlockStreams * kPictureBytes, most);
  ASSERT_GT(kEndless * int64_t{kEndlessMessage}, most);
  {
    std::vector<std::unique_ptr<RawConnection>> unread;
    for (int i = 0; i < kUnreadStreams; ++i) unread.push_back(OpenUnreadStream(server_->port()));
    WaitForMetric(absl::StrCat("bayespfl_streams_open ", kUnreadStreams));
    EXPECT_GE(WaitUntilStreamsStandStill(), kUnreadStreams);
    detector_->Hold();  // what comes in now stays
    const std::vector<std::unique_ptr<Upload>> waiting = CrowdTheDoor(kBlockStreams, parts);
    SendWithoutEnd(kEndless, kEndlessMessage, 2 * most);

    std::printf("the process grew by %ld of %ld MiB\n", static_cast<long>(Growth() / kMebibyte),
                static_cast<long>(most / kMebibyte));
    EXPECT_LT(Growth(), most);
    EXPECT_GT(Value("bayespfl_connections_broken_total"), 0);
    EXPECT_GT(Value("bayespfl_unsent_reply_bytes"), static_cast<double>(config_.max_unsent_bytes));
    EXPECT_EQ(Value("bayespfl_queue_bytes{queue=\"admission\"}"), static_cast<double>(config_.max_bytes_in_flight));
    EXPECT_GT(Value("bayespfl_frames_refused_total{reason=\"bytes_full\"}"), kBlockStreams / 2);
    EXPECT_EQ(Value("bayespfl_streams_open"), kUnreadStreams + kBlockStreams);
  }

  detector_->Release();
  EXPECT_TRUE(Eventually([this] { return Inspect(MakeRequest()).ok(); }));
  ExpectMemoryComesBack();
}

}  // namespace
}  // namespace bayespfl::server
