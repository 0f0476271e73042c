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
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/runtime/memory_trimmer.h"
#include "tests/server/endless_upload.h"
#include "tests/server/hostile_bytes.h"
#include "tests/server/raw_connection.h"
#include "tests/server/service_fixture.h"
#include "tests/server/until.h"

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

  int64_t before_ = 0;
  int64_t most_ = 0;
};

TEST_F(MemoryBoundTest, LargeMessagesThatNeverEndTakeNoMoreThanMayComeIn) {
  constexpr int kConnections = 60;
  constexpr uint32_t kMessage = 24 << 20;  // bytes; of all together six times what may come in
  {
    std::vector<std::unique_ptr<EndlessUpload>> uploads;
    for (int i = 0; i < kConnections; ++i) {
      uploads.push_back(std::make_unique<EndlessUpload>(server_->port(), kMessage));
    }
    uploads.push_back(std::make_unique<EndlessUpload>(server_->port(), /*message_bytes=*/0xFFFFFFFF));

    int64_t sent = 0;
    for (const auto end = Clock::now() + std::chrono::seconds(8); Clock::now() < end;) {
      sent = 0;
      for (const std::unique_ptr<EndlessUpload>& upload : uploads) {
        (void)upload->Pump();
        sent += static_cast<int64_t>(upload->sent_bytes());
      }
      Growth();
    }
    std::printf("%ld MiB were sent, the process grew by %ld MiB\n", static_cast<long>(sent / kMebibyte),
                static_cast<long>(Growth() / kMebibyte));

    EXPECT_GT(sent, 512 * kMebibyte) << "the attack was none";
    EXPECT_LT(Growth(), 3 * 256 * kMebibyte / 2 + kSlack);  // where gRPC's own limit stands
  }

  EXPECT_TRUE(Eventually([this] { return Inspect(MakeRequest()).ok(); }));
  ExpectMemoryComesBack();
}

// CVE-2023-33953: gRPC keeps what it has of the fields until the last has come.
TEST_F(MemoryBoundTest, AHeaderThatNeverEndsCostsItsConnection) {
  constexpr int64_t kIncoming = 32 * kMebibyte;
  constexpr int64_t kMost = 1024 * kMebibyte;
  constexpr uint8_t kEndHeaders = 4;
  ServerConfig config = DefaultConfig();
  config.max_image_bytes = 24 * kMebibyte;
  config.max_incoming_bytes = kIncoming;
  Start(config, Loader());
  ASSERT_TRUE(Inspect(MakeRequest()).ok());
  before_ = ResidentBytes();
  std::string begin = Http2Begin(1, kInspectMethod);
  begin[4] = static_cast<char>(begin[4] & ~kEndHeaders);
  // A field "a" whose value has 1 GiB (RFC 7541, sections 5.1 and 6.2.2).
  const std::string field(
      "\0\x01"
      "a\x7f\x81\xff\xff\xff\x03",
      9);
  const std::string more = Http2Frame(kHttp2Continuation, 0, 1, std::string(16384, 'x'));
  const RawConnection connection(server_->port());
  ASSERT_TRUE(connection.Send(absl::StrCat(Http2Preface(), begin, Http2Frame(kHttp2Continuation, 0, 1, field))));

  int64_t sent = 0;
  for (; sent < kMost && connection.Send(more); sent += static_cast<int64_t>(more.size())) Growth();

  std::printf("closed after %ld MiB, the process grew by %ld MiB\n", static_cast<long>(sent / kMebibyte),
              static_cast<long>(Growth() / kMebibyte));
  EXPECT_LT(sent, kMost);
  EXPECT_LT(Growth(), 3 * 3 * kIncoming + kSlack);  // the kernel takes as much again while the server looks away
  WaitForMetric("bayespfl_connections_broken_total 1");
  EXPECT_TRUE(Inspect(MakeRequest()).ok());
  ExpectMemoryComesBack();
}

// A connection with a stream whose client opens no window for what comes back, and sends as many frames as one takes.
std::unique_ptr<RawConnection> OpenUnreadStream(int port) {
  constexpr char kStreamMethod[] = "/bayespfl.inspection.v1.InspectionService/InspectStream";
  constexpr int kFrames = 8;
  const auto data = [](const v1::InspectStreamRequest& message) {
    const std::string bytes = message.SerializeAsString();
    std::string header(5, '\0');
    for (size_t i = 0; i < 4; ++i) header[i + 1] = static_cast<char>(bytes.size() >> (24 - 8 * i));
    return Http2Frame(kHttp2Data, 0, 1, header + bytes);
  };
  v1::InspectStreamRequest configuration = MakeConfiguration();
  configuration.mutable_configuration()->mutable_options()->set_anomaly_map(v1::MAP_ENCODING_FLOAT32);
  v1::InspectStreamRequest frame;
  frame.mutable_frame()->mutable_image()->set_encoded(Png(1000, 1000, DeflatedZeros(1001 * 1000)));  // a map of 4 MB
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
  constexpr int64_t kMost = 2 * 128 * kMebibyte;
  {
    std::vector<std::unique_ptr<RawConnection>> streams;
    for (int i = 0; i < kStreams; ++i) streams.push_back(OpenUnreadStream(server_->port()));
    WaitForMetric(absl::StrCat("bayespfl_streams_open ", kStreams));
    int same = 0;  // looks in a row at which nothing had moved
    int64_t last = -1;
    EXPECT_TRUE(Eventually([&] {
      Growth();
      const int64_t batches = static_cast<int64_t>(detector_->batches().size());
      same = batches == last && absl::StrContains(server_->metrics(), "\nbayespfl_frames_in_flight 0\n") ? same + 1 : 0;
      last = batches;
      return same == 100;
    }));
    std::printf("%ld frames were computed, the process grew by %ld MiB\n", static_cast<long>(last),
                static_cast<long>(Growth() / kMebibyte));

    EXPECT_GE(last, kStreams) << "a stream was held up that owed nothing";
    EXPECT_LT(Growth(), kMost + kSlack);
    EXPECT_TRUE(Inspect(MakeRequest()).ok()) << "a client that takes its reply";
  }

  WaitForMetric("bayespfl_unsent_reply_bytes 0");
  ExpectMemoryComesBack();
}

}  // namespace
}  // namespace bayespfl::server
