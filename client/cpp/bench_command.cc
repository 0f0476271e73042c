#include <cstdint>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/number_range.h"
#include "client/cpp/commands.h"
#include "client/cpp/connection.h"
#include "client/cpp/exit_codes.h"
#include "client/cpp/inputs.h"
#include "client/cpp/load.h"
#include "client/cpp/model_view.h"
#include "model/image/picture_flags.h"

namespace bayespfl::client {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kHighestRate = 100'000;
constexpr double kLongestSeconds = 86'400;
constexpr int kMostCameras = 512;
// A camera's frames are answered, not only taken: what is left over at the end of a trial is a share of them.
constexpr double kKeepsUp = 0.98;

struct BenchFlags {
  ConnectionFlags connection;
  std::vector<std::string> pictures;
  std::string category;
  std::optional<uint32_t> samples;
  std::string model;
  int significant_bits = 0;
  bool apply_orientation = false;
  int cameras = 1;
  size_t in_flight = 2;
  std::optional<double> rate;  // frames a second of each camera
  bool poisson = false;        // else regular
  std::optional<double> p99;   // milliseconds: search for the density
  double seconds = 10;
  double warm_up_seconds = 2;
  uint64_t seed = 0;
  bool json = false;
};

LoadOptions LoadOf(const BenchFlags& flags) {
  LoadOptions options;
  options.cameras = flags.cameras;
  options.in_flight = flags.in_flight;
  options.warm_up = absl::Seconds(flags.warm_up_seconds);
  options.duration = absl::Seconds(flags.seconds);
  options.frame_timeout = absl::Seconds(flags.connection.timeout_seconds);
  options.seed = flags.seed;
  options.significant_bits = flags.significant_bits;
  options.apply_orientation = flags.apply_orientation;
  if (flags.rate.has_value()) {
    options.arrivals = flags.poisson ? Arrivals::kPoisson : Arrivals::kRegular;
    options.rate = *flags.rate;
  }
  options.inspect_options.set_category(flags.category);
  if (flags.samples.has_value()) options.inspect_options.set_samples(*flags.samples);
  if (!flags.model.empty()) options.inspect_options.set_model(flags.model);
  return options;
}

double Milliseconds(absl::Duration time) { return absl::ToDoubleMilliseconds(time); }

Json ReportToJson(int cameras, const LoadReport& report) {
  Json latency = Json::object();
  for (const auto& [name, share] :
       {std::pair{"p50", 0.5}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}, {"p999", 0.999}, {"max", 1.0}}) {
    latency[name] = Milliseconds(report.Percentile(share));
  }
  Json errors = Json::object();
  for (const auto& [reason, count] : report.errors) errors[reason] = count;
  return {{"cameras", cameras},
          {"offered_per_second", report.offered},
          {"answered_per_second", report.answered},
          {"results", report.results},
          {"sent_again", report.sent_again},
          {"errors", std::move(errors)},
          {"latency_milliseconds", std::move(latency)}};
}

constexpr char kHeader[] =
    "cameras  offered/s  answered/s      p50      p90      p95      p99    p99.9      max ms  errors\n";

void PrintReport(int cameras, const LoadReport& report) {
  std::cout << absl::StrFormat("%7d  %9.2f  %10.2f %8.1f %8.1f %8.1f %8.1f %8.1f %8.1f     %d", cameras, report.offered,
                               report.answered, Milliseconds(report.Percentile(0.5)),
                               Milliseconds(report.Percentile(0.9)), Milliseconds(report.Percentile(0.95)),
                               Milliseconds(report.Percentile(0.99)), Milliseconds(report.Percentile(0.999)),
                               Milliseconds(report.Percentile(1)), report.failed());
  for (const auto& [reason, count] : report.errors) std::cout << "  " << reason << " " << count;
  std::cout << std::endl;
}

class Bench {
 public:
  Bench(const InspectionClient& client, const std::vector<std::string>& pictures, const BenchFlags& flags)
      : client_(client), pictures_(pictures), flags_(flags) {
    if (!flags.json) std::cout << kHeader;
  }

  // One load.
  absl::StatusOr<LoadReport> Measure(int cameras) {
    LoadOptions options = LoadOf(flags_);
    options.cameras = cameras;
    absl::StatusOr<LoadReport> report = RunLoad(client_, pictures_, options);
    if (!report.ok()) return report;
    failed_ += report->failed();
    if (flags_.json) {
      std::cout << JsonText(ReportToJson(cameras, *report)) << std::endl;
    } else {
      PrintReport(cameras, *report);
    }
    return report;
  }

  // The most cameras that hold rate and p99.
  absl::StatusOr<int> Density() {
    const double limit = flags_.p99.value_or(0);
    absl::StatusOr<int> density = LargestThatHolds(flags_.cameras, [&](int cameras) -> absl::StatusOr<bool> {
      const absl::StatusOr<LoadReport> report = Measure(cameras);
      if (!report.ok()) return report.status();
      return report->failed() == 0 && report->answered >= kKeepsUp * report->offered &&
             Milliseconds(report->Percentile(0.99)) <= limit;
    });
    failed_ = 0;  // beyond the density frames may well fail
    return density;
  }

