// The client against collectors that take, refuse, are full, are away, or never answer.
#include "server/telemetry/otlp_client.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/http_library.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace bayespfl::server {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class OtlpClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    server_.Post("/v1/traces", [this](const httplib::Request& request, httplib::Response& response) {
      request_ = request;
      answer_(response);
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::sleep_for(milliseconds(1));
  }
  void TearDown() override {
    server_.stop();
    thread_.join();
  }

  std::unique_ptr<OtlpClient> Client(const std::string& host = "127.0.0.1", int port = 0,
                                     milliseconds timeout = std::chrono::seconds(10)) const {
    OtlpClientOptions options;
    options.endpoint.host = host;
    options.endpoint.port = port != 0 ? port : port_;
    options.endpoint.path = "/v1/traces";
    options.headers.emplace_back("X-Key", "secret");
    options.user_agent = "test/1";
    options.transfer_timeout = timeout;
    return std::make_unique<OtlpClient>(std::move(options));
  }

  SendResult SendTo(std::function<void(httplib::Response&)> answer) {
    answer_ = std::move(answer);
    return Client()->Send("{}");
  }

  std::function<void(httplib::Response&)> answer_ = [](httplib::Response&) {};
  httplib::Request request_;  // the last
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

TEST_F(OtlpClientTest, PostsJsonWithTheHeaders) {
  const SendResult result = Client()->Send(R"({"resourceSpans":[]})");

  EXPECT_EQ(result.kind, SendResult::Kind::kTaken) << result.error;
  EXPECT_EQ(request_.body, R"({"resourceSpans":[]})");
  EXPECT_EQ(request_.get_header_value("Content-Type"), "application/json");
  EXPECT_EQ(request_.get_header_value("X-Key"), "secret");
  EXPECT_EQ(request_.get_header_value("User-Agent"), "test/1");
}

TEST_F(OtlpClientTest, KeepsItsConnection) {
  const std::unique_ptr<OtlpClient> client = Client();
  client->Send("{}");
  const int first = request_.remote_port;

  client->Send("{}");

  EXPECT_EQ(request_.remote_port, first);
}

TEST_F(OtlpClientTest, ReadsWhatWasRejected) {
  const SendResult result = SendTo([](httplib::Response& response) {
    response.set_content(R"({"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}})", "application/json");
  });

  EXPECT_EQ(result.kind, SendResult::Kind::kTaken);
  EXPECT_EQ(result.rejected, 2);
  EXPECT_EQ(result.error, "too old");
}

TEST_F(OtlpClientTest, ComesAgainWhenItIsToldTo) {
  for (const int status : {429, 502, 503, 504}) {
    const SendResult result = SendTo([status](httplib::Response& response) {
      response.status = status;
      response.set_header("Retry-After", "7");
    });
    EXPECT_EQ(result.kind, SendResult::Kind::kRetry) << status;
    EXPECT_EQ(result.retry_after, milliseconds(7000)) << status;
  }
}

TEST_F(OtlpClientTest, DoesNotComeAgainWhenItIsNotWanted) {
  for (const int status : {301, 400, 401, 404, 413, 500, 501}) {
    const SendResult result = SendTo([status](httplib::Response& response) {
      response.status = status;
      response.set_header("Retry-After", "7");
      response.set_header("Location", "/elsewhere");
    });
    EXPECT_EQ(result.kind, SendResult::Kind::kRefused) << status;
    EXPECT_THAT(result.error, HasSubstr(std::to_string(status)));
  }
}

TEST_F(OtlpClientTest, AnAnswerBecomesALineAtMost) {
  const SendResult result = SendTo([](httplib::Response& response) {
    response.status = 400;
    response.set_content("no\nsuch\x01" + std::string(10000, 'x'), "text/plain");
  });

  EXPECT_THAT(result.error, StartsWith("HTTP status 400: no such x"));
  EXPECT_LT(result.error.size(), 300U);
}

