#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "client/cpp/admin_client.h"
#include "client/cpp/errors.h"
#include "client/cpp/inspection_client.h"
#include "tests/client/fake_admin_server.h"
#include "tests/client/fake_inspection_server.h"

namespace bayespfl::client {
namespace {

using ::testing::ElementsAre;
using testing::FakeAdminServer;
using testing::FakeInspectionServer;
using ::testing::HasSubstr;

std::unique_ptr<InspectionClient> ClientOf(const std::string& target, absl::Duration timeout = absl::Seconds(30)) {
  ClientOptions options;
  options.target = target;
  options.timeout = timeout;
  return *InspectionClient::Create(options);
}

inspection::v1::InspectRequest RequestOf(const std::string& picture) {
  inspection::v1::InspectRequest request;
  request.mutable_image()->set_encoded(picture);
  request.mutable_metadata()->set_frame_id("frame-1");
  request.mutable_options()->set_category("metal nut");
  return request;
}

inspection::v1::InspectOptions StreamCategory() {
  inspection::v1::InspectOptions options;
  options.set_category("metal nut");
  return options;
}

// Gives the pictures one after the other; the tags count from 100.
InspectionClient::FrameSource SourceOf(std::vector<std::string> pictures) {
  return [pictures = std::move(pictures), next = size_t{0}]() mutable -> std::optional<OutgoingFrame> {
    if (next == pictures.size()) return std::nullopt;
    OutgoingFrame frame{.frame = {}, .tag = 100 + next};
    frame.frame.mutable_image()->set_encoded(pictures[next++]);
    return frame;
  };
}

// A socket that lets clients connect and never says a word.
class SilentListener final {
 public:
  SilentListener() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (socket_ < 0) {
      ADD_FAILURE() << "no socket";
      return;
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(socket_, 8), 0);
    EXPECT_EQ(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  ~SilentListener() { Close(); }
  void Close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }
  std::string target() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  int socket_;
  int port_ = 0;
};

TEST(CreateTest, RefusesTargetsWithoutAPort) {
  for (const char* target : {"", "localhost", ":50051", "host:", "host:0", "host:65536", "host:http", "::1:50051"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(CheckTarget(target))) << target;
  }
  for (const char* target : {"localhost:50051", "10.0.0.7:1", "[::1]:65535", "unix:socket", "dns:///gpu:50051"}) {
    EXPECT_TRUE(CheckTarget(target).ok()) << target;
  }
}

TEST(CreateTest, RefusesOptionsOutOfRange) {
  ClientOptions no_time;
  no_time.timeout = absl::ZeroDuration();
  ClientOptions no_room;
  no_room.max_message_bytes = 1000;
  ClientOptions no_room_for_replies;
  no_room_for_replies.max_reply_bytes = 1000;

  EXPECT_TRUE(absl::IsInvalidArgument(InspectionClient::Create(no_time).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(InspectionClient::Create(no_room).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(AdminClient::Create(no_room_for_replies).status()));
}

TEST(UnaryTest, ReturnsTheServersAnswer) {
  FakeInspectionServer server({.score = 0.75F});

  const auto response = ClientOf(server.target())->Inspect(RequestOf("good"));

  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->score(), 0.75F);
  EXPECT_EQ(response->category(), "metal nut");
  EXPECT_EQ(response->metadata().frame_id(), "frame-1");
}

TEST(UnaryTest, ReturnsTheServersErrorWithItsReason) {
  FakeInspectionServer server({});

  const absl::Status status = ClientOf(server.target())->Inspect(RequestOf("bad")).status();

  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_EQ(status.message(), "image: 3 bytes are no picture");
  EXPECT_EQ(ErrorReasonOf(status), inspection::v1::ERROR_REASON_INVALID_PICTURE);
}

TEST(UnaryTest, SaysWhenToSendARefusedPictureAgain) {
  FakeInspectionServer server({});

  const absl::Status status = ClientOf(server.target())->Inspect(RequestOf("busy")).status();

  EXPECT_EQ(ErrorReasonOf(status), inspection::v1::ERROR_REASON_QUEUE_FULL);
  EXPECT_EQ(RetryDelayOf(status), absl::Milliseconds(250));
}

TEST(UnaryTest, SendsAndTakesMessagesBeyondGrpcsFourMegabytes) {
  FakeInspectionServer server({.reply_padding_bytes = size_t{32} << 20});

  const auto response = ClientOf(server.target())->Inspect(RequestOf(std::string(size_t{64} << 20, 'x')));

  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->anomaly_map().data().size(), size_t{32} << 20);
}

TEST(UnaryTest, RefusesToSendMoreThanTheLimit) {
  FakeInspectionServer server({});

  const auto response = ClientOf(server.target())->Inspect(RequestOf(std::string(size_t{66} << 20, 'x')));

  EXPECT_TRUE(absl::IsResourceExhausted(response.status())) << response.status();
  EXPECT_EQ(ErrorReasonOf(response.status()), inspection::v1::ERROR_REASON_MESSAGE_TOO_LARGE);
}

TEST(UnaryTest, RefusesToTakeMoreThanTheLimit) {
  FakeInspectionServer server({.reply_padding_bytes = size_t{2} << 20});
  ClientOptions options;
  options.target = server.target();
  options.max_reply_bytes = 1 << 20;

  const auto response = (*InspectionClient::Create(options))->Inspect(RequestOf("good"));

  EXPECT_EQ(ErrorReasonOf(response.status()), inspection::v1::ERROR_REASON_MESSAGE_TOO_LARGE) << response.status();
}

TEST(UnaryTest, GivesUpAtTheDeadline) {
  FakeInspectionServer server({.frame_time = absl::Seconds(1)});

  const auto response = ClientOf(server.target(), absl::Milliseconds(50))->Inspect(RequestOf("good"));

  EXPECT_TRUE(absl::IsDeadlineExceeded(response.status())) << response.status();
}

TEST(UnaryTest, ReportsAnUnreachableServerAtOnce) {
  SilentListener listener;
  listener.Close();  // its port is free now
  const absl::Time start = absl::Now();

  const auto response = ClientOf(listener.target())->Inspect(RequestOf("good"));

  EXPECT_TRUE(absl::IsUnavailable(response.status())) << response.status();
  EXPECT_LT(absl::Now() - start, absl::Seconds(10));
}

// The wait for a connection, here one second of the two, counts as well. Beyond the two is what a busy machine takes.
TEST(UnaryTest, TakesNoLongerThanItsTimeoutWhenTheServerSaysNothing) {
  const SilentListener listener;
  const absl::Time start = absl::Now();

  const auto response = ClientOf(listener.target(), absl::Seconds(2))->Inspect(RequestOf("good"));

  EXPECT_TRUE(absl::IsDeadlineExceeded(response.status())) << response.status();
  EXPECT_LT(absl::Now() - start, absl::Milliseconds(2900));
}

// Nobody listens: that is the reason, however little time there is to find out.
TEST(UnaryTest, NamesTheReasonWithinAShortTimeoutToo) {
  SilentListener listener;
  listener.Close();

  const auto response = ClientOf(listener.target(), absl::Milliseconds(800))->Inspect(RequestOf("good"));

  EXPECT_TRUE(absl::IsUnavailable(response.status())) << response.status();
}

TEST(ModelsTest, ListsTheModels) {
  FakeInspectionServer server({});

  const auto models = ClientOf(server.target())->ListModels();

  ASSERT_TRUE(models.ok()) << models.status();
  ASSERT_EQ(models->size(), 1U);
  EXPECT_EQ(models->front().name(), "fake");
}

TEST(ModelsTest, DescribesTheDefaultModelOrTheOneOfAName) {
  FakeInspectionServer server({});
  const auto client = ClientOf(server.target());

  EXPECT_EQ(client->GetModel()->categories(0).category(), "PCB-4711 rev C");
  EXPECT_EQ(client->GetModel("fake")->name(), "fake");
  EXPECT_EQ(ErrorReasonOf(client->GetModel("other").status()), inspection::v1::ERROR_REASON_MODEL_NOT_FOUND);
}

TEST(ServerInfoTest, TellsTheLimits) {
  FakeInspectionServer server({});

  const auto info = ClientOf(server.target())->GetServerInfo();

  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->version(), "1.2.3");
  EXPECT_EQ(info->limits().max_streams(), 256U);
}

TEST(AdminTest, ChangesTheModels) {
  const FakeAdminServer server;
  ClientOptions options;
  options.target = server.target();
  const auto admin = *AdminClient::Create(options);

  const auto loaded = admin->LoadModel("line-a");

  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->version(), "1.0.0+00ff");
  EXPECT_TRUE(admin->SetDefaultModel("line-a").ok());
  EXPECT_TRUE(admin->UnloadModel("line-b").ok());
  EXPECT_EQ(admin->ListModels()->front().name(), "line-a");
  EXPECT_THAT(server.calls(), ElementsAre("load line-a", "default line-a", "unload line-b"));
}

