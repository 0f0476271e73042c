#include "server/program/serve.h"

#include <cstdlib>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "server/pipeline/served_model.h"
#include "server/program/announcer.h"
#include "server/program/signal_thread.h"
#include "server/runtime/component_options.h"
#include "server/runtime/server.h"

namespace bayespfl::server {
namespace {

SignalActions ActionsOf(InspectionServer& server, const ServerConfig& config, Announcer& announcer) {
  return {.on_signal = [&server](const ReceivedSignal& signal) { server.Audit(signal); },
          .reload = [&server] { server.Reload(); },
          .stop = [&server] { server.RequestStop(); },
          .leave = [&announcer](int signal) { announcer.Leave(128 + signal); },
          .give_up =
              [&announcer] {
                announcer.LastWords("the server cannot stop",
                                    absl::DeadlineExceededError(
                                        "something did not end within drain_timeout_seconds; leaving it behind"));
                announcer.Leave(EXIT_FAILURE);
              },
          .patience = LongestStop(config)};
}

void TellPorts(const InspectionServer& server, Announcer& announcer) {
  announcer.Listening("gRPC", server.grpc_address());
  announcer.Listening("HTTP", server.http_address());
  if (!server.admin_address().empty()) announcer.Listening("administration", server.admin_address());
}

void TellReady(const InspectionServer& server, Announcer& announcer) {
  const std::shared_ptr<const ServedModel> model = server.model();  // held: a reload may replace it meanwhile
  const ModelInfo& info = model->info();
  const std::string name = absl::StrCat(info.name, " ", info.version);
  announcer.Tell(absl::StrCat("ready (model ", name, " on ", info.device, ")"), "the server is ready",
                 {{"model", name}, {"device", info.device}});
}

}  // namespace

int Serve(const CommandLine& command_line, const SettingsReader& read_settings, const Logger& logger) {
  Announcer announcer(logger);
  absl::StatusOr<std::unique_ptr<InspectionServer>> started =
      InspectionServer::Start({.config = command_line.config,
                               .loader = nullptr,
                               .logger = logger,
                               .settings = command_line.settings,
                               .config_file = command_line.config_file,
                               .read_settings = read_settings});
  if (!started.ok()) return announcer.Fail(started.status());
  InspectionServer& server = **started;
  const SignalThread signals(ActionsOf(server, command_line.config, announcer));
  TellPorts(server, announcer);

  const absl::Status loaded = server.WaitUntilLoaded();
  if (loaded.ok()) {
    TellReady(server, announcer);
    server.WaitForStopRequest();
  } else if (!absl::IsCancelled(loaded)) {
    const int exit_code =
        announcer.Fail(absl::Status(loaded.code(), absl::StrCat("cannot use the model: ", loaded.message())));
    server.Shutdown();  // may take its time, so while `signals` can still end it
    return exit_code;
  }
  announcer.Tell("stopping", "the server stops");
  server.Shutdown();
  announcer.Tell("stopped", "the server has stopped");
  return EXIT_SUCCESS;
}

}  // namespace bayespfl::server
