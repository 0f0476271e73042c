// A device against the CPU, and a batch against its frames alone: how far apart they are, and how fast the device is.
// Not a test: ctest does not run it, scripts/gpu-check.sh does.
//
//   device_bench compare DEVICE PRECISION,... MODEL PICTURE...
//   device_bench speed DEVICE PRECISION,... MODEL PICTURE...
//   device_bench graphs DEVICE PRECISION,... MODEL PICTURE...
//
// Prints a line for each precision, one JSON object. A picture's object is its folder's name. `compare` holds every
// precision against the CPU's fp32, and ends with 2 when a score or a pixel is further off than the precision allows.
// `speed` times Compute() alone, what a replica's thread does, up to the results in host memory; beside it, in turns,
// the largest matrix product of the vision tower at each batch, of operands of that precision. `graphs` holds batches
// that the device has recorded against the same ones in the ordinary way, and times both, in turns; it ends with 2 as
// `compare` does. Pictures that are neighbours and have one folder change places there from batch to batch.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/files.h"
#include "model/bench/bench_result.h"
#include "model/bench/rooflines.h"
#include "model/detection/bayespfl_detector.h"
#include "model/detection/device.h"
#include "model/detection/recorded_batches.h"
#include "model/image/decode.h"
#include "model/libtorch.h"
#include "model/network/flop_count.h"
#include "model/network/operand_type.h"
#include "model/package/model_package.h"
#include "model/package/precision.h"
#include "torch/cuda.h"

namespace bayespfl {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr int kBatches[] = {1, 8, 16, 32};
constexpr int kTurns = 5;
constexpr Clock::duration kTime = std::chrono::seconds(10);  // in each precision no turn begins later
constexpr size_t kLargestPicture = size_t{64} << 20;
constexpr int kTooFarApart = 2;
// The CPU's numbers that a device is held against: LibTorch's own operators, as the golden numbers are met.
constexpr char kPlainKernels[] = "linear=torch attention=torch maps=torch";

double Seconds(Clock::duration time) { return std::chrono::duration<double>(time).count(); }

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

using PreparedFrames = std::vector<std::unique_ptr<const PreparedFrame>>;
using Computed = std::vector<ComputedFrame>;

// `count` of the frames from `first` on, over and over.
absl::StatusOr<Computed> ComputeBatch(const Detector& detector, const PreparedFrames& frames, size_t count,
                                      size_t first = 0) {
  std::vector<const PreparedFrame*> batch;
  for (size_t i = 0; i < count; ++i) batch.push_back(frames[(first + i) % frames.size()].get());
  Computed computed;
  for (absl::StatusOr<ComputedFrame>& frame : detector.Compute(batch)) {
    if (!frame.ok()) return frame.status();
    computed.push_back(*std::move(frame));
  }
  return computed;
}

absl::StatusOr<Computed> ComputeAlone(const Detector& detector, const PreparedFrames& frames) {
  Computed all;
  for (size_t i = 0; i < frames.size(); ++i) {
    absl::StatusOr<Computed> one = ComputeBatch(detector, frames, 1, i);
    if (!one.ok()) return one.status();
    all.push_back(std::move(one->front()));
  }
  return all;
}

// NaN is further off than any number.
double Apart(float a, float b) {
  const double difference = std::abs(static_cast<double>(a) - static_cast<double>(b));
  return std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference;
}

// The largest of all frames; `expected` holds the same frames, over and over.
Difference Largest(const Computed& actual, const Computed& expected) {
  Difference largest;
  for (size_t i = 0; i < actual.size(); ++i) {
    const ComputedFrame& here = actual[i];
    const ComputedFrame& there = expected[i % expected.size()];
    largest.score = std::max({largest.score, Apart(here.score, there.score), Apart(here.score_std, there.score_std)});
    for (size_t pixel = 0; pixel < here.map.values.size(); ++pixel) {
      largest.map = std::max(largest.map, Apart(here.map.values[pixel], there.map.values[pixel]));
    }
  }
  return largest;
}

double Most(const Difference& difference) { return std::max(difference.score, difference.map); }

// How far a form of the precision may be from another, or from fp32: where a pixel has no line of its own, its score's.
Difference MostAllowed(Precision precision) {
  const Tolerance tolerance = ToleranceOf(precision);
  return {.score = tolerance.score, .map = tolerance.map.value_or(tolerance.score)};
}

bool Within(const Difference& difference, const Difference& allowed) {
  return difference.score <= allowed.score && difference.map <= allowed.map;
}

Json ToJson(const Difference& difference) {
  // JSON has no infinity.
  const auto finite = [](double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); };
  return {{"score", finite(difference.score)}, {"map", finite(difference.map)}};
}

