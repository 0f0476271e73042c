// Streams and calls whose connections break, over real sockets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "bayespfl/client/errors.h"
#include "bayespfl/client/inspection_client.h"
#include "tests/client/client_fixture.h"
#include "tests/client/fake_inspection_server.h"

namespace bayespfl::client {
namespace {

using inspection::v1::InspectStreamRequest;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using testing::FakeInspectionServer;
using ::testing::HasSubstr;
using testing::ReplyTo;
using Stream = FakeInspectionServer::Stream;

grpc::Status EndOf(grpc::StatusCode code, inspection::v1::ErrorReason reason) {
  inspection::v1::FrameError error;
  error.set_code(code);
  error.set_reason(reason);
  error.set_message("over");
  return testing::StatusOf(error);
}

// Tags and codes of the replies, in their order.
struct Outcome {
  std::vector<uint64_t> tags;
  std::vector<absl::Status> statuses;
  std::vector<uint32_t> attempts;
  absl::Status end;
};

Outcome InspectAll(const InspectionClient& client, std::vector<std::string> pictures,
                   const StreamOptions& options = {}) {
  Outcome outcome;
  outcome.end =
      client.InspectStream(StreamCategory(), options, SourceOf(std::move(pictures)), [&](const StreamReply& reply) {
        outcome.tags.push_back(reply.tag);
        outcome.statuses.push_back(reply.result.status());
        outcome.attempts.push_back(reply.attempts);
      });
  return outcome;
}

std::vector<uint64_t> TagsUpTo(size_t count) {
  std::vector<uint64_t> tags;
  for (size_t i = 0; i < count; ++i) tags.push_back(100 + i);
  return tags;
}

constexpr int kFrames = 6;

// Each call reads two of kFrames frames, while there are two, answers one and ends.
FakeInspectionServer::StreamHandler OneReplyACall(std::atomic<int>& calls, const grpc::Status& end) {
  return [&calls, end](grpc::ServerContext*, Stream* stream) {
    const bool last = ++calls == kFrames;
    InspectStreamRequest request;
    stream->Read(&request);  // the configuration
    stream->Read(&request);
    InspectStreamRequest next;
    if (!last) stream->Read(&next);
    stream->Write(ReplyTo(request.frame(), 0));
    return end;
  };
}

// clang-tidy loses the handler in the braces, and says so where the test ends.
// NOLINTBEGIN(clang-analyzer-cplusplus.NewDeleteLeaks)
TEST(ReconnectTest, AStreamThatTheServerEndsIsOpenedAgainUntilEveryFrameHasOneReply) {
  for (const grpc::Status& end :
       {EndOf(grpc::StatusCode::UNAVAILABLE, inspection::v1::ERROR_REASON_MAX_STREAM_AGE),
        EndOf(grpc::StatusCode::UNAVAILABLE, inspection::v1::ERROR_REASON_DRAINING),
        EndOf(grpc::StatusCode::RESOURCE_EXHAUSTED, inspection::v1::ERROR_REASON_STREAMS_FULL),
        grpc::Status(grpc::StatusCode::UNAVAILABLE, "the socket closed"),
        grpc::Status(grpc::StatusCode::CANCELLED, "the server cancelled"), grpc::Status::OK}) {
    std::atomic<int> calls = 0;
    FakeInspectionServer server({.stream_handler = OneReplyACall(calls, end)});

    const Outcome outcome = InspectAll(*ClientOf(server.target()), std::vector<std::string>(kFrames, "good"));

    EXPECT_TRUE(outcome.end.ok()) << outcome.end;
    EXPECT_EQ(outcome.tags, TagsUpTo(kFrames)) << end.error_message();
    EXPECT_THAT(outcome.statuses, Each(absl::OkStatus()));
    EXPECT_EQ(calls, kFrames);
    EXPECT_GT(outcome.attempts.back(), 1U);
  }
}
// NOLINTEND(clang-analyzer-cplusplus.NewDeleteLeaks)

TEST(ReconnectTest, AStreamIsNotOpenedAgainBeforeTheServerWantsIt) {
  constexpr absl::Duration kDelay = absl::Milliseconds(400);
  for (const inspection::v1::ErrorReason reason :
       {inspection::v1::ERROR_REASON_MAX_STREAM_AGE, inspection::v1::ERROR_REASON_DRAINING}) {
    inspection::v1::FrameError error;
    error.set_code(grpc::StatusCode::UNAVAILABLE);
    error.set_reason(reason);
    error.mutable_retry_delay()->set_nanos(static_cast<int>(absl::ToInt64Nanoseconds(kDelay)));
    absl::Time ended = absl::InfiniteFuture();
    absl::Time opened_again = absl::InfinitePast();
    int calls = 0;  // one after the other
    FakeInspectionServer server({.stream_handler = [&](grpc::ServerContext*, Stream* stream) {
      if (++calls == 2) opened_again = absl::Now();
      InspectStreamRequest request;
      while (stream->Read(&request)) {
        if (!request.has_frame()) continue;
        stream->Write(ReplyTo(request.frame(), 0));
        break;
      }
      ended = std::min(ended, absl::Now());
      return testing::StatusOf(error);
    }});

    const Outcome outcome = InspectAll(*ClientOf(server.target()), {"good", "good"});

    EXPECT_THAT(outcome.statuses, ElementsAre(absl::OkStatus(), absl::OkStatus()));
    EXPECT_GE(opened_again - ended, kDelay);
  }
}

TEST(ReconnectTest, AServerThatComesBackFindsTheFramesThatItHadNotAnswered) {
  auto server =
      std::make_unique<FakeInspectionServer>(FakeInspectionServer::Behaviour{.frame_time = absl::Milliseconds(2)});
  const int port = server->port();
  const auto client = ClientOf(server->target());
  absl::Notification half_way;
  std::thread restart([&] {
    half_way.WaitForNotification();
    server->Kill();
    server.reset();
    absl::SleepFor(absl::Milliseconds(300));
    server = std::make_unique<FakeInspectionServer>(FakeInspectionServer::Behaviour{.port = port});
  });
  std::vector<uint64_t> tags;
  std::vector<absl::Status> statuses;

  const absl::Status end =
      client->InspectStream(StreamCategory(), {.max_in_flight = 4}, SourceOf(std::vector<std::string>(100, "good")),
                            [&](const StreamReply& reply) {
                              tags.push_back(reply.tag);
                              statuses.push_back(reply.result.status());
                              if (tags.size() == 20) half_way.Notify();
                            });
  restart.join();

  EXPECT_TRUE(end.ok()) << end;
  EXPECT_EQ(tags, TagsUpTo(100));
  EXPECT_THAT(statuses, Each(absl::OkStatus()));
}

TEST(ReconnectTest, AUnaryCallWaitsOutARestart) {
  auto server = std::make_unique<FakeInspectionServer>(FakeInspectionServer::Behaviour{});
  const int port = server->port();
  const auto client = ClientOf(server->target());
  ASSERT_TRUE(client->Inspect(RequestOf("good")).ok());
  server.reset();
  std::thread restart([&] {
    absl::SleepFor(absl::Milliseconds(400));
    server = std::make_unique<FakeInspectionServer>(FakeInspectionServer::Behaviour{.port = port});
  });

  const auto response = client->Inspect(RequestOf("good"));
  restart.join();

  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_GT(response->metadata().attempt(), 0U);
}

// Over a second and a half, nobody but the call itself waits for gRPC's connection.
TEST(ReconnectTest, TheCallbackFormWaitsOutARestartToo) {
  auto server = std::make_unique<FakeInspectionServer>(FakeInspectionServer::Behaviour{});
  const int port = server->port();
  const auto client = ClientOf(server->target(), absl::Seconds(4));
  ASSERT_TRUE(client->Inspect(RequestOf("good")).ok());
  server.reset();
  absl::StatusOr<inspection::v1::InspectResponse> response;
  absl::Notification done;

  client->InspectAsync(RequestOf("good"), [&](auto answer) {
    response = std::move(answer);
    done.Notify();
  });
  absl::SleepFor(absl::Milliseconds(1500));
  server = std::make_unique<FakeInspectionServer>(FakeInspectionServer::Behaviour{.port = port});
  done.WaitForNotification();

  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_GT(response->metadata().attempt(), 0U);
}

TEST(ReconnectTest, TheCallbackFormSaysWhyNobodyWasReached) {
  auto server = std::make_unique<FakeInspectionServer>(FakeInspectionServer::Behaviour{});
  const auto client = ClientOf(server->target(), absl::Milliseconds(700));
  ASSERT_TRUE(client->Inspect(RequestOf("good")).ok());
  server.reset();
  absl::Status status;
  absl::Notification done;

  client->InspectAsync(RequestOf("good"), [&](const auto& answer) {
    status = answer.status();
    done.Notify();
  });
  done.WaitForNotification();

  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("(tried "));
}

TEST(ReconnectTest, TheClientMayGoWhileItsCallbackRuns) {
  FakeInspectionServer server(FakeInspectionServer::Behaviour{});
  auto client = ClientOf(server.target(), absl::Seconds(20));
  absl::Notification called;
  absl::Notification may_return;
  absl::Notification let_go;  // of everything that the call held
  std::shared_ptr<void> held(nullptr, [&](void*) { let_go.Notify(); });
  client->InspectAsync(RequestOf("good"), [&, held](const auto& answer) {
    EXPECT_TRUE(answer.ok()) << answer.status();
    called.Notify();
    may_return.WaitForNotification();
  });
  called.WaitForNotification();

  absl::Notification gone;
  std::thread end([&] {
    client.reset();
    gone.Notify();
  });
  gone.WaitForNotificationWithTimeout(absl::Milliseconds(200));  // it may wait for the callback to return
  may_return.Notify();
  end.join();

  held.reset();
  EXPECT_TRUE(let_go.WaitForNotificationWithTimeout(absl::Seconds(20)));
}

TEST(ReconnectTest, AnAddressThatIsWrongIsToldSoonUnlessTheClientWaits) {
  SilentListener listener;
  listener.Close();
  ClientOptions options;
  options.target = listener.target();
  options.timeout = absl::Seconds(20);
  options.connect_timeout = absl::Milliseconds(500);
  const absl::Time start = absl::Now();

  const absl::Status unary = (*InspectionClient::Create(options))->Inspect(RequestOf("good")).status();
  const Outcome stream = InspectAll(**InspectionClient::Create(options), {"good"});

  EXPECT_TRUE(absl::IsUnavailable(unary)) << unary;
  EXPECT_TRUE(absl::IsUnavailable(stream.end)) << stream.end;
  EXPECT_THAT(stream.statuses, ElementsAre(stream.end));
  EXPECT_LT(absl::Now() - start, absl::Seconds(10));
}

TEST(ReconnectTest, AClientThatWaitsMayStartBeforeItsServer) {
  SilentListener listener;
  ClientOptions options;
  options.target = listener.target();
  const int port = std::stoi(options.target.substr(options.target.find(':') + 1));
  options.connect_timeout = absl::Milliseconds(100);
  options.wait_for_ready = true;
  listener.Close();
  std::unique_ptr<FakeInspectionServer> server;
  std::thread start([&] {
    absl::SleepFor(absl::Milliseconds(700));
    server = std::make_unique<FakeInspectionServer>(FakeInspectionServer::Behaviour{.port = port});
  });

  const Outcome outcome = InspectAll(**InspectionClient::Create(options), {"good", "good"});
  start.join();

  EXPECT_TRUE(outcome.end.ok()) << outcome.end;
  EXPECT_THAT(outcome.statuses, Each(absl::OkStatus()));
}

TEST(ReconnectTest, WithoutAServerEachFrameEndsInItsTimeAndTheStreamGoesOn) {
  auto server = std::make_unique<FakeInspectionServer>(FakeInspectionServer::Behaviour{});
  const auto client = ClientOf(server->target());
  ASSERT_TRUE(client->Inspect(RequestOf("good")).ok());
  server.reset();

  const Outcome outcome =
      InspectAll(*client, std::vector<std::string>(5, "good"), {.max_in_flight = 2, .frame_timeout = absl::Seconds(1)});

  EXPECT_TRUE(outcome.end.ok()) << outcome.end;
  EXPECT_EQ(outcome.tags, TagsUpTo(5));
  for (const absl::Status& status : outcome.statuses) EXPECT_TRUE(absl::IsUnavailable(status)) << status;
}

TEST(ReconnectTest, AServerThatHangsCostsTheFramesTheirTimeAndNotMore) {
  std::atomic<int> calls = 0;
  absl::Notification over;
  FakeInspectionServer server({.stream_handler = [&](grpc::ServerContext* context, Stream* stream) {
    InspectStreamRequest request;
    stream->Read(&request);
    if (++calls == 1) {
      while (!context->IsCancelled() && !over.HasBeenNotified()) absl::SleepFor(absl::Milliseconds(10));
      return grpc::Status::OK;
    }
    for (uint64_t i = 0; stream->Read(&request); ++i) stream->Write(ReplyTo(request.frame(), i));
    return grpc::Status::OK;
  }});
  const absl::Time start = absl::Now();

  const Outcome outcome = InspectAll(*ClientOf(server.target()), {"a", "b"},
                                     {.max_in_flight = 1, .frame_timeout = absl::Milliseconds(200)});
  over.Notify();

  ASSERT_EQ(outcome.tags, TagsUpTo(2));
  EXPECT_FALSE(outcome.statuses[0].ok());
  EXPECT_TRUE(outcome.statuses[1].ok()) << outcome.statuses[1];
  EXPECT_LT(absl::Now() - start, absl::Seconds(20));
}

TEST(ReconnectTest, AnErrorThatEveryFrameWouldMeetEndsTheStreamAfterItsReplies) {
  FakeInspectionServer server({.stream_handler = [](grpc::ServerContext*, Stream*) {
    return grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "no token");
  }});

