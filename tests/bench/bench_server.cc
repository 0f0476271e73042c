#include "tests/bench/bench_server.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
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
constexpr absl::Duration kStopPatience = absl::Seconds(10);

absl::StatusOr<std::unique_ptr<InspectionServer>> StartServer(const BenchServerOptions& options) {
  server::ServerConfig config;
  config.device = "cpu";  // what goes by the device is as for a model on the processor
  config.port = options.port;
  config.http_port = 0;
  config.drain_delay_seconds = 0;
  config.drain_timeout_seconds = 5;
  const auto detector = std::make_shared<InstantDetector>(options.map_side);
  const auto loader = [detector](const std::string& /*package_dir*/) -> absl::StatusOr<server::Replicas> {
    return server::MakeReplicas(detector, [detector] { return detector; }, /*count=*/1);
  };
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

// What the child does: tells its port, or 0, and serves until the other end of `alive` is closed.
[[noreturn]] void ServeForParent(const BenchServerOptions& options, const Descriptor& told, const Descriptor& alive) {
  std::signal(SIGINT, SIG_IGN);  // of the terminal: the parent's to end on
  int port = 0;
  absl::StatusOr<std::unique_ptr<InspectionServer>> started = StartServer(options);
  if (started.ok()) {
    port = (*started)->port();
  } else {
    std::cerr << "serving_bench: the server: " << started.status().message() << std::endl;
  }
  if (write(told.get(), &port, sizeof(port)) == sizeof(port) && started.ok()) {
    char nothing = 0;
    while (read(alive.get(), &nothing, 1) < 0 && errno == EINTR) continue;
    (*started)->Shutdown();
    started->reset();
  }
  std::_Exit(started.ok() ? EXIT_SUCCESS : EXIT_FAILURE);  // what was buffered before the fork is the parent's to write
}

struct Pipe {
  Descriptor out;  // to read
  Descriptor in;
};

absl::StatusOr<Pipe> MakePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "cannot make a pipe");
  return Pipe{.out = Descriptor(ends[0]), .in = Descriptor(ends[1])};
}

// 0: the server could not start, or takes too long.
int ReadPort(const Descriptor& told) {
  pollfd readable{.fd = told.get(), .events = POLLIN, .revents = 0};
  int port = 0;
  if (poll(&readable, 1, static_cast<int>(absl::ToInt64Milliseconds(kStartPatience))) <= 0) return 0;
  return read(told.get(), &port, sizeof(port)) == sizeof(port) ? port : 0;
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
  absl::StatusOr<Pipe> told = MakePipe();
  if (!told.ok()) return told.status();
  absl::StatusOr<Pipe> alive = MakePipe();
  if (!alive.ok()) return alive.status();
  const pid_t process = fork();
  if (process < 0) return absl::ErrnoToStatus(errno, "cannot start a process for the server");
  if (process == 0) {
    alive->in = Descriptor();
    ServeForParent(options, told->in, alive->out);
  }
  told->in = Descriptor();
  const int port = ReadPort(told->out);
  std::unique_ptr<BenchServer> server(new BenchServer(process, port, std::move(alive->in)));
  if (port == 0) return absl::UnavailableError("the server did not start");
  return server;
}

BenchServer::BenchServer(pid_t process, int port, Descriptor keep_alive)
    : process_(process), port_(port), keep_alive_(std::move(keep_alive)) {}

BenchServer::~BenchServer() {
  keep_alive_ = Descriptor();
  const absl::Time end = absl::Now() + kStopPatience;
  while (waitpid(process_, nullptr, WNOHANG) == 0) {
    if (absl::Now() > end) {
      kill(process_, SIGKILL);
      waitpid(process_, nullptr, 0);
      return;
    }
    absl::SleepFor(absl::Milliseconds(10));
  }
}

std::string BenchServer::address() const { return absl::StrCat("127.0.0.1:", port_); }

}  // namespace bayespfl