// What the device does, in seconds.
Json ToJson(const StageSeconds& seconds) {
  return {{"vision", seconds.vision}, {"prompts", seconds.prompts}, {"detect", seconds.detect}};
}

class DeviceBench {
 public:
  // Loads the model on the device and reads the pictures.
  static absl::StatusOr<DeviceBench> Create(const std::string& device, Precision precision, const std::string& model,
                                            absl::Span<const std::string> pictures) {
    absl::StatusOr<torch::Device> place = ResolveDevice(device);
    if (!place.ok()) return place.status();
    absl::StatusOr<ModelPackage> package =
        ModelPackage::Open(model, {.ignore_calibration = true, .precision = precision});
    if (!package.ok()) return package.status();
    DeviceBench bench(*place, *std::move(package));
    auto detector = BayesPflDetector::Load(bench.package_, bench.device_, {});
    if (!detector.ok()) return detector.status();
    bench.detector_ = *std::move(detector);
    for (size_t i = 0; i < pictures.size(); ++i) {
      const size_t neighbour = std::min(i ^ 1U, pictures.size() - 1);
      if (absl::Status status = bench.Prepare(pictures[i], bench.frames_); !status.ok()) return status;
      if (absl::Status status = bench.Prepare(pictures[neighbour], bench.others_); !status.ok()) return status;
    }
    return bench;
  }

  // Each frame alone on the device: against the CPU, against itself again, and against its share of each batch.
  absl::StatusOr<int> Compare() const {
    const absl::StatusOr<ModelPackage> plain =
        ModelPackage::Open(package_.dir, {.ignore_calibration = true, .precision = Precision::kFp32});
    if (!plain.ok()) return plain.status();
    const auto cpu = BayesPflDetector::Load(*plain, torch::kCPU, {.device = "cpu", .kernels = kPlainKernels});
    if (!cpu.ok()) return cpu.status();
    const absl::StatusOr<Computed> expected = ComputeAlone(**cpu, frames_);
    if (!expected.ok()) return expected.status();
    const absl::StatusOr<Computed> alone = ComputeAlone(*detector_, frames_);
    if (!alone.ok()) return alone.status();
    const absl::StatusOr<Computed> again = ComputeAlone(*detector_, frames_);
    if (!again.ok()) return again.status();
    const Difference from_cpu = Largest(*alone, *expected);
    const Difference from_itself = Largest(*again, *alone);
    const Difference allowed = MostAllowed(package_.config.precision);
    bool agrees = Within(from_cpu, allowed) && Most(from_itself) == 0;
    Json batches = Json::array();
    for (const int batch : kBatches) {
      const absl::StatusOr<Computed> together = ComputeBatch(*detector_, frames_, static_cast<size_t>(batch));
      if (!together.ok()) return together.status();
      const Difference difference = Largest(*together, *alone);
      agrees = agrees && Within(difference, allowed);
      batches.push_back({{"batch", batch}, {"from_alone", ToJson(difference)}});
    }
    Print({{"tolerance", ToJson(allowed)},
           {"frames", frames_.size()},
           {"agrees", agrees},
           {"from_cpu", ToJson(from_cpu)},
           {"alone_again", ToJson(from_itself)},
           {"batches", std::move(batches)}});
    return agrees ? EXIT_SUCCESS : kTooFarApart;
  }

