#include "tests/server/server_fixture.h"

#include "base/http_library.h"

#include <cstddef>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/server/until.h"

namespace bayespfl::server {

ServerConfig TestConfig() {
  ServerConfig config;
  config.port = 0;
  config.http_port = 0;
  config.max_batch = 1;
  config.drain_delay_seconds = 0;
  return config;
}

std::shared_ptr<grpc::Channel> Connect(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

void ServerTest::TearDown() {
  detector_->Release();
  server_.reset();
}

absl::Status ServerTest::TryStartServer(ServerOptions options, bool wait) {
  server_.reset();
  absl::StatusOr<std::unique_ptr<InspectionServer>> server = InspectionServer::Start(std::move(options));
  if (!server.ok()) return server.status();
  server_ = *std::move(server);
  return wait ? server_->WaitUntilLoaded() : absl::OkStatus();
}

void ServerTest::StartServer(ServerOptions options, bool wait) {
  const absl::Status started = TryStartServer(std::move(options), wait);
  ASSERT_TRUE(started.ok()) << started;
}

std::string ServerTest::Http(const std::string& path, std::optional<int> status) const {
  const httplib::Result result = httplib::Client("127.0.0.1", server_->http_port()).Get(path);
  if (!result) return "no answer";
  if (status.has_value()) {
    EXPECT_EQ(result->status, *status) << path;
  }
  return result->body;
}

double ServerTest::Value(const std::string& series) const {
  const std::string page = server_->metrics();
  const std::string begin = absl::StrCat("\n", series, " ");
  const size_t at = page.find(begin);
  return at == std::string::npos ? -1 : std::stod(page.substr(at + begin.size()));
}

void ServerTest::WaitForMetric(const std::string& end) const {
  EXPECT_TRUE(Eventually([&] { return absl::StrContains(Http("/metrics"), absl::StrCat(end, "\n")); }))
      << end << "\n"
      << Http("/metrics");
}

}  // namespace bayespfl::server
