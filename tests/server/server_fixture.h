// A server with the stand-in model in the process of its tests.
#ifndef BAYESPFL_TESTS_SERVER_SERVER_FIXTURE_H_
#define BAYESPFL_TESTS_SERVER_SERVER_FIXTURE_H_

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "server/runtime/server.h"
#include "tests/server/fake_detector.h"

namespace bayespfl::server {

// Free ports of 127.0.0.1, batches of one frame, no delay before a stop.
ServerConfig TestConfig();

// A connection of its own, without TLS; takes replies of any size.
std::shared_ptr<grpc::Channel> Connect(const std::string& address);

class ServerTest : public ::testing::Test {
 protected:
  // Ends the server, which may use what derived fixtures hold.
  void TearDown() override;

  // Starts a server in place of the last one, and waits until its models are loaded. Errors: the start's, the load's.
  absl::Status TryStartServer(ServerOptions options, bool wait = true);
  // The same; an error fails the test.
  void StartServer(ServerOptions options, bool wait = true);

  // What the HTTP port answers, with this status if one is given; "no answer" if it does not.
  std::string Http(const std::string& path, std::optional<int> status = std::nullopt) const;

  // The value of a series of /metrics; -1 when there is none.
  double Value(const std::string& series) const;

  // Waits until a line of /metrics ends with this.
  void WaitForMetric(const std::string& end) const;

  const std::shared_ptr<FakeDetector> detector_ = std::make_shared<FakeDetector>();
  std::unique_ptr<InspectionServer> server_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_TESTS_SERVER_SERVER_FIXTURE_H_