TEST(AdminTest, ReturnsWhyAChangeWasRefused) {
  const FakeAdminServer server;
  ClientOptions options;
  options.target = server.target();
  const auto admin = *AdminClient::Create(options);

  EXPECT_EQ(admin->LoadModel("broken").status(), absl::DataLossError("weights.safetensors is cut short"));
  EXPECT_TRUE(absl::IsDataLoss(admin->UnloadModel("broken")));
  EXPECT_TRUE(absl::IsDataLoss(admin->SetDefaultModel("broken")));
}

TEST(HealthTest, FollowsTheServersState) {
  FakeInspectionServer server({});
  const auto client = ClientOf(server.target());

  server.SetServing(true);
  EXPECT_EQ(client->Health().value(), HealthState::kServing);
  server.SetServing(false);
  EXPECT_EQ(client->Health().value(), HealthState::kNotServing);
  EXPECT_TRUE(absl::IsNotFound(client->Health("no.such.Service").status()));
}

TEST(StreamTest, AnswersTwoHundredFramesInOrderWithinTheBound) {
  FakeInspectionServer server({.frame_time = absl::Milliseconds(2)});
  std::vector<uint64_t> tags;
  size_t failures = 0;

  const absl::Status status =
      ClientOf(server.target())
          ->InspectStream(StreamCategory(), {.max_in_flight = 4}, SourceOf(std::vector<std::string>(200, "good")),
                          [&](const StreamReply& reply) {
                            tags.push_back(reply.tag);
                            failures += reply.result.ok() ? 0 : 1;
                            EXPECT_GE(reply.latency, absl::Milliseconds(2));
                          });

  EXPECT_TRUE(status.ok()) << status;
  ASSERT_EQ(tags.size(), 200U);
  for (size_t i = 0; i < tags.size(); ++i) EXPECT_EQ(tags[i], 100 + i);
  EXPECT_EQ(failures, 0U);
  EXPECT_LE(server.most_in_flight(), 4);
  EXPECT_GE(server.most_in_flight(), 2);  // it does pipeline
}

