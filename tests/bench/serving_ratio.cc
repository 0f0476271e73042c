// What a server leaves of a model's speed: the same pictures in turns without a server, one after the other in one
// process, and through the real server over loopback, from several streams at once. docs/performance.md says what the
// columns mean.
//
//   serving_ratio --model assets/demo/model --category leather assets/demo/images/leather [--json FILE]
//
// Exit codes: 0; 1 wrong usage, or it failed: standard error says why in a sentence; 2 a frame had no result.

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/files.h"
#include "model/bench/machine.h"
#include "model/image/picture_files.h"
#include "tests/bench/bench_program.h"
#include "tests/bench/bench_server.h"
#include "tests/bench/inspector_loop.h"
#include "tests/bench/ratio_report.h"
#include "tests/bench/serving_load.h"

namespace bayespfl {
namespace {

constexpr int kFramesFailed = 2;

struct Flags {
  std::string model;
  std::string category;
  std::vector<std::string> pictures;
  int replicas = 1;
  int streams = 8;
  size_t in_flight = 2;
  bool mask = false;
  int turns = 10;
  double seconds = 3;
  double warm_up_seconds = 0.5;
  std::string json_file;
};

absl::StatusOr<std::vector<std::string>> ReadPictures(const Flags& flags) {
  const absl::StatusOr<FoundPictures> found = FindPictureFiles(flags.pictures);
  if (!found.ok()) return found.status();
  std::vector<std::string> pictures;
  for (const PictureFile& file : found->files) {
    absl::StatusOr<std::string> bytes = ReadPictureFile(file.path);
    if (!bytes.ok()) return bytes.status();
    pictures.push_back(*std::move(bytes));
  }
  return pictures;
}

BenchPicture ToSend(const std::vector<std::string>& pictures) {
  BenchPicture picture{.name = "files", .images = {}};
  for (const std::string& bytes : pictures) picture.images.emplace_back().set_encoded(bytes);
  return picture;
}

// Before the first turn, so that minutes of work are not for nothing, and after each.
absl::Status Save(const Flags& flags, const RatioReport& report) {
  return flags.json_file.empty() ? absl::OkStatus() : WriteFile(flags.json_file, RatioJson(report));
}

// One after the other, so that neither waits for the other; which is first changes from turn to turn.
absl::StatusOr<RatioTurn> TakeTurn(const InspectorLoop& loop, const BenchServer& server, const LoadCase& load,
                                   const ServingLoadOptions& options, bool server_first) {
  RatioTurn turn;
  for (const bool served : {server_first, !server_first}) {
    if (served) {
      absl::StatusOr<ServingResult> result = RunCase(server, load, options);
      if (!result.ok()) return result.status();
      turn.served = *std::move(result);
    } else {
      absl::StatusOr<InspectorLoop::Result> result = loop.Run(options.warm_up, options.duration);
      if (!result.ok()) return result.status();
      turn.alone = *result;
    }
  }
  if (turn.served.frames == 0 && turn.served.failed() == 0) {
    return absl::DeadlineExceededError("no frame was answered in --seconds: give them more");
  }
  return turn;
}

// The processes first: they need one without threads.
absl::StatusOr<int> Run(const Flags& flags) {
  const Machine machine = ThisMachine();
  absl::StatusOr<std::vector<std::string>> pictures = ReadPictures(flags);
  if (!pictures.ok()) return pictures.status();
  const absl::StatusOr<std::unique_ptr<BenchServer>> server =
      BenchServer::Start({.model = flags.model, .replicas = flags.replicas});
  if (!server.ok()) return server.status();
  const BenchPicture picture = ToSend(*pictures);
  const absl::StatusOr<std::unique_ptr<InspectorLoop>> loop = InspectorLoop::Start(
      {.model = flags.model, .category = flags.category, .pictures = *std::move(pictures), .mask = flags.mask});
  if (!loop.ok()) return loop.status();
  RatioReport report{.date = absl::Now(),
                     .machine = machine,
                     .model = flags.model,
                     .pictures = picture.images.size(),
                     .picture_bytes = BytesOf(picture),
                     .replicas = flags.replicas,
                     .streams = flags.streams,
                     .options = {.warm_up = absl::Seconds(flags.warm_up_seconds),
                                 .duration = absl::Seconds(flags.seconds),
                                 .in_flight = flags.in_flight,
                                 .mask = flags.mask,
                                 .category = flags.category},
                     .turns = {}};
  if (absl::Status saved = Save(flags, report); !saved.ok()) return saved;
  PrintRatioHeading(report, std::cout);
  const LoadCase load{.picture = &picture, .calls = CallKind::kStream, .callers = flags.streams};
  for (int i = 0; i < flags.turns; ++i) {
    absl::StatusOr<RatioTurn> turn = TakeTurn(**loop, **server, load, report.options, /*server_first=*/i % 2 == 1);
    if (!turn.ok()) return turn.status();
    if (turn->served.failed() > 0) {
      std::cerr << "serving_ratio: " << turn->served.failed()
                << " frames had no result: " << turn->served.errors.begin()->first << std::endl;
      return kFramesFailed;
    }
    report.turns.push_back(*std::move(turn));
    PrintRatioTurn(report, std::cout);
    if (absl::Status saved = Save(flags, report); !saved.ok()) return saved;
  }
  PrintRatioMedians(report, std::cout);
  return EXIT_SUCCESS;
}

void AddFlags(CLI::App& app, Flags& flags) {
  app.add_option("pictures", flags.pictures, "Encoded pictures and folders of them, sent in turn")->required();
  app.add_option("--model", flags.model, "The package's folder")->required();
  app.add_option("--category", flags.category, "The product's id, for all pictures")->required();
  app.add_option("--replicas", flags.replicas, "The server's setting; they share the processors")
      ->check(Between(1, 64))
      ->capture_default_str();
  app.add_option("--streams", flags.streams, "To the server, each over a connection of its own")
      ->check(Between(1, 256))
      ->capture_default_str();
  app.add_option("--in-flight", flags.in_flight, "Frames of one stream on their way")
      ->check(Between(1, 1024))
      ->capture_default_str();
  app.add_flag("--mask", flags.mask, "Each picture gives its mask as a PNG of its size");
  app.add_option("--turns", flags.turns, "How often both are measured")->check(Between(1, 1000))->capture_default_str();
  app.add_option("--seconds", flags.seconds, "How long each is measured in a turn")
      ->check(Between(0.01, 600))
      ->capture_default_str();
  app.add_option("--warm-up", flags.warm_up_seconds, "Seconds before, at least, which do not count")
      ->check(Between(0, 600))
      ->capture_default_str();
  app.add_option("--json", flags.json_file, "A file for everything");
}

int Main(int argc, char** argv) {
  CLI::App app("Measures what a server leaves of a model's speed.", "serving_ratio");
  Flags flags;
  AddFlags(app, flags);
  return RunBenchProgram(app, argc, argv, [&flags] { return Run(flags); });
}

}  // namespace
}  // namespace bayespfl

int main(int argc, char** argv) { return bayespfl::Main(argc, argv); }