  uint64_t failed() const { return failed_; }

 private:
  const InspectionClient& client_;
  const std::vector<std::string>& pictures_;
  const BenchFlags& flags_;
  uint64_t failed_ = 0;
};

int Search(const InspectionClient& client, Bench& bench, const BenchFlags& flags) {
  const absl::StatusOr<int> density = bench.Density();
  if (!density.ok()) return ReportServerError(client, density.status());
  if (flags.json) {
    std::cout << JsonText({{"density", *density},
                           {"rate", *flags.rate},
                           {"p99_milliseconds", *flags.p99},
                           {"most_tried", flags.cameras}})
              << std::endl;
    return kExitOk;
  }
  std::cout << absl::StrFormat("stream density: %d camera%s at %g frames/s each with p99 <= %g ms%s", *density,
                               *density == 1 ? "" : "s", *flags.rate, *flags.p99,
                               *density == flags.cameras ? " (the most that were tried; see --cameras)" : "")
            << std::endl;
  return kExitOk;
}

int RunBench(const BenchFlags& flags) {
  if (flags.p99.has_value() && !flags.rate.has_value()) {
    PrintError("--p99 asks how many cameras hold a rate: name the --rate");
    return kExitLocal;
  }
  if (flags.poisson && !flags.rate.has_value()) {
    PrintError("--poisson is about when frames come: name the --rate");
    return kExitLocal;
  }
  const auto inputs = CollectInputs(flags.pictures, flags.category, std::nullopt, std::nullopt);
  if (!inputs.ok()) {
    PrintError(inputs.status().message());
    return kExitLocal;
  }
  std::vector<std::string> pictures;
  if (const std::string left_out = inputs->left_out.Sentence(); !left_out.empty()) PrintError(left_out);
  for (const Input& input : inputs->inputs) {
    absl::StatusOr<std::string> bytes = LoadPicture(input);
    if (!bytes.ok()) {
      PrintError(bytes.status().message());
      return kExitLocal;
    }
    pictures.push_back(*std::move(bytes));
  }
  const std::unique_ptr<InspectionClient> client = Connect(flags.connection);
  if (client == nullptr) return kExitLocal;
  Bench bench(*client, pictures, flags);
  if (flags.p99.has_value()) return Search(*client, bench, flags);
  const absl::StatusOr<LoadReport> report = bench.Measure(flags.cameras);
  if (!report.ok()) return ReportServerError(*client, report.status());
  return bench.failed() > 0 ? kExitFrames : kExitOk;
}

}  // namespace

void AddBenchCommand(CLI::App& app, int& exit_code) {
  CLI::App* const command = app.add_subcommand("bench", "Measure how much a server answers, and how fast");
  command->footer(
      "Without --rate the loop is closed: each camera sends its next frame when one comes back, which shows the most "
      "that\nthe server can do. With --rate it is open: frames come when they come, and a frame's time counts from "
      "then. "
      "With\n--p99 too, the most cameras that hold both are searched for, up to --cameras.");
  const auto flags = std::make_shared<BenchFlags>();
  AddConnectionFlags(*command, flags->connection, "Longest wait for a frame");
  command->add_option("pictures", flags->pictures, "Pictures and folders, sent in turn")->required();
  command->add_option("--category", flags->category, "The product's id, for all pictures")->required();
  command->add_option("--samples", flags->samples, "Draws of the prompt distributions")
      ->check([](const std::string& text) { return CheckNumber(text, 1, 64); });
  command->add_option("--model", flags->model, "Which model");
  AddSignificantBits(*command, flags->significant_bits);
  AddApplyOrientation(*command, flags->apply_orientation);
  command->add_option("--cameras", flags->cameras, "Streams at once; with --p99 the most to try")
      ->check([](const std::string& text) { return CheckNumber(text, 1, kMostCameras); })
      ->capture_default_str();
  command->add_option("--in-flight", flags->in_flight, "Frames of one camera on their way")
      ->check([](const std::string& text) { return CheckNumber(text, 1, 1024); })
      ->capture_default_str();
  command->add_option("--rate", flags->rate, "Frames a second of each camera")->check([](const std::string& text) {
    return CheckNumber(text, 1e-3, kHighestRate);
  });
  command->add_flag("--poisson", flags->poisson, "They come at random, not regularly");
  command->add_option("--p99", flags->p99, "Milliseconds: how many cameras keep 99 of 100 frames within it?")
      ->check([](const std::string& text) { return CheckNumber(text, 1e-3, 1e9); });
  command->add_option("--seconds", flags->seconds, "How long each load is measured")
      ->check([](const std::string& text) { return CheckNumber(text, 0.1, kLongestSeconds); })
      ->capture_default_str();
  command->add_option("--warm-up", flags->warm_up_seconds, "Seconds before, which do not count")
      ->check([](const std::string& text) { return CheckNumber(text, 0, kLongestSeconds); })
      ->capture_default_str();
  command->add_option("--seed", flags->seed, "Of the moments at which frames come")->capture_default_str();
  command->add_flag("--json", flags->json, "Print one JSON object for each load");
  command->callback([flags, &exit_code] { exit_code = RunBench(*flags); });
}

}  // namespace bayespfl::client