  absl::StatusOr<int> Speed() const {
    constexpr size_t kCases = std::size(kBatches);
    std::vector<std::vector<double>> seconds(kCases);
    std::vector<std::vector<double>> gemm_rates(kCases);
    std::vector<StageSeconds> stages(kCases);  // of the last turn
    const Clock::time_point begin = Clock::now();
    for (int turn = -1; turn < kTurns; ++turn) {  // the first one warms up
      if (turn > 0 && Clock::now() - begin > kTime) break;
      for (size_t i = 0; i < kCases; ++i) {
        const auto count = static_cast<size_t>(kBatches[i]);
        const double rate = GemmRate(kBatches[i]);
        const Clock::time_point start = Clock::now();
        const absl::StatusOr<Computed> computed = ComputeBatch(*detector_, frames_, count);
        const double taken = Seconds(Clock::now() - start);
        if (!computed.ok()) return computed.status();
        if (turn < 0) continue;
        seconds[i].push_back(taken);
        stages[i] = computed->front().seconds;
        gemm_rates[i].push_back(rate);
      }
    }
    Json batches = Json::array();
    for (size_t i = 0; i < kCases; ++i) {
      batches.push_back(BatchJson(kBatches[i], seconds[i], Median(gemm_rates[i])));
      batches.back()["stages"] = ToJson(stages[i]);
    }
    Print({{"turns", seconds[0].size()}, {"batches", std::move(batches)}});
    return EXIT_SUCCESS;
  }

  absl::StatusOr<int> Graphs() const {
    Json notices = Json::array();
    const auto recorded = BayesPflDetector::Load(
        package_, device_, {.recorded_batches = std::size(kBatches), .notice = [&](const std::string& sentence) {
                              notices.push_back(sentence);
                            }});
    if (!recorded.ok()) return recorded.status();
    Difference largest;
    Json batches = Json::array();
    for (const int batch : kBatches) {
      std::vector<double> seconds;
      std::vector<double> recorded_seconds;
      for (int turn = -RecordedBatches::kBatchesBefore - 2; turn < kTurns; ++turn) {  // the first ones make it
        const PreparedFrames& frames = turn % 2 == 0 ? frames_ : others_;
        const auto count = static_cast<size_t>(batch);
        const Clock::time_point start = Clock::now();
        const absl::StatusOr<Computed> expected = ComputeBatch(*detector_, frames, count);
        const Clock::time_point between = Clock::now();
        const absl::StatusOr<Computed> computed = ComputeBatch(**recorded, frames, count);
        const Clock::time_point end = Clock::now();
        if (!expected.ok()) return expected.status();
        if (!computed.ok()) return computed.status();
        const Difference difference = Largest(*computed, *expected);
        largest.score = std::max(largest.score, difference.score);
        largest.map = std::max(largest.map, difference.map);
        if (turn < 0) continue;
        seconds.push_back(Seconds(between - start));
        recorded_seconds.push_back(Seconds(end - between));
      }
      batches.push_back(
          {{"batch", batch}, {"seconds", Median(seconds)}, {"recorded_seconds", Median(recorded_seconds)}});
    }
    const bool agrees = Within(largest, MostAllowed(package_.config.precision));
    Print({{"replays", (*recorded)->replays()},
           {"notices", std::move(notices)},
           {"agrees", agrees},
           {"largest", ToJson(largest)},
           {"batches", std::move(batches)}});
    return agrees ? EXIT_SUCCESS : kTooFarApart;
  }

 private:
  DeviceBench(torch::Device device, ModelPackage package) : device_(device), package_(std::move(package)) {}

  absl::Status Prepare(const std::string& file, PreparedFrames& to) {
    const absl::StatusOr<std::string> bytes = ReadFile(file, kLargestPicture);
    if (!bytes.ok()) return bytes.status();
    const absl::StatusOr<RgbImage> picture =
        DecodeImage({reinterpret_cast<const uint8_t*>(bytes->data()), bytes->size()});
    if (!picture.ok()) return {picture.status().code(), absl::StrCat(file, ": ", picture.status().message())};
    auto frame = detector_->Prepare({.image = &*picture,
                                     .object = std::filesystem::path(file).parent_path().filename().string(),
                                     .seed = frames_.size() + others_.size(),
                                     .samples = package_.config.samples});
    if (!frame.ok()) return frame.status();
    const auto tokens = static_cast<int64_t>(static_cast<const BayesPflFrame&>(**frame).token_ids.size());
    const int64_t flop =
        CountFlop(package_.config,
                  {.samples = package_.config.samples, .tokens = tokens, .prompts = PromptForm::kShared})
            .total();
    if (&to == &frames_) flop_.push_back(flop);
    to.push_back(*std::move(frame));
    return absl::OkStatus();
  }

