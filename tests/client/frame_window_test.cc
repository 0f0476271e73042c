#include "client/cpp/frame_window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "bayespfl/client/errors.h"
#include "tests/client/fake_inspection_server.h"

namespace bayespfl::client {
namespace {

using inspection::v1::InspectStreamResponse;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::ReplyTo;
using Sent = std::shared_ptr<const FrameWindow::Message>;

const absl::Time kStart = absl::FromUnixSeconds(1'000);
const absl::Status kBroken = absl::UnavailableError("the socket closed");

OutgoingFrame FrameOf(const std::string& id) {
  OutgoingFrame outgoing;
  outgoing.frame.mutable_metadata()->set_frame_id(id);
  outgoing.frame.mutable_image()->set_encoded("picture of " + id);
  return outgoing;
}

InspectStreamResponse RefusalOf(const Sent& sent, uint64_t sequence, inspection::v1::ErrorReason reason) {
  InspectStreamResponse reply;
  reply.set_sequence(sequence);
  *reply.mutable_metadata() = sent->frame().metadata();
  reply.mutable_error()->set_code(static_cast<int>(absl::StatusCode::kUnavailable));
  reply.mutable_error()->set_reason(reason);
  return reply;
}

class FrameWindowTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* id : {"a", "b", "c"}) window_.Add(FrameOf(id), kStart);
  }

  // Everything that can be sent at `now`: "a/0" is the first attempt of a.
  std::vector<std::string> SendAll(absl::Time now = kStart) {
    std::vector<std::string> names;
    while (const Sent sent = window_.NextToSend(now)) {
      names.push_back(sent->frame().metadata().frame_id() + "/" + std::to_string(sent->frame().metadata().attempt()));
      sent_.push_back(sent);
    }
    return names;
  }

  absl::Status Accept(const InspectStreamResponse& reply, absl::Time now = kStart) {
    return window_.Accept(reply, "request", now);
  }

  // Ids and codes of what can be given back.
  std::vector<std::string> Given() {
    std::vector<std::string> given;
    while (const auto reply = window_.TakeFirst()) {
      given.push_back(reply->metadata.frame_id() + " " + absl::StatusCodeToString(reply->result.status().code()));
    }
    return given;
  }

  FrameWindow window_{absl::Seconds(10)};
  std::vector<Sent> sent_;
};

