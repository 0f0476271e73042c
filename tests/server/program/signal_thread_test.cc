#include "server/program/signal_thread.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "tests/server/until.h"

namespace bayespfl::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SignalThreadTest : public ::testing::Test {
 protected:
  SignalThreadTest() { BlockSignals(); }

  void Start(std::chrono::seconds patience = std::chrono::hours(1)) {
    thread_ = std::make_unique<SignalThread>(SignalActions{
        .on_signal = [this](const ReceivedSignal& signal) { Note(absl::StrCat(signal.name, " of ", signal.sender)); },
        .reload = [this] { Note("reload"); },
        .stop = [this] { Note("stop"); },
        .leave = [this](int signal) { Note(absl::StrCat("leave ", signal)); },
        .give_up = [this] { Note("give up"); },
        .patience = patience});
  }
  void Note(const std::string& what) {
    MutexLock lock(mu_);
    events_.push_back(what);
  }
  std::vector<std::string> events() {
    MutexLock lock(mu_);
    return events_;
  }
  // Sends a signal to the process and waits until so many events are there.
  void Send(int signal, size_t events_then) {
    kill(getpid(), signal);
    EXPECT_TRUE(Eventually([&] { return events().size() >= events_then; }));
  }

  const std::string self_ = absl::StrCat("pid:", getpid(), " uid:", getuid());
  Mutex mu_;
  std::vector<std::string> events_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<SignalThread> thread_;  // last: it uses the rest
};

TEST_F(SignalThreadTest, SighupReloadsEachTime) {
  Start();

  Send(SIGHUP, 2);
  Send(SIGHUP, 4);

  EXPECT_THAT(events(), ElementsAre("SIGHUP of " + self_, "reload", "SIGHUP of " + self_, "reload"));
}

TEST_F(SignalThreadTest, TheFirstStopSignalStopsAndTheSecondLeaves) {
  Start();

  Send(SIGINT, 2);
  EXPECT_THAT(events(), ElementsAre("SIGINT of " + self_, "stop"));
  Send(SIGTERM, 4);

  EXPECT_THAT(events(),
              ElementsAre("SIGINT of " + self_, "stop", "SIGTERM of " + self_, absl::StrCat("leave ", SIGTERM)));
}

TEST_F(SignalThreadTest, AStopThatTakesTooLongIsGivenUp) {
  Start(std::chrono::seconds(1));
  const auto begin = std::chrono::steady_clock::now();

  Send(SIGTERM, 3);

  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
  EXPECT_THAT(events(), ElementsAre("SIGTERM of " + self_, "stop", "give up"));
}

TEST_F(SignalThreadTest, ASighupDuringAStopIsHeardAndNeitherReloadsNorProlongsIt) {
  Start(std::chrono::seconds(1));

  Send(SIGTERM, 2);
  Send(SIGHUP, 3);
  EXPECT_TRUE(Eventually([this] { return events().size() == 4; }));

  EXPECT_THAT(events(), ElementsAre("SIGTERM of " + self_, "stop", "SIGHUP of " + self_, "give up"));
}

TEST_F(SignalThreadTest, EndsWithoutASignal) {
  Start();

  thread_.reset();

  EXPECT_THAT(events(), IsEmpty());
}

TEST_F(SignalThreadTest, EndsInTheMiddleOfAStop) {
  Start();
  Send(SIGTERM, 2);

  thread_.reset();

  EXPECT_THAT(events(), ElementsAre("SIGTERM of " + self_, "stop"));
}

}  // namespace
}  // namespace bayespfl::server