  const Outcome outcome =
      InspectAll(*ClientOf(server.target()), std::vector<std::string>(100, "good"), {.max_in_flight = 3});

  EXPECT_TRUE(absl::IsUnauthenticated(outcome.end)) << outcome.end;
  EXPECT_GE(outcome.statuses.size(), 1U);
  EXPECT_LE(outcome.statuses.size(), 3U);
  for (const absl::Status& status : outcome.statuses) EXPECT_TRUE(absl::IsUnauthenticated(status)) << status;
}

TEST(ReconnectTest, ARefusedFrameIsSentAgainAndTheOthersKeepTheirOrder) {
  FakeInspectionServer server({});

  const Outcome outcome = InspectAll(*ClientOf(server.target()), {"good", "hot", "good", "bad", "good"});

  EXPECT_TRUE(outcome.end.ok()) << outcome.end;
  EXPECT_EQ(outcome.tags, TagsUpTo(5));
  EXPECT_THAT(outcome.attempts, ElementsAre(1U, 2U, 1U, 1U, 1U));
  EXPECT_TRUE(absl::IsInvalidArgument(outcome.statuses[3])) << outcome.statuses[3];
}

TEST(ReconnectTest, AFrameThatAServerCannotTakeGoesOverANewCall) {
  std::atomic<int> calls = 0;
  FakeInspectionServer server({.stream_handler = [&](grpc::ServerContext*, Stream* stream) {
    const bool first = ++calls == 1;
    InspectStreamRequest request;
    stream->Read(&request);
    for (uint64_t i = 0; stream->Read(&request); ++i) {
      inspection::v1::InspectStreamResponse reply = ReplyTo(request.frame(), i);
      if (first) {
        reply.mutable_error()->set_code(grpc::StatusCode::UNAVAILABLE);
        reply.mutable_error()->set_reason(inspection::v1::ERROR_REASON_NO_REPLICA);
      }
      stream->Write(reply);
    }
    return grpc::Status::OK;
  }});

  const Outcome outcome = InspectAll(*ClientOf(server.target()), {"a", "b", "c"});

  EXPECT_TRUE(outcome.end.ok()) << outcome.end;
  EXPECT_EQ(outcome.tags, TagsUpTo(3));
  EXPECT_THAT(outcome.statuses, Each(absl::OkStatus()));
  EXPECT_EQ(outcome.attempts.front(), 2U);
  EXPECT_EQ(calls, 2);
}