// A frame with metadata and options of its own, on a stream with others.
OutgoingFrame FrameOfItsOwn() {
  OutgoingFrame frame;
  frame.frame.mutable_image()->set_encoded("good");
  frame.frame.mutable_metadata()->set_frame_id("frame-17");
  frame.frame.mutable_metadata()->set_attempt(2);
  frame.frame.mutable_options()->set_category("screw");
  frame.frame.mutable_options()->set_seed(5);
  return frame;
}

TEST(StreamTest, AFramesOwnOptionsWinFieldByField) {
  FakeInspectionServer server({});
  inspection::v1::InspectOptions options = StreamCategory();
  options.set_samples(3);
  std::optional<OutgoingFrame> next = FrameOfItsOwn();

  const absl::Status status =
      ClientOf(server.target())
          ->InspectStream(options, {}, [&] { return std::exchange(next, std::nullopt); }, [](const StreamReply&) {});

  ASSERT_TRUE(status.ok()) << status;
  ASSERT_EQ(server.requests().size(), 1U);
  const inspection::v1::InspectOptions seen = server.requests().front().options();
  EXPECT_EQ(seen.category(), "screw");
  EXPECT_EQ(seen.seed(), 5U);
  EXPECT_EQ(seen.samples(), 3U);
}

TEST(StreamTest, ARepliesMetadataSayWhichAttemptOfWhichFrameItIsOf) {
  FakeInspectionServer server({});
  OutgoingFrame bad = FrameOfItsOwn();
  bad.frame.mutable_image()->set_encoded("bad");
  std::vector<OutgoingFrame> frames = {FrameOfItsOwn(), bad};
  std::vector<std::string> seen;

  const absl::Status status =
      ClientOf(server.target())
          ->InspectStream(
              StreamCategory(), {},
              [&, next = size_t{0}]() mutable -> std::optional<OutgoingFrame> {
                if (next == frames.size()) return std::nullopt;
                return frames[next++];
              },
              [&](const StreamReply& reply) {
                seen.push_back(reply.metadata.frame_id() + "/" + std::to_string(reply.metadata.attempt()));
              });

  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(seen, ElementsAre("frame-17/2", "frame-17/2"));
}

