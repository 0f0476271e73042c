#include "tests/bench/bench_server.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/pipeline/replica.h"
#include "server/runtime/server.h"
#include "tests/bench/instant_detector.h"

namespace bayespfl {
namespace {

using server::InspectionServer;

constexpr absl::Duration kStartPatience = absl::Seconds(60);

absl::StatusOr<std::unique_ptr<InspectionServer>> StartServer(const BenchServerOptions& options) {
  server::ServerConfig config;
  config.device = "cpu";  // what goes by the device is as for a model on the processor
  config.port = options.port;
  config.http_port = 0;
  config.drain_delay_seconds = 0;
  config.drain_timeout_seconds = 5;
  config.model = options.model;
  config.replicas = options.replicas;
  server::ModelLoader loader;
  if (options.model.empty()) {
    const auto detector = std::make_shared<InstantDetector>(options.map_side);
    const auto count = static_cast<size_t>(options.replicas);
    loader = [detector, count](const std::string& /*package_dir*/) -> absl::StatusOr<server::Replicas> {
      return server::MakeReplicas(detector, [detector] { return detector; }, count);
    };
  }
  absl::StatusOr<std::unique_ptr<InspectionServer>> started =
      InspectionServer::Start({.config = config, .loader = loader, .logger = nullptr});
  if (!started.ok()) return started;
  if (absl::Status loaded = (*started)->WaitUntilLoaded(); !loaded.ok()) return loaded;
  return started;
}

// Whether one comes within `time`. They must be blocked in every thread.
bool WaitForSignal(const sigset_t& signals, absl::Duration time) {
  const absl::Time end = absl::Now() + time;
  for (;;) {
    const timespec left = absl::ToTimespec(std::max(absl::ZeroDuration(), end - absl::Now()));
    if (sigtimedwait(&signals, nullptr, &left) >= 0) return true;
    if (errno != EINTR) return false;
  }
}

// What the child does: tells its port, and serves until its parent is gone.
absl::Status ServeForParent(const BenchServerOptions& options, const ProcessChannel& parent) {
  const absl::StatusOr<std::unique_ptr<InspectionServer>> started = StartServer(options);
  if (!started.ok()) return started.status();
  if (!parent.Send((*started)->port()).ok()) return absl::OkStatus();
  (void)parent.Receive<char>();
  (*started)->Shutdown();
  return absl::OkStatus();
}

}  // namespace

absl::Status ServeHere(const BenchServerOptions& options, absl::Duration time) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // the server's threads inherit it
  const absl::StatusOr<std::unique_ptr<InspectionServer>> started = StartServer(options);
  if (!started.ok()) return started.status();
  std::cout << "serving the category \"" << kInstantCategory << "\" on " << (*started)->grpc_address()
            << ", metrics on http://" << (*started)->http_address() << "/metrics, for at most "
            << absl::FormatDuration(time) << std::endl;
  WaitForSignal(signals, time);
  (*started)->Shutdown();
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<BenchServer>> BenchServer::Start(const BenchServerOptions& options) {
  absl::StatusOr<std::unique_ptr<ChildProcess>> process = ChildProcess::Start(
      "the server", [&options](const ProcessChannel& parent) { return ServeForParent(options, parent); });
  if (!process.ok()) return process.status();
  const absl::StatusOr<int> port = (*process)->channel().Receive<int>(kStartPatience);
  if (!port.ok()) return absl::UnavailableError("the server did not start");
  return std::unique_ptr<BenchServer>(new BenchServer(*std::move(process), *port));
}

std::string BenchServer::address() const { return absl::StrCat("127.0.0.1:", port_); }

}  // namespace bayespfl