TEST(ReconnectTest, AReplyThatWasDamagedOnTheWayIsAskedForAgain) {
  std::atomic<int> calls = 0;
  FakeInspectionServer server({.stream_handler = [&](grpc::ServerContext*, Stream* stream) {
    const bool damaged = ++calls == 1;
    InspectStreamRequest request;
    stream->Read(&request);
    for (uint64_t i = 0; stream->Read(&request); ++i) {
      inspection::v1::InspectStreamResponse reply = ReplyTo(request.frame(), i);
      if (damaged) reply.mutable_result()->mutable_provenance()->set_picture_sha256("other");
      stream->Write(reply);
    }
    return grpc::Status::OK;
  }});

  const Outcome outcome = InspectAll(*ClientOf(server.target()), {"good"});

  EXPECT_THAT(outcome.statuses, ElementsAre(absl::OkStatus()));
  EXPECT_THAT(outcome.attempts, ElementsAre(2U));
}

TEST(ReconnectTest, AFrameThatIsOverALimitFailsAloneAndNamesBoth) {
  FakeInspectionServer server({});
  ClientOptions options;
  options.target = server.target();
  options.max_message_bytes = 1 << 20;

  const Outcome outcome =
      InspectAll(**InspectionClient::Create(options), {"good", std::string(size_t{2} << 20, 'x'), "good"});

  EXPECT_TRUE(outcome.end.ok()) << outcome.end;
  ASSERT_EQ(outcome.tags, TagsUpTo(3));
  EXPECT_TRUE(outcome.statuses[0].ok() && outcome.statuses[2].ok());
  EXPECT_EQ(ErrorReasonOf(outcome.statuses[1]), inspection::v1::ERROR_REASON_MESSAGE_TOO_LARGE);
  EXPECT_THAT(std::string(outcome.statuses[1].message()),
              AllOf(HasSubstr("sends at most 1048576 bytes"), HasSubstr("the server takes at most 68157440")));
}