  void Wait() const {
    if (device_.is_cuda()) torch::cuda::synchronize(device_.index());
  }

  // Of the vision tower's largest product for so many frames, in operations a second.
  double GemmRate(int batch) const {
    constexpr double kLeastSeconds = 0.05;
    const c10::InferenceMode inference;
    GemmShape shape = LargestGemm(package_.config);
    shape.rows *= batch;
    const auto options = torch::TensorOptions(device_).dtype(OperandType(package_.config.precision));
    const torch::Tensor x = torch::randn({shape.rows, shape.in}, options);
    const torch::Tensor weight = torch::randn({shape.out, shape.in}, options);
    const torch::Tensor bias = torch::randn({shape.out}, options);
    torch::linear(x, weight, bias);
    Wait();
    int calls = 0;
    double seconds = 0;
    for (int more = 1; seconds < kLeastSeconds; more *= 2) {
      const Clock::time_point start = Clock::now();
      for (int i = 0; i < more; ++i) torch::linear(x, weight, bias);
      Wait();
      seconds += Seconds(Clock::now() - start);
      calls += more;
    }
    return calls * shape.flop() / seconds;
  }

  Json BatchJson(int batch, const std::vector<double>& seconds, double gemm_rate) const {
    int64_t flop = 0;
    for (size_t i = 0; i < static_cast<size_t>(batch); ++i) flop += flop_[i % flop_.size()];
    const double median = Median(seconds);
    const double rate = static_cast<double>(flop) / median;
    return {{"batch", batch},
            {"frames_per_second", batch / median},
            {"seconds", median},
            {"of_each_turn", seconds},
            {"flop_per_second", rate},
            {"gemm_flop_per_second", gemm_rate},
            {"gemm_share", rate / gemm_rate}};
  }

  void Print(const Json& results) const {
    const ModelInfo& info = detector_->info();
    Json json = {{"device", info.device},
                 {"kernels", info.kernels},
                 {"precision", info.precision},
                 {"model", info.version},
                 {"samples", package_.config.samples}};
    json.update(results);
    std::cout << json.dump() << std::endl;
  }

  torch::Device device_;
  ModelPackage package_;
  std::unique_ptr<Detector> detector_;
  PreparedFrames frames_;
  PreparedFrames others_;      // in the same shape
  std::vector<int64_t> flop_;  // of each frame
};

absl::StatusOr<int> RunIn(absl::string_view precision, absl::Span<const std::string> arguments) {
  const absl::StatusOr<Precision> parsed = ParsePrecision(precision);
  if (!parsed.ok()) return parsed.status();
  absl::StatusOr<DeviceBench> bench = DeviceBench::Create(arguments[1], *parsed, arguments[3], arguments.subspan(4));
  if (!bench.ok()) return bench.status();
  if (arguments[0] == "graphs") return bench->Graphs();
  return arguments[0] == "compare" ? bench->Compare() : bench->Speed();
}

int Run(absl::Span<const std::string> arguments) {
  if (arguments.size() < 5 || (arguments[0] != "compare" && arguments[0] != "speed" && arguments[0] != "graphs")) {
    std::cerr << "usage: device_bench compare|speed|graphs DEVICE PRECISION,... MODEL PICTURE...\n";
    return EXIT_FAILURE;
  }
  int worst = EXIT_SUCCESS;
  for (const absl::string_view precision : absl::StrSplit(arguments[2], ',')) {
    const absl::StatusOr<int> exit_code = RunIn(precision, arguments);
    if (!exit_code.ok()) {
      std::cerr << "device_bench: " << exit_code.status().message() << "\n";
      return EXIT_FAILURE;
    }
    worst = std::max(worst, *exit_code);
  }
  return worst;
}

}  // namespace
}  // namespace bayespfl

int main(int argc, char** argv) { return bayespfl::Run(std::vector<std::string>(argv + 1, argv + argc)); }