TEST(StreamTest, AFramesErrorHasItsReasonAndDelay) {
  FakeInspectionServer server({});
  absl::Status error;

  const absl::Status status =
      ClientOf(server.target())->InspectStream(StreamCategory(), {}, SourceOf({"busy"}), [&](const StreamReply& reply) {
        error = reply.result.status();
      });

  EXPECT_TRUE(status.ok()) << status;
  EXPECT_TRUE(absl::IsResourceExhausted(error));
  EXPECT_EQ(ErrorReasonOf(error), inspection::v1::ERROR_REASON_QUEUE_FULL);
  EXPECT_EQ(RetryDelayOf(error), absl::Milliseconds(250));
}

TEST(StreamTest, EndsWellWithoutAnyFrame) {
  FakeInspectionServer server({});

  const absl::Status status =
      ClientOf(server.target())->InspectStream(StreamCategory(), {}, SourceOf({}), [](const StreamReply&) {
        ADD_FAILURE() << "a reply to nothing";
      });

  EXPECT_TRUE(status.ok()) << status;
}

TEST(StreamTest, GoesOnAfterABadFrame) {
  FakeInspectionServer server({});
  std::vector<absl::StatusCode> codes;

  const absl::Status status =
      ClientOf(server.target())
          ->InspectStream(StreamCategory(), {}, SourceOf({"good", "bad", "good"}),
                          [&](const StreamReply& reply) { codes.push_back(reply.result.status().code()); });

  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(codes, ElementsAre(absl::StatusCode::kOk, absl::StatusCode::kInvalidArgument, absl::StatusCode::kOk));
}

// Frames and replies are far larger than HTTP/2's windows, so that both sides' writes wait for the other's reads.
TEST(StreamTest, SurvivesBackPressureInBothDirections) {
  FakeInspectionServer server({.frame_time = absl::Milliseconds(1), .reply_padding_bytes = size_t{2} << 20});
  size_t replies = 0;

  const absl::Status status =
      ClientOf(server.target())
          ->InspectStream(StreamCategory(), {.max_in_flight = 16},
                          SourceOf(std::vector<std::string>(40, std::string(2 << 20, 'x'))), [&](const StreamReply&) {
                            ++replies;
                            absl::SleepFor(absl::Milliseconds(2));  // a slow consumer
                          });

  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(replies, 40U);
  EXPECT_LE(server.most_in_flight(), 16);
}

