#include "server/telemetry/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include "base/http_library.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "tests/server/raw_connection.h"

namespace bayespfl::server {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// Sends a header a byte at a time, for as long as the server listens.
class SlowClient {
 public:
  explicit SlowClient(int port)
      : connection_(port), thread_([this] {
          connection_.Send("GET /livez HTTP/1.1\r\nx: ");
          while (!stopped_ && connection_.Send("a")) std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }) {}
  ~SlowClient() {
    stopped_ = true;
    thread_.join();
  }
  SlowClient(const SlowClient&) = delete;
  SlowClient& operator=(const SlowClient&) = delete;

 private:
  const RawConnection connection_;
  std::atomic<bool> stopped_ = false;
  std::thread thread_;  // last: it uses the rest
};

class HttpServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    HttpHandlers handlers;
    handlers.metrics = [] { return std::string("a 1\n"); };
    handlers.startup = [] { return absl::OkStatus(); };
    handlers.live = [] { return absl::OkStatus(); };
    handlers.ready = [] { return absl::UnavailableError("not yet"); };
    auto server = HttpServer::Start("127.0.0.1", 0, handlers);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  std::unique_ptr<HttpServer> server_;
};

TEST(HttpServerAddressTest, BracketsAroundAnAddressDoNotMatter) {
  for (const char* host : {"::1", "[::1]"}) {
    HttpHandlers handlers;
    handlers.live = [] { return absl::OkStatus(); };

    const auto server = HttpServer::Start(host, 0, handlers);

    if (absl::IsUnavailable(server.status()) && std::string(host) == "::1") GTEST_SKIP() << "no IPv6 here";
    ASSERT_TRUE(server.ok()) << host << ": " << server.status();
    EXPECT_EQ(httplib::Client("::1", (*server)->port()).Get("/livez")->status, 200);
  }
}

TEST_F(HttpServerTest, ServesMetricsInTheExpositionFormat) {
  const httplib::Result result = httplib::Client("127.0.0.1", server_->port()).Get("/metrics");

  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, 200);
  EXPECT_EQ(result->body, "a 1\n");
  EXPECT_THAT(result->get_header_value("Content-Type"), HasSubstr("text/plain; version=0.0.4"));
}

TEST_F(HttpServerTest, ProbesAnswer200Or503WithTheReason) {
  httplib::Client client("127.0.0.1", server_->port());

  EXPECT_EQ(client.Get("/livez")->status, 200);
  EXPECT_EQ(client.Get("/startupz")->body, "ok\n");
  const httplib::Result ready = client.Get("/readyz");
  EXPECT_EQ(ready->status, 503);
  EXPECT_EQ(ready->body, "not yet\n");
  EXPECT_EQ(client.Get("/other")->status, 404);
}

TEST_F(HttpServerTest, RefusesAnotherMethodWithoutWaitingForItsBody) {
  const RawConnection connection(server_->port());

  EXPECT_TRUE(connection.Send("POST /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"));

  EXPECT_THAT(connection.ReadToEnd(), StartsWith("HTTP/1.1 405 "));
}

// More than the buffers of a connection hold, so that it cannot all be sent when the server does not take it.
constexpr size_t kEndless = size_t{64} << 20;

TEST_F(HttpServerTest, EndsAConnectionWhoseRequestLineDoesNotEnd) {
  const RawConnection connection(server_->port());

  EXPECT_FALSE(connection.Send(std::string(kEndless, 'x')));
}

TEST_F(HttpServerTest, EndsAConnectionWhoseHeadersDoNotEnd) {
  const RawConnection connection(server_->port());
  std::string headers;
  while (headers.size() < kEndless) headers += "a: b\r\n";

  EXPECT_FALSE(connection.Send("GET /metrics HTTP/1.1\r\n" + headers));
}

TEST_F(HttpServerTest, EndsAConnectionThatBringsItsRequestByteByByte) {
  constexpr int kBytes = 100;
  const RawConnection connection(server_->port());
  int sent = 0;

  while (sent < kBytes && connection.Send("G")) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    ++sent;
  }

  EXPECT_LT(sent, kBytes);
}

// More of them than the server has threads.
TEST_F(HttpServerTest, ProbesAreAnsweredWhileClientsSendAByteNowAndThen) {
  std::vector<std::unique_ptr<SlowClient>> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(std::make_unique<SlowClient>(server_->port()));
  httplib::Client probe("127.0.0.1", server_->port());
  probe.set_read_timeout(std::chrono::seconds(20));

  const httplib::Result result = probe.Get("/livez");

  ASSERT_TRUE(result) << httplib::to_string(result.error());
  EXPECT_EQ(result->status, 200);
}

// Ten for every thread. Were each given its second, the last would have theirs after ten.
TEST_F(HttpServerTest, ACrowdOfSilentClientsDelaysAProbeByLittleMoreThanOneOfThem) {
  std::vector<std::unique_ptr<RawConnection>> silent;
  for (int i = 0; i < 160; ++i) silent.push_back(std::make_unique<RawConnection>(server_->port()));
  const auto start = std::chrono::steady_clock::now();

  // Where too many wait, a probe is sent away and asks again, as Kubernetes does.
  while (!httplib::Client("127.0.0.1", server_->port()).Get("/livez")) {
    ASSERT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }

  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(6));
}

TEST_F(HttpServerTest, TheStopDoesNotWaitForSlowClients) {
  const SlowClient client(server_->port());
  ASSERT_TRUE(httplib::Client("127.0.0.1", server_->port()).Get("/livez")) << "which came after the slow one";
  const auto start = std::chrono::steady_clock::now();

  server_.reset();

  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST_F(HttpServerTest, NamesAnAddressThatIsTaken) {
  const auto second = HttpServer::Start("127.0.0.1", server_->port(), {});

  ASSERT_FALSE(second.ok());
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("127.0.0.1:" + std::to_string(server_->port())));
}

}  // namespace
}  // namespace bayespfl::server
