// Every way from one phase of the server's life to the next, and what each phase answers.
#include "server/pipeline/server_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <string>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace bayespfl::server {
namespace {

using ::testing::HasSubstr;

const absl::Status kBroken = absl::DataLossError("no such tensor");

// A state that has come to `phase`.
void BringTo(LifePhase phase, ServerState& state) {
  if (phase == LifePhase::kLoading) return;
  state.NoteLoaded(phase == LifePhase::kFailed ? kBroken : absl::OkStatus());
  if (phase == LifePhase::kLameDuck) state.EnterLameDuck();
  if (phase == LifePhase::kDraining) state.StartDraining();
  if (phase == LifePhase::kStopped) state.NoteStopped();
}

// ---- Transitions ---------------------------------------------------------------------------------------------------

struct Transitions {
  LifePhase from;
  LifePhase after_loaded;
  LifePhase after_failed_load;
  LifePhase after_lame_duck;
  LifePhase after_draining;
};

class TransitionTest : public ::testing::TestWithParam<Transitions> {
 protected:
  void SetUp() override { BringTo(GetParam().from, state_); }
  ServerState state_;
};

TEST_P(TransitionTest, BeginsWhereItWasBrought) { EXPECT_EQ(state_.phase(), GetParam().from); }

TEST_P(TransitionTest, OnTheEndOfTheLoad) {
  state_.NoteLoaded(absl::OkStatus());
  EXPECT_EQ(state_.phase(), GetParam().after_loaded);
}

TEST_P(TransitionTest, OnALoadThatFails) {
  state_.NoteLoaded(kBroken);
  EXPECT_EQ(state_.phase(), GetParam().after_failed_load);
}

TEST_P(TransitionTest, OnAStopAhead) {
  const bool served = state_.EnterLameDuck();
  EXPECT_EQ(state_.phase(), GetParam().after_lame_duck);
  EXPECT_EQ(served, GetParam().from == LifePhase::kServing);
}

TEST_P(TransitionTest, OnADrain) {
  state_.StartDraining();
  EXPECT_EQ(state_.phase(), GetParam().after_draining);
}

TEST_P(TransitionTest, OnTheEnd) {
  state_.NoteStopped();
  EXPECT_EQ(state_.phase(), LifePhase::kStopped);
}

TEST_P(TransitionTest, ARequestToStopChangesNoPhase) {
  state_.RequestStop();
  EXPECT_EQ(state_.phase(), GetParam().from);
}

constexpr LifePhase kLoading = LifePhase::kLoading;
constexpr LifePhase kServing = LifePhase::kServing;
constexpr LifePhase kFailed = LifePhase::kFailed;
constexpr LifePhase kLameDuck = LifePhase::kLameDuck;
constexpr LifePhase kDraining = LifePhase::kDraining;
constexpr LifePhase kStopped = LifePhase::kStopped;

INSTANTIATE_TEST_SUITE_P(FromEveryPhase, TransitionTest,
                         ::testing::Values(Transitions{kLoading, kServing, kFailed, kLoading, kDraining},
                                           Transitions{kServing, kServing, kServing, kLameDuck, kDraining},
                                           Transitions{kFailed, kFailed, kFailed, kFailed, kDraining},
                                           Transitions{kLameDuck, kLameDuck, kLameDuck, kLameDuck, kDraining},
                                           Transitions{kDraining, kDraining, kDraining, kDraining, kDraining},
                                           Transitions{kStopped, kStopped, kStopped, kStopped, kStopped}),
                         [](const auto& test) { return std::string(LifePhaseName(test.param.from)); });

TEST(ServerStateTest, KnowsSinceWhenItDrains) {
  ServerState state;
  state.NoteLoaded(absl::OkStatus());
  state.EnterLameDuck();
  EXPECT_FALSE(state.draining_since().has_value());
  const absl::Time before = absl::Now();

  state.StartDraining();
  const absl::Time began = state.draining_since().value();
  state.StartDraining();

  EXPECT_GE(began, before);
  EXPECT_LE(began, absl::Now());
  EXPECT_EQ(state.draining_since(), began);
  state.NoteStopped();
  EXPECT_FALSE(state.draining_since().has_value());
}

// ---- Answers -------------------------------------------------------------------------------------------------------

struct Answers {
  LifePhase phase;
  std::string accepting;  // a part of the message; empty: OK
  std::string ready;
  std::string started;
  std::string live;
};

class AnswerTest : public ::testing::TestWithParam<Answers> {
 protected:
  void SetUp() override { BringTo(GetParam().phase, state_); }