TEST(StreamTest, FailsWhenTheServerDiesHalfWay) {
  FakeInspectionServer server({.frame_time = absl::Milliseconds(1)});
  absl::Notification half_way;
  std::thread killer([&] {
    half_way.WaitForNotification();
    server.Kill();
  });
  size_t replies = 0;

  const absl::Status status =
      ClientOf(server.target())
          ->InspectStream(StreamCategory(), {.max_in_flight = 4}, SourceOf(std::vector<std::string>(5000, "good")),
                          [&](const StreamReply&) {
                            if (++replies == 20) half_way.Notify();
                          });
  killer.join();

  EXPECT_FALSE(status.ok());
  EXPECT_GE(replies, 20U);
  EXPECT_LT(replies, 5000U);
}

TEST(StreamTest, FailsWhenNobodyListens) {
  SilentListener listener;
  listener.Close();

  const absl::Status status =
      ClientOf(listener.target())->InspectStream(StreamCategory(), {}, SourceOf({"good"}), [](const StreamReply&) {});

  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
}

TEST(StreamTest, GivesUpOnAServerThatNeverAnswers) {
  SilentListener listener;

  const absl::Status status = ClientOf(listener.target())
                                  ->InspectStream(StreamCategory(), {.stall_timeout = absl::Milliseconds(300)},
                                                  SourceOf({"good"}), [](const StreamReply&) {});

  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("300ms"));
}

TEST(StreamTest, FailsWhenTheServerEndsEarlyAsIfAllWereWell) {
  FakeInspectionServer server({.stream_handler = [](grpc::ServerContext*, FakeInspectionServer::Stream* stream) {
    inspection::v1::InspectStreamRequest request;
    stream->Read(&request);
    stream->Read(&request);
    return grpc::Status::OK;
  }});

  const absl::Status status =
      ClientOf(server.target())->InspectStream(StreamCategory(), {}, SourceOf({"a", "b", "c"}), [](const StreamReply&) {
      });

  EXPECT_TRUE(absl::IsInternal(status)) << status;
}

TEST(StreamTest, ReturnsTheStatusThatEndsTheStreamWithItsReason) {
  FakeInspectionServer server({.stream_handler = [](grpc::ServerContext*, FakeInspectionServer::Stream*) {
    inspection::v1::FrameError error;
    error.set_code(grpc::StatusCode::RESOURCE_EXHAUSTED);
    error.set_reason(inspection::v1::ERROR_REASON_STREAMS_FULL);
    error.set_message("too many streams");
    return testing::StatusOf(error);
  }});

  const absl::Status status =
      ClientOf(server.target())->InspectStream(StreamCategory(), {}, SourceOf({"a", "b", "c"}), [](const StreamReply&) {
      });

  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_EQ(status.message(), "too many streams");
  EXPECT_EQ(ErrorReasonOf(status), inspection::v1::ERROR_REASON_STREAMS_FULL);
}