TEST(ReconnectTest, AReplyThatIsOverTheClientsLimitFailsAlone) {
  FakeInspectionServer server({.reply_padding_bytes = size_t{2} << 20});
  ClientOptions options;
  options.target = server.target();
  options.max_reply_bytes = 1 << 20;

  const Outcome outcome = InspectAll(**InspectionClient::Create(options), {"good", "bad", "good"});

  EXPECT_TRUE(outcome.end.ok()) << outcome.end;
  ASSERT_EQ(outcome.tags, TagsUpTo(3));
  for (const size_t i : {0, 2}) {
    EXPECT_EQ(ErrorReasonOf(outcome.statuses[i]), inspection::v1::ERROR_REASON_MESSAGE_TOO_LARGE);
  }
  EXPECT_EQ(ErrorReasonOf(outcome.statuses[1]), inspection::v1::ERROR_REASON_INVALID_PICTURE);
}

TEST(ReconnectTest, AServerThatSaysItDoesNotServeGetsNoCalls) {
  FakeInspectionServer server({});
  server.SetServing(false);
  ClientOptions options;
  options.target = server.target();
  options.connect_timeout = absl::Milliseconds(300);

  const absl::Status status = (*InspectionClient::Create(options))->Inspect(RequestOf("good")).status();

  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_TRUE(server.requests().empty());
}