TEST_F(FrameWindowTest, GivesRepliesInTheOrderOfTheFrames) {
  EXPECT_THAT(SendAll(), ElementsAre("a/0", "b/0", "c/0"));
  for (uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(Accept(ReplyTo(sent_[i]->frame(), i)).ok());

  EXPECT_THAT(Given(), ElementsAre("a OK", "b OK", "c OK"));
  EXPECT_TRUE(window_.empty());
}

TEST_F(FrameWindowTest, WhatComesDuringAnOutageAndIsNeverSentSaysWhatItWaitedFor) {
  window_.CallEnded(kBroken);
  window_.Add(FrameOf("d"), kStart + absl::Seconds(5));
  window_.Expire(kStart + absl::Seconds(15));
  EXPECT_THAT(Given(), ElementsAre("a UNAVAILABLE", "b UNAVAILABLE", "c UNAVAILABLE", "d UNAVAILABLE"));
}

TEST_F(FrameWindowTest, WithAReplyTheOutageIsOver) {
  window_.CallEnded(kBroken);
  SendAll();
  for (uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(Accept(ReplyTo(sent_[i]->frame(), i)).ok());
  window_.Add(FrameOf("d"), kStart + absl::Seconds(1));
  window_.Expire(kStart + absl::Seconds(11));
  EXPECT_THAT(Given(), ElementsAre("a OK", "b OK", "c OK", "d DEADLINE_EXCEEDED"));
}

TEST_F(FrameWindowTest, WhatHadNoReplyWhenTheCallEndedGoesOutAgainAsTheNextAttempt) {
  SendAll();
  ASSERT_TRUE(Accept(ReplyTo(sent_[0]->frame(), 0)).ok());

  window_.CallEnded(kBroken);

  EXPECT_THAT(SendAll(), ElementsAre("b/1", "c/1"));
  ASSERT_TRUE(Accept(ReplyTo(sent_[3]->frame(), 0)).ok());
  EXPECT_THAT(Given(), ElementsAre("a OK", "b OK"));
}

TEST_F(FrameWindowTest, ALaterReplyWaitsForARefusedFrameThatGoesOutAgain) {
  SendAll();
  ASSERT_TRUE(Accept(RefusalOf(sent_[0], 0, inspection::v1::ERROR_REASON_NOT_READY)).ok());
  ASSERT_TRUE(Accept(ReplyTo(sent_[1]->frame(), 1)).ok());

  EXPECT_THAT(Given(), ElementsAre());
  EXPECT_THAT(SendAll(), ElementsAre());  // not before its pause is over
  EXPECT_LE(window_.NextChange(kStart), kStart + absl::Milliseconds(120));
  EXPECT_THAT(SendAll(kStart + absl::Milliseconds(121)), ElementsAre("a/1"));
  ASSERT_TRUE(Accept(ReplyTo(sent_[2]->frame(), 2)).ok());
  ASSERT_TRUE(Accept(ReplyTo(sent_[3]->frame(), 3)).ok());
  EXPECT_THAT(Given(), ElementsAre("a OK", "b OK", "c OK"));
}

TEST_F(FrameWindowTest, AnErrorThatSendingAgainDoesNotHelpIsTheReply) {
  SendAll();
  ASSERT_TRUE(Accept(RefusalOf(sent_[0], 0, inspection::v1::ERROR_REASON_MODEL_NOT_FOUND)).ok());

  const auto reply = window_.TakeFirst();

  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(ErrorReasonOf(reply->result.status()), inspection::v1::ERROR_REASON_MODEL_NOT_FOUND);
  EXPECT_EQ(RequestIdOf(reply->result.status()), "request");
  EXPECT_EQ(reply->attempts, 1U);
}

TEST_F(FrameWindowTest, TheServerIsToldWhatIsLeftOfAFramesTime) {
  SendAll(kStart + absl::Milliseconds(2'500));

  EXPECT_EQ(sent_[0]->frame().timeout().seconds(), 7);
  EXPECT_EQ(sent_[0]->frame().timeout().nanos(), 500'000'000);
}

TEST_F(FrameWindowTest, TimeThatRunsOutWhileAttemptsFailHasTheLastOnesError) {
  SendAll();
  window_.CallEnded(kBroken);
  window_.Expire(kStart + absl::Seconds(9));
  EXPECT_THAT(Given(), ElementsAre());

  window_.Expire(kStart + absl::Seconds(10));

  const auto reply = window_.TakeFirst();
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->result.status().message(), "the socket closed (tried 1 time in 10s)");
  EXPECT_THAT(Given(), ElementsAre("b UNAVAILABLE", "c UNAVAILABLE"));
}

TEST_F(FrameWindowTest, TimeThatRunsOutBeforeAnyAttemptIsADeadline) {
  window_.Expire(kStart + absl::Seconds(10));

  const auto reply = window_.TakeFirst();
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(ErrorReasonOf(reply->result.status()), inspection::v1::ERROR_REASON_DEADLINE_EXCEEDED);
  EXPECT_EQ(reply->attempts, 0U);
}

TEST_F(FrameWindowTest, AServerThatHangsIsNoticedFiveSecondsAfterAFramesTime) {
  SendAll();

  EXPECT_FALSE(window_.Stalled(kStart + absl::Seconds(15) - absl::Nanoseconds(1)));
  EXPECT_TRUE(window_.Stalled(kStart + absl::Seconds(15)));
  EXPECT_EQ(window_.NextChange(kStart), kStart + absl::Seconds(15));
}

TEST_F(FrameWindowTest, AFrameThatOnlyWaitsForTheWriteBeforeItIsNoReasonToLookAgain) {
  ASSERT_NE(window_.NextToSend(kStart), nullptr);

  EXPECT_EQ(window_.NextChange(kStart), kStart + absl::Seconds(10));
}

TEST_F(FrameWindowTest, AFramesOwnTimeWins) {
  OutgoingFrame hurried = FrameOf("d");
  hurried.frame.mutable_timeout()->set_seconds(1);
  window_.Add(std::move(hurried), kStart);

  window_.Expire(kStart + absl::Seconds(1));
  window_.FailWaiting(absl::PermissionDeniedError("no"), kStart);

  EXPECT_THAT(Given(),
              ElementsAre("a PERMISSION_DENIED", "b PERMISSION_DENIED", "c PERMISSION_DENIED", "d DEADLINE_EXCEEDED"));
}

TEST_F(FrameWindowTest, ReliesOnNothingThatTheReplySaysAboutItself) {
  SendAll();
  EXPECT_THAT(std::string(Accept(ReplyTo(sent_[0]->frame(), 1)).message()),
              HasSubstr("frame 1 of the stream where frame 0 was due"));
  EXPECT_THAT(std::string(Accept(ReplyTo(sent_[1]->frame(), 0)).message()), HasSubstr("frame a is of the frame b"));
  InspectStreamResponse other = ReplyTo(sent_[0]->frame(), 0);
  other.mutable_result()->mutable_provenance()->set_picture_sha256("00");
  EXPECT_THAT(std::string(Accept(other).message()), HasSubstr("another picture"));
  InspectStreamResponse empty = ReplyTo(sent_[0]->frame(), 0);
  empty.clear_outcome();
  EXPECT_THAT(std::string(Accept(empty).message()), HasSubstr("neither a result nor an error"));
  EXPECT_THAT(Given(), ElementsAre());

  window_.CallEnded(kBroken);
  EXPECT_THAT(std::string(Accept(ReplyTo(sent_[0]->frame(), 0)).message()), HasSubstr("to no frame"));
}

TEST_F(FrameWindowTest, AnErrorWithoutMetadataGoesByItsSequence) {
  SendAll();
  InspectStreamResponse refused = RefusalOf(sent_[0], 0, inspection::v1::ERROR_REASON_INVALID_FIELD);
  refused.clear_metadata();
  InspectStreamResponse anonymous = ReplyTo(sent_[1]->frame(), 1);
  anonymous.clear_metadata();

  EXPECT_TRUE(Accept(refused).ok());
  EXPECT_FALSE(Accept(anonymous).ok());
  EXPECT_THAT(Given(), ElementsAre("a UNAVAILABLE"));
}

TEST_F(FrameWindowTest, ANewCallCountsItsFramesAnew) {
  SendAll();
  ASSERT_TRUE(Accept(ReplyTo(sent_[0]->frame(), 0)).ok());
  window_.CallEnded(kBroken);
  SendAll();

  EXPECT_TRUE(Accept(ReplyTo(sent_[3]->frame(), 0)).ok());
}

TEST_F(FrameWindowTest, TheFramesThatAreOverTheServersLimitArePickedOut) {
  OutgoingFrame large = FrameOf("d");
  large.frame.mutable_image()->set_encoded(std::string(5'000, 'x'));
  window_.Add(std::move(large), kStart);
  SendAll();

  window_.CallEndedBySize(4'000, absl::ResourceExhaustedError("too large"), kStart);

  EXPECT_THAT(SendAll(), ElementsAre("a/1", "b/1", "c/1"));
  EXPECT_THAT(Given(), ElementsAre());
  window_.CallEnded(kBroken);
  window_.FailWaiting(absl::InternalError("over"), kStart);
  EXPECT_THAT(Given(), ElementsAre("a INTERNAL", "b INTERNAL", "c INTERNAL", "d RESOURCE_EXHAUSTED"));
}

TEST_F(FrameWindowTest, WithoutOneItWasTheReplyOfTheOldest) {
  SendAll();
  ASSERT_TRUE(Accept(ReplyTo(sent_[0]->frame(), 0)).ok());

  window_.CallEndedBySize(0, absl::ResourceExhaustedError("too large"), kStart);

  EXPECT_THAT(Given(), ElementsAre("a OK", "b RESOURCE_EXHAUSTED"));
  EXPECT_THAT(SendAll(), ElementsAre("c/1"));
}

TEST_F(FrameWindowTest, GivesAnIdToAFrameThatHasNone) {
  window_.Add(FrameOf(""), kStart);
  SendAll();

  EXPECT_EQ(sent_[3]->frame().metadata().frame_id().size(), 32U);
}

TEST_F(FrameWindowTest, CountsAttemptsFromTheCallersNumber) {
  OutgoingFrame again = FrameOf("d");
  again.frame.mutable_metadata()->set_attempt(2);
  window_.Add(std::move(again), kStart);
  SendAll();
  window_.CallEnded(kBroken);

  EXPECT_THAT(SendAll(), ElementsAre("a/1", "b/1", "c/1", "d/3"));
}

}  // namespace
}  // namespace bayespfl::client
