// A whole server whose collector does not take its traces: no frame waits or is lost for it, what waits is bounded, and
// every span that does not get there is counted.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/http_library.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "tests/server/service_fixture.h"

namespace bayespfl::server {
namespace {

constexpr int kFrames = 1100;  // 9 spans each, and one of their stream: more than may wait
constexpr int64_t kSpans = kFrames * 9 + 1;
constexpr int64_t kMostWaiting = 8192;
constexpr std::chrono::seconds kLongestStop(8);  // two seconds for what waits, and some for a busy machine

class Collector {
 public:
  virtual ~Collector() = default;
  virtual int port() const = 0;
};

// Its address is taken. It listens, so that connections come about, and does nothing with them; or it does not even.
class DeafCollector final : public Collector {
 public:
  explicit DeafCollector(bool listens) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), size), 0);
    if (listens) {
      EXPECT_EQ(listen(socket_, 16), 0);
    }
    EXPECT_EQ(getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  ~DeafCollector() override { close(socket_); }
  int port() const override { return port_; }

 private:
  const int socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int port_ = 0;
};

// Answers everything with a status.
class BusyCollector final : public Collector {
 public:
  BusyCollector(int status, const std::string& retry_after) {
    server_.Post("/v1/traces", [=](const httplib::Request& /*request*/, httplib::Response& response) {
      response.status = status;
      if (!retry_after.empty()) response.set_header("Retry-After", retry_after);
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ~BusyCollector() override {
    server_.stop();
    thread_.join();
  }
  int port() const override { return port_; }

 private:
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

struct LossCase {
  std::string name;
  std::function<std::unique_ptr<Collector>()> make;
  bool again = true;  // what it did not take is kept for it, so that the queue fills
};
void PrintTo(const LossCase& loss, std::ostream* out) { *out << loss.name; }

class TraceLossTest : public ServiceTest, public ::testing::WithParamInterface<LossCase> {
 protected:
  void SetUp() override {}  // the test starts its own

  // Sends the frames and reads their results; returns how many came.
  int RunFrames() {
    grpc::ClientContext context;
    const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
    std::thread writer([&stream] {
      stream->Write(MakeConfiguration());
      const v1::InspectStreamRequest frame = MakeFrame("1");
      for (int i = 0; i < kFrames; ++i) stream->Write(frame);
      stream->WritesDone();
    });
    int results = 0;
    for (v1::InspectStreamResponse reply; stream->Read(&reply);) {
      results += reply.has_result() ? 1 : 0;
      if (results % 100 == 0) most_waiting_ = std::max(most_waiting_, Metric("bayespfl_trace_queue_spans "));
    }
    writer.join();
    EXPECT_TRUE(stream->Finish().ok());
    return results;
  }

  // The sum of the series whose lines begin so.
  int64_t Metric(absl::string_view begin) const {
    int64_t sum = 0;
    const std::string page = server_->metrics();
    for (const absl::string_view line : absl::StrSplit(page, '\n')) {
      double value = 0;
      if (!absl::StartsWith(line, begin)) continue;
      EXPECT_TRUE(absl::SimpleAtod(line.substr(line.rfind(' ') + 1), &value)) << line;
      sum += static_cast<int64_t>(value);
    }
    return sum;
  }

  int64_t most_waiting_ = 0;
};

TEST_P(TraceLossTest, CostsNoFrameAndEverySpanIsCounted) {
  const std::unique_ptr<Collector> collector = GetParam().make();
  ServerConfig config = DefaultConfig();
  config.otlp_endpoint = absl::StrCat("http://127.0.0.1:", collector->port());
  config.trace_sample_ratio = 1;
  Start(config, Loader());

  EXPECT_EQ(RunFrames(), kFrames);
  EXPECT_LE(most_waiting_, kMostWaiting);
  EXPECT_GT(most_waiting_, 0);
  if (GetParam().again) {
    EXPECT_GT(Metric("bayespfl_trace_spans_dropped_total{reason=\"queue_full\"}"), 0);
  }
  const auto begin = std::chrono::steady_clock::now();
  server_->Shutdown();

  EXPECT_LT(std::chrono::steady_clock::now() - begin, kLongestStop);
  EXPECT_EQ(Metric("bayespfl_trace_spans_exported_total"), 0);
  EXPECT_EQ(Metric("bayespfl_trace_spans_dropped_total"), kSpans);
  EXPECT_EQ(Metric("bayespfl_trace_queue_spans "), 0);
  EXPECT_GT(Metric("bayespfl_trace_export_failures_total"), 0);
}

INSTANTIATE_TEST_SUITE_P(
    Collectors, TraceLossTest,
    ::testing::Values(LossCase{"AcceptsAndNeverAnswers", [] { return std::make_unique<DeafCollector>(true); }},
                      LossCase{"RefusesConnections", [] { return std::make_unique<DeafCollector>(false); }},
                      LossCase{"Answers503", [] { return std::make_unique<BusyCollector>(503, ""); }},
                      LossCase{"Answers429", [] { return std::make_unique<BusyCollector>(429, "30"); }},
                      LossCase{"Answers429ForAnHour", [] { return std::make_unique<BusyCollector>(429, "3600"); },
                               /*again=*/false},
                      LossCase{"Answers400", [] { return std::make_unique<BusyCollector>(400, ""); }, /*again=*/false}),
    [](const auto& loss) { return loss.param.name; });

}  // namespace
}  // namespace bayespfl::server