TEST(FrameStreamTest, TheCallbackFormGivesRepliesAndThenTheEnd) {
  FakeInspectionServer server({});
  const auto client = ClientOf(server.target());
  std::vector<std::string> events;
  const auto stream = client->OpenStream(
      StreamCategory(), {.max_in_flight = 2},
      [&](const StreamReply& reply) { events.push_back(std::to_string(reply.tag)); },
      [&](const absl::Status& status) { events.push_back(status.ok() ? "end" : "error"); });
  ASSERT_TRUE(stream.ok()) << stream.status();

  for (uint64_t tag = 1; tag <= 5; ++tag) {
    OutgoingFrame frame{.frame = {}, .tag = tag};
    frame.frame.mutable_image()->set_encoded("good");
    ASSERT_TRUE((*stream)->Send(std::move(frame)).ok());
  }
  EXPECT_TRUE((*stream)->Finish().ok());

  EXPECT_THAT(events, ElementsAre("1", "2", "3", "4", "5", "end"));
  EXPECT_TRUE(absl::IsFailedPrecondition((*stream)->Send({})));
}

TEST(FrameStreamTest, DroppingItCallsNobodyBack) {
  FakeInspectionServer server({.frame_time = absl::Seconds(1)});
  const auto client = ClientOf(server.target());
  std::atomic<int> calls = 0;
  auto stream = client->OpenStream(
      StreamCategory(), {}, [&](const StreamReply&) { ++calls; }, [&](const absl::Status&) { ++calls; });
  ASSERT_TRUE(stream.ok()) << stream.status();
  OutgoingFrame frame;
  frame.frame.mutable_image()->set_encoded("good");
  ASSERT_TRUE((*stream)->Send(std::move(frame)).ok());

  stream->reset();

  EXPECT_EQ(calls, 0);
}

}  // namespace
}  // namespace bayespfl::client