TEST_F(OtlpClientTest, AnEndlessAnswerIsNone) {
  const SendResult result =
      SendTo([](httplib::Response& response) { response.set_content(std::string(1 << 20, 'x'), "text/plain"); });

  EXPECT_EQ(result.kind, SendResult::Kind::kRetry);
}

TEST_F(OtlpClientTest, ACollectorThatIsAwayIsTriedAgain) {
  server_.stop();

  const SendResult result = Client()->Send("{}");

  EXPECT_EQ(result.kind, SendResult::Kind::kRetry);
  EXPECT_EQ(result.retry_after, std::nullopt);
  EXPECT_THAT(result.error, HasSubstr("Connection"));
}

// "localhost" is ::1 as well on most machines, where nobody listens here.
TEST_F(OtlpClientTest, EveryAddressOfANameIsTried) {
  EXPECT_EQ(Client("localhost")->Send("{}").kind, SendResult::Kind::kTaken);
}

// Too long for any name, so nobody on the network is asked for it.
TEST_F(OtlpClientTest, ANameWithoutAddressIsTriedAgain) {
  const SendResult result = Client(std::string(300, 'x'), 4318)->Send("{}");

  EXPECT_EQ(result.kind, SendResult::Kind::kRetry);
  EXPECT_THAT(result.error, HasSubstr("no address was found for xxx"));
}

// A listener that takes connections and says nothing.
class SilentListener {
 public:
  SilentListener() : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(socket_, 16), 0);
    EXPECT_EQ(getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  ~SilentListener() { close(socket_); }
  SilentListener(const SilentListener&) = delete;
  SilentListener& operator=(const SilentListener&) = delete;

  int port() const { return port_; }
  // Waits for a connection with a request on it.
  void WaitForRequest() const {
    const int connection = accept(socket_, nullptr, nullptr);
    char byte = 0;
    EXPECT_EQ(recv(connection, &byte, 1, MSG_PEEK), 1);
    kept_ = connection;
  }

 private:
  int socket_;
  int port_ = 0;
  mutable int kept_ = -1;  // closed with the process
};

TEST_F(OtlpClientTest, CancelEndsASendThatHangs) {
  const SilentListener listener;
  const std::unique_ptr<OtlpClient> client = Client("127.0.0.1", listener.port());
  SendResult result;
  const auto before = std::chrono::steady_clock::now();
  std::thread sending([&] { result = client->Send("{}"); });
  listener.WaitForRequest();

  client->Cancel();
  sending.join();

  EXPECT_EQ(result.kind, SendResult::Kind::kRetry);
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(8)) << "before its own timeout";
}

TEST_F(OtlpClientTest, ACollectorThatNeverAnswersIsGivenUp) {
  const SilentListener listener;

  const SendResult result = Client("127.0.0.1", listener.port(), milliseconds(50))->Send("{}");

  EXPECT_EQ(result.kind, SendResult::Kind::kRetry);
}

TEST(RetryAfterTest, IsSecondsOrADate) {
  EXPECT_EQ(ParseRetryAfter("0"), milliseconds(0));
  EXPECT_EQ(ParseRetryAfter("120"), milliseconds(120'000));
  EXPECT_EQ(ParseRetryAfter("99999999999"), milliseconds(86'400'000)) << "a day is long enough";
  const std::string date =
      absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT", absl::Now() + absl::Seconds(100), absl::UTCTimeZone());
  const std::optional<milliseconds> delay = ParseRetryAfter(date);
  ASSERT_TRUE(delay.has_value());
  EXPECT_GT(*delay, milliseconds(60'000));
  EXPECT_LE(*delay, milliseconds(100'000));
}

TEST(RetryAfterTest, ElseNothing) {
  EXPECT_EQ(ParseRetryAfter(""), std::nullopt);
  EXPECT_EQ(ParseRetryAfter("-1"), std::nullopt);
  EXPECT_EQ(ParseRetryAfter("soon"), std::nullopt);
  EXPECT_EQ(ParseRetryAfter("Fri, 31 Dec 1999 23:59:59 GMT"), std::nullopt) << "past";
}

}  // namespace
}  // namespace bayespfl::server