  static void Expect(const absl::Status& status, const std::string& part) {
    EXPECT_EQ(status.ok(), part.empty()) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(part));
  }

  ServerState state_;
};

TEST_P(AnswerTest, WhetherWorkMayComeIn) { Expect(state_.Accepting(), GetParam().accepting); }
TEST_P(AnswerTest, WhetherWorkShouldComeIn) { Expect(state_.Ready(), GetParam().ready); }
TEST_P(AnswerTest, WhetherTheStartIsOver) { Expect(state_.Started(), GetParam().started); }
TEST_P(AnswerTest, WhetherTheProcessIsToBeStartedAgain) { Expect(state_.Live(), GetParam().live); }

INSTANTIATE_TEST_SUITE_P(InEveryPhase, AnswerTest,
                         ::testing::Values(Answers{kLoading, "", "not all models are loaded", "loading", ""},
                                           Answers{kServing, "", "", "", ""},
                                           Answers{kFailed, "", "not loaded yet", "no such tensor", "no such tensor"},
                                           Answers{kLameDuck, "", "about to stop", "", ""},
                                           Answers{kDraining, "draining", "draining", "", ""},
                                           Answers{kStopped, "draining", "draining", "", ""}),
                         [](const auto& test) { return std::string(LifePhaseName(test.param.phase)); });

TEST(ServerStateTest, WhoIsNotReadyOrDoesNotAcceptIsUnavailable) {
  ServerState state;
  EXPECT_TRUE(absl::IsUnavailable(state.Ready()));
  EXPECT_TRUE(absl::IsUnavailable(state.Started()));
  state.StartDraining();

  EXPECT_TRUE(absl::IsUnavailable(state.Accepting()));
  EXPECT_TRUE(absl::IsUnavailable(state.Ready()));
}

TEST(ServerStateTest, AFailedLoadStaysTheReasonForARestartWhileTheServerStops) {
  ServerState state;
  state.NoteLoaded(kBroken);
  state.StartDraining();

  EXPECT_EQ(state.Live(), kBroken);
  EXPECT_EQ(state.Started(), kBroken);
}

TEST(ServerStateTest, ALoadThatAStopOvertookNeverServes) {
  ServerState state;
  state.StartDraining();
  state.NoteLoaded(absl::OkStatus());

  EXPECT_EQ(state.phase(), LifePhase::kDraining);
  EXPECT_TRUE(absl::IsUnavailable(state.Started()));
}

// ---- Waits ---------------------------------------------------------------------------------------------------------

TEST(ServerStateTest, TheEndOfTheLoadIsWaitedForByMany) {
  ServerState state;
  auto one = std::async(std::launch::async, [&state] { return state.WaitUntilLoaded(); });
  auto other = std::async(std::launch::async, [&state] { return state.WaitUntilLoaded(); });

  state.NoteLoaded(kBroken);

  EXPECT_EQ(one.get(), kBroken);
  EXPECT_EQ(other.get(), kBroken);
}

TEST(ServerStateTest, ARequestToStopEndsBothWaits) {
  ServerState state;
  auto loaded = std::async(std::launch::async, [&state] { return state.WaitUntilLoaded(); });
  auto stop = std::async(std::launch::async, [&state] { state.WaitForStopRequest(); });

  state.RequestStop();

  EXPECT_TRUE(absl::IsCancelled(loaded.get()));
  stop.get();
}

}  // namespace
}  // namespace bayespfl::server
