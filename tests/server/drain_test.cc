#include "server/runtime/drain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "server/pipeline/server_state.h"
#include "tests/server/log_lines.h"

namespace bayespfl::server {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class DrainTest : public ::testing::Test {
 protected:
  // What the drain does leaves its name and the phase that it found.
  DrainOptions Options(seconds delay) {
    return {.delay = delay, .end_streams = [this] { Note("end streams"); }, .on_phase = [this] { Note("tell"); }};
  }
  void Note(const std::string& what) {
    MutexLock lock(mu_);
    events_.push_back(absl::StrCat(what, " ", std::string(LifePhaseName(state_.phase()))));
  }
  std::vector<std::string> events() {
    MutexLock lock(mu_);
    return events_;
  }

  ServerState state_;
  LogLines log_;
  Mutex mu_;
  std::vector<std::string> events_ ABSL_GUARDED_BY(mu_);
};

TEST_F(DrainTest, TellsFirstAndEndsTheStreamsOnBothSidesOfTheChange) {
  state_.NoteLoaded(absl::OkStatus());
  Drain drain(state_, Options(seconds(0)), log_.Create());

  drain.Begin();
  drain.Wait();

  EXPECT_THAT(events(),
              ElementsAre("tell LAME_DUCK", "end streams LAME_DUCK", "end streams DRAINING", "tell DRAINING"));
  EXPECT_EQ(state_.phase(), LifePhase::kDraining);
  EXPECT_THAT(log_.text(), HasSubstr("info about to drain seconds=0\n"));
  EXPECT_THAT(log_.text(), HasSubstr("info draining\n"));
}

TEST_F(DrainTest, AServerThatServedTakesWorkForTheDelay) {
  state_.NoteLoaded(absl::OkStatus());
  Drain drain(state_, Options(seconds(1)), log_.Create());
  const auto begin = std::chrono::steady_clock::now();

  drain.Begin();
  EXPECT_EQ(state_.phase(), LifePhase::kLameDuck) << "not ready when Begin() returns";
  EXPECT_TRUE(state_.Accepting().ok());
  drain.Wait();

  EXPECT_GE(std::chrono::steady_clock::now() - begin, seconds(1));
  EXPECT_FALSE(state_.Accepting().ok());
}

TEST_F(DrainTest, OneThatServedNobodyDrainsAtOnce) {
  Drain drain(state_, Options(std::chrono::hours(1)), log_.Create());

  drain.Begin();
  drain.Wait();

  EXPECT_EQ(state_.phase(), LifePhase::kDraining);
  EXPECT_THAT(log_.text(), Not(HasSubstr("about to drain")));
}

TEST_F(DrainTest, BeginsOnceWhoeverAsks) {
  state_.NoteLoaded(absl::OkStatus());
  Drain drain(state_, Options(seconds(0)), log_.Create());
  std::vector<std::thread> askers;

  for (int i = 0; i < 4; ++i) askers.emplace_back([&drain] { drain.Begin(); });
  for (std::thread& asker : askers) asker.join();
  drain.Wait();
  drain.Begin();
  drain.Wait();

  EXPECT_THAT(events(),
              ElementsAre("tell LAME_DUCK", "end streams LAME_DUCK", "end streams DRAINING", "tell DRAINING"));
}

TEST_F(DrainTest, WaitsForNothingWhenNothingHasBegun) {
  Drain drain(state_, Options(std::chrono::hours(1)), log_.Create());

  drain.Wait();

  EXPECT_EQ(state_.phase(), LifePhase::kLoading);
  EXPECT_THAT(events(), ElementsAre());
}

}  // namespace
}  // namespace bayespfl::server