TEST(StreamTest, RefusesRepliesOutOfOrder) {
  FakeInspectionServer server({.stream_handler = [](grpc::ServerContext*, FakeInspectionServer::Stream* stream) {
    inspection::v1::InspectStreamRequest request;
    stream->Read(&request);
    stream->Read(&request);
    inspection::v1::InspectStreamResponse reply;
    reply.set_sequence(1);
    reply.mutable_result();
    stream->Write(reply);
    while (stream->Read(&request)) {
    }
    return grpc::Status::OK;
  }});
  size_t replies = 0;

  const absl::Status status =
      ClientOf(server.target())->InspectStream(StreamCategory(), {}, SourceOf({"a", "b"}), [&](const StreamReply&) {
        ++replies;
      });

  EXPECT_TRUE(absl::IsInternal(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("frame 1 of the stream where frame 0 was due"));
  EXPECT_EQ(replies, 0U);
}

TEST(StreamTest, RefusesOptionsOutOfRange) {
  const auto client = ClientOf("127.0.0.1:1");
  const auto sink = [](const StreamReply&) {};

  EXPECT_TRUE(
      absl::IsInvalidArgument(client->InspectStream(StreamCategory(), {.max_in_flight = 0}, SourceOf({}), sink)));
  EXPECT_TRUE(absl::IsInvalidArgument(
      client->InspectStream(StreamCategory(), {.stall_timeout = absl::ZeroDuration()}, SourceOf({}), sink)));
}

TEST(StreamTest, ASkippedFrameIsAborted) {
  inspection::v1::FlowPolicy policy = inspection::v1::FLOW_POLICY_UNSPECIFIED;
  const FakeInspectionServer server(
      {.stream_handler = [&policy](grpc::ServerContext*, FakeInspectionServer::Stream* stream) {
        inspection::v1::InspectStreamRequest request;
        stream->Read(&request);
        policy = request.configuration().flow_policy();
        for (uint64_t sequence = 0; stream->Read(&request); ++sequence) {
          inspection::v1::InspectStreamResponse reply;
          reply.set_sequence(sequence);
          reply.mutable_skipped();
          stream->Write(reply);
        }
        return grpc::Status::OK;
      }});
  int skipped = 0;

  const absl::Status status =
      ClientOf(server.target())
          ->InspectStream(StreamCategory(), {.flow_policy = inspection::v1::FLOW_POLICY_LATEST}, SourceOf({"a", "b"}),
                          [&](const StreamReply& reply) { skipped += absl::IsAborted(reply.result.status()) ? 1 : 0; });

  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(skipped, 2);
  EXPECT_EQ(policy, inspection::v1::FLOW_POLICY_LATEST);
}

TEST(TokenTest, GoesOutWithEveryStream) {
  std::string header;
  FakeInspectionServer::Behaviour behaviour;
  behaviour.stream_handler = [&header](grpc::ServerContext* context, FakeInspectionServer::Stream* stream) {
    const auto found = context->client_metadata().find("authorization");
    if (found != context->client_metadata().end()) header.assign(found->second.data(), found->second.size());
    // To the client's end of the stream: a server that ends it earlier is an error.
    for (inspection::v1::InspectStreamRequest request; stream->Read(&request);) continue;
    return grpc::Status::OK;
  };
  const FakeInspectionServer server(behaviour);
  ClientOptions options;
  options.target = server.target();
  options.token = "bpfl_abc-123";

  const absl::Status status =
      (*InspectionClient::Create(options))->InspectStream(StreamCategory(), {}, SourceOf({}), [](const StreamReply&) {
      });

  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(header, "Bearer bpfl_abc-123");
}

TEST(TokenTest, NeverLeavesThisMachineInPlainTextUnasked) {
  ClientOptions options;
  options.token = "bpfl_abc";
  for (const char* target : {"gpu:50051", "10.0.0.1:50051", "127.example.com:50051", "127.0.0.1.5:50051", "127.1:50051",
                             "dns:///gpu:50051"}) {
    options.target = target;
    const auto client = InspectionClient::Create(options);
    ASSERT_FALSE(client.ok()) << target;
    EXPECT_EQ(client.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(client.status().message()), HasSubstr("in plain text"));
  }
  options.allow_plaintext_token = true;
  EXPECT_TRUE(InspectionClient::Create(options).ok());
  options.allow_plaintext_token = false;
  for (const char* target : {"127.0.0.1:50051", "localhost:50051", "[::1]:50051", "unix:/run/server"}) {
    options.target = target;
    EXPECT_TRUE(InspectionClient::Create(options).ok()) << target;
  }
  options.target = "gpu:50051";
  options.credentials = grpc::SslCredentials({});
  EXPECT_TRUE(InspectionClient::Create(options).ok());
}

TEST(TokenTest, RefusesCharactersThatNoHeaderMayHold) {
  ClientOptions options;
  for (const char* token : {"a b", "a\nb", "a\x7f", "\xc3\xa4"}) {
    options.token = token;
    EXPECT_EQ(InspectionClient::Create(options).status().code(), absl::StatusCode::kInvalidArgument) << token;
  }
}

}  // namespace
}  // namespace bayespfl::client
