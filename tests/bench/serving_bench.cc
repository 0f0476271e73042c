// What the server itself costs: the real one, with a model that answers at once, under load from the C++ client over
// loopback. Not a test: ctest runs one tiny case of it. docs/performance.md says what the columns mean.
//
//   serving_bench [--pictures raw-64,raw-518,jpeg-2mp] [--calls unary,stream] [--callers 1,8,64] [--json FILE]
//   serving_bench --serve 50051    # the server alone, for other clients
//
// Exit codes: 0; 1 wrong usage, or it failed: standard error says why in a sentence; 2 a frame had no result.

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/files.h"
#include "model/bench/machine.h"
#include "tests/bench/bench_program.h"
#include "tests/bench/bench_server.h"
#include "tests/bench/serving_load.h"
#include "tests/bench/serving_report.h"

namespace bayespfl {
namespace {

constexpr int kFramesFailed = 2;
constexpr int kMostCallers = 256;  // as many streams as the server takes
constexpr double kLongestSeconds = 600;
constexpr double kLongestServing = 86'400;

struct Flags {
  std::vector<std::string> pictures = {kBenchPictures.begin(), kBenchPictures.end()};
  std::vector<std::string> calls = {"unary", "stream"};
  std::vector<int> callers = {1, 8, 64};
  size_t in_flight = 2;
  int map_side = 518;
  bool mask = false;
  double seconds = 2;
  double warm_up_seconds = 0.5;
  std::string json_file;
  std::optional<int> serve;  // the port
  double serve_seconds = 3600;
};

ServingLoadOptions LoadOf(const Flags& flags) {
  return {.warm_up = absl::Seconds(flags.warm_up_seconds),
          .duration = absl::Seconds(flags.seconds),
          .in_flight = flags.in_flight,
          .mask = flags.mask};
}

// In the order of the table.
std::vector<LoadCase> CasesOf(const Flags& flags, const std::vector<BenchPicture>& pictures) {
  std::vector<LoadCase> cases;
  for (const BenchPicture& picture : pictures) {
    for (const std::string& calls : flags.calls) {
      for (const int callers : flags.callers) {
        cases.push_back({.picture = &picture,
                         .calls = calls == CallKindName(CallKind::kUnary) ? CallKind::kUnary : CallKind::kStream,
                         .callers = callers});
      }
    }
  }
  return cases;
}

// Before the first case, so that minutes of work are not for nothing, and after each.
absl::Status Save(const Flags& flags, const ServingReport& report) {
  return flags.json_file.empty() ? absl::OkStatus() : WriteFile(flags.json_file, ServingJson(report));
}

// The server first: it needs a process without threads.
absl::StatusOr<int> Measure(const Flags& flags) {
  const Machine machine = ThisMachine();
  const absl::StatusOr<std::unique_ptr<BenchServer>> server = BenchServer::Start({.map_side = flags.map_side});
  if (!server.ok()) return server.status();
  std::vector<BenchPicture> pictures;
  for (const std::string& name : flags.pictures) {
    absl::StatusOr<BenchPicture> picture = MakeBenchPicture(name);
    if (!picture.ok()) return picture.status();
    pictures.push_back(*std::move(picture));
  }
  ServingReport report{
      .date = absl::Now(), .machine = machine, .map_side = flags.map_side, .options = LoadOf(flags), .cases = {}};
  if (absl::Status saved = Save(flags, report); !saved.ok()) return saved;
  PrintServingHeading(report, std::cout);
  uint64_t failed = 0;
  for (const LoadCase& load : CasesOf(flags, pictures)) {
    absl::StatusOr<ServingResult> result = RunCase(**server, load, report.options);
    if (!result.ok()) return result.status();
    failed += result->failed();
    report.cases.push_back({.load = load, .result = *std::move(result)});
    PrintServingCase(report.cases.back(), std::cout);
    if (absl::Status saved = Save(flags, report); !saved.ok()) return saved;
  }
  return failed == 0 ? EXIT_SUCCESS : kFramesFailed;
}

absl::StatusOr<int> Run(const Flags& flags) {
  if (!flags.serve.has_value()) return Measure(flags);
  if (absl::Status status =
          ServeHere({.port = *flags.serve, .map_side = flags.map_side}, absl::Seconds(flags.serve_seconds));
      !status.ok()) {
    return status;
  }
  return EXIT_SUCCESS;
}

void AddCases(CLI::App& app, Flags& flags) {
  app.add_option("--pictures", flags.pictures, "What is sent")
      ->delimiter(',')
      ->check(CLI::IsMember(std::vector<std::string>(kBenchPictures.begin(), kBenchPictures.end())))
      ->capture_default_str();
  app.add_option("--calls", flags.calls, "How: a call for each frame, or a stream")
      ->delimiter(',')
      ->check(CLI::IsMember(std::vector<std::string>{"unary", "stream"}))
      ->capture_default_str();
  app.add_option("--callers", flags.callers, "By how many at once, each over a connection of its own")
      ->delimiter(',')
      ->check(Between(1, kMostCallers))
      ->capture_default_str();
  app.add_option("--in-flight", flags.in_flight, "Frames of one stream on their way")
      ->check(Between(1, 1024))
      ->capture_default_str();
  app.add_flag("--mask", flags.mask, "Replies bring the mask as a PNG of the picture's size");
}

void AddFlags(CLI::App& app, Flags& flags) {
  AddCases(app, flags);
  app.add_option("--map-side", flags.map_side, "Pixels of the model's square map")
      ->check(Between(10, 4096))
      ->capture_default_str();
  app.add_option("--seconds", flags.seconds, "How long each case is measured")
      ->check(Between(0.01, kLongestSeconds))
      ->capture_default_str();
  app.add_option("--warm-up", flags.warm_up_seconds, "Seconds before, at least, which do not count")
      ->check(Between(0, kLongestSeconds))
      ->capture_default_str();
  CLI::Option* const json = app.add_option("--json", flags.json_file, "A file for everything");
  CLI::Option* const serve =
      app.add_option("--serve", flags.serve, "Measure nothing: serve on this port of 127.0.0.1, 0 for a free one")
          ->check(Between(0, 65535))
          ->excludes(json);
  app.add_option("--serve-seconds", flags.serve_seconds, "For how long at most")
      ->check(Between(0.1, kLongestServing))
      ->needs(serve)
      ->capture_default_str();
}

int Main(int argc, char** argv) {
  CLI::App app("Measures what the server itself costs, with a model that answers at once.", "serving_bench");
  Flags flags;
  AddFlags(app, flags);
  return RunBenchProgram(app, argc, argv, [&flags] { return Run(flags); });
}

}  // namespace
}  // namespace bayespfl

int main(int argc, char** argv) { return bayespfl::Main(argc, argv); }
