// What clients can make a server hold: many connections with large messages, readers that never read, and what stays
// when they have left. The clients hold next to nothing, so that the memory of this process is the server's.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

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
    config.max_unsent_bytes = 32 * kMebibyte;
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
    EXPECT_LT(Growth(), 256 * kMebibyte + kSlack);
  }

  EXPECT_TRUE(Eventually([this] { return Inspect(MakeRequest()).ok(); }));
  ExpectMemoryComesBack();
}

}  // namespace
}  // namespace bayespfl::server
