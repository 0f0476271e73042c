// Clients that are killed in mid-stream, many times over, leave nothing behind. KILLED_CLIENTS says how many
// (`make reliability`: 1000).
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "tests/server/leftovers.h"
#include "tests/server/server_fixture.h"
#include "tests/server/until.h"
#include "tests/support/paths.h"

namespace bayespfl::server {
namespace {

constexpr int kAtOnce = 8;
constexpr int kEnough = 400;  // of fewer, gRPC's caches hide what each has left

int KilledClients() {
  int count = kEnough;
  if (const char* text = std::getenv("KILLED_CLIENTS")) (void)absl::SimpleAtoi(text, &count);
  return count;
}

// A client process in the middle of its stream.
class EndlessClient {
 public:
  explicit EndlessClient(std::string address) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    std::string program = testing::BuildOutput("bin/endless_client");
    char* argv[] = {program.data(), address.data(), nullptr};
    if (posix_spawn(&pid_, argv[0], &actions, nullptr, argv, environ) != 0) pid_ = -1;
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    out_ = ends[0];
  }
  ~EndlessClient() { Kill(); }
  EndlessClient(const EndlessClient&) = delete;
  EndlessClient& operator=(const EndlessClient&) = delete;

  // Waits for its first reply.
  bool IsStreaming() const {
    char byte = 0;
    return pid_ > 0 && read(out_, &byte, 1) == 1;
  }

  void Kill() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    close(out_);
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
  int out_ = -1;
};

class KilledClientsTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerConfig config = TestConfig();
    config.max_batch = 4;                  // frames of several clients
    config.max_stream_age_seconds = 3600;  // what a stream keeps for its age must go with it as well
    detector_->TakePerFrame(std::chrono::milliseconds(1));
    detector_->StopRecording();  // its memory is not the server's
    StartServer({.config = config, .loader = LoaderOf(detector_), .logger = nullptr});
  }

  // Lets clients stream, and kills them a little later, each after a time of its own.
  void KillClients(int count) const {
    std::vector<std::unique_ptr<EndlessClient>> clients;
    for (int i = 0; i < count; ++i) clients.push_back(std::make_unique<EndlessClient>(server_->grpc_address()));
    for (const auto& client : clients) ASSERT_TRUE(client->IsStreaming());
    for (const auto& client : clients) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      client->Kill();
    }
  }
};

TEST_F(KilledClientsTest, LeaveNothingBehind) {
  const int count = KilledClients();
  int killed = 0;
  const auto kill_until = [&](int enough) {
    for (; killed < enough; killed += kAtOnce) {
      KillClients(kAtOnce);
      ASSERT_TRUE(BecomesIdle(*server_)) << server_->metrics();
    }
  };
  kill_until(count / 4);  // gRPC's threads, caches and arenas come with the first ones, and stay
  const size_t descriptors = OpenDescriptors();
  const int64_t heap_before = HeapBytes();
  const int64_t resident_before = ResidentKilobytes();
  const int killed_before = killed;

  kill_until(count);

  const int64_t per_client = (HeapBytes() - heap_before) / std::max(1, killed - killed_before);
  std::printf("%d clients killed; heap %ld bytes more per client, RSS %ld -> %ld kB, %zu -> %zu descriptors\n", killed,
              static_cast<long>(per_client), static_cast<long>(resident_before), static_cast<long>(ResidentKilobytes()),
              descriptors, OpenDescriptors());
  // gRPC closes the last sockets after their streams have ended.
  EXPECT_TRUE(Eventually([&] { return OpenDescriptors() <= descriptors; })) << OpenDescriptors() << " descriptors";
  if (count < kEnough) return;
  EXPECT_LT(per_client, 1024);  // a stream that is left behind takes 1.6 kB
}

}  // namespace
}  // namespace bayespfl::server
