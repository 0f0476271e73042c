#include "model/bench/measure.h"

#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "model/bench/bench_pictures.h"
#include "model/bench/resident_memory.h"
#include "model/bench/rooflines.h"
#include "model/detection/bayespfl_detector.h"
#include "model/detection/device.h"
#include "model/detection/stop_watch.h"
#include "model/network/flop_count.h"

namespace bayespfl {
namespace {

double ProcessorSeconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// What forms must agree on of a frame.
struct Answer {
  float score = 0;
  float map_score = 0;
  std::vector<float> map;  // unsmoothed
};

struct Outcome {
  BenchRun run;
  std::vector<Answer> answers;  // of each frame
};

// NaN differs by more than any number.
double Apart(float a, float b) {
  const double difference = std::abs(static_cast<double>(a) - static_cast<double>(b));
  return std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference;
}

// How much of one map's ups and downs the other has: 1 of the same; NaN where one of two different maps has none.
double Correlation(const std::vector<float>& a, const std::vector<float>& b) {
  if (a == b) return 1;
  const auto count = static_cast<double>(a.size());
  const double mean_a = std::accumulate(a.begin(), a.end(), 0.0) / count;
  const double mean_b = std::accumulate(b.begin(), b.end(), 0.0) / count;
  double both = 0;
  double squares_a = 0;
  double squares_b = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    both += (a[i] - mean_a) * (b[i] - mean_b);
    squares_a += (a[i] - mean_a) * (a[i] - mean_a);
    squares_b += (b[i] - mean_b) * (b[i] - mean_b);
  }
  return both / std::sqrt(squares_a * squares_b);
}

void Widen(const std::vector<Answer>& expected, const std::vector<Answer>& answers, Difference& difference) {
  for (size_t i = 0; i < answers.size(); ++i) {
    difference.score = std::max({difference.score, Apart(answers[i].score, expected[i].score),
                                 Apart(answers[i].map_score, expected[i].map_score)});
    for (size_t pixel = 0; pixel < answers[i].map.size(); ++pixel) {
      difference.map = std::max(difference.map, Apart(answers[i].map[pixel], expected[i].map[pixel]));
    }
    const double correlation = Correlation(answers[i].map, expected[i].map);
    // NaN is less than any number.
    if (!(correlation >= difference.map_correlation)) difference.map_correlation = correlation;
  }
}

// A batch through all three steps, one after the other, as Detector::Detect() does it.
absl::StatusOr<Outcome> RunBatch(const Detector& detector, const std::vector<RgbImage>& pictures,
                                 const BenchCase& wanted) {
  Outcome outcome;
  const double begin = ProcessorSeconds();
  std::vector<std::unique_ptr<const PreparedFrame>> prepared;
  std::vector<const PreparedFrame*> batch;
  for (int i = 0; i < wanted.frames; ++i) {
    auto frame = detector.Prepare(
        {.image = &pictures[static_cast<size_t>(i)], .object = kBenchObject, .seed = 0, .samples = wanted.samples});
    if (!frame.ok()) return frame.status();
    batch.push_back(frame->get());
    prepared.push_back(*std::move(frame));
  }
  StageSeconds& seconds = outcome.run.seconds;
  for (absl::StatusOr<ComputedFrame>& computed : detector.Compute(batch)) {
    if (!computed.ok()) return computed.status();
    outcome.answers.push_back({.map = computed->map.values});
    Detection detection = detector.Finish(*std::move(computed));
    outcome.answers.back().score = detection.score;
    outcome.answers.back().map_score = detection.map_score;
    // What the batch shares is each frame's; the rest is a frame's own.
    seconds.vision = detection.seconds.vision;
    seconds.prompts = detection.seconds.prompts;
    seconds.preprocess += detection.seconds.preprocess;
    seconds.detect += detection.seconds.detect;
    seconds.postprocess += detection.seconds.postprocess;
  }
  outcome.run.processor_seconds = ProcessorSeconds() - begin;
  return outcome;
}

// A package in every form that is measured. What differs in its prompts alone shares the weights.
class LoadedForms {
 public:
  absl::Status Load(ModelPackage& package, const std::vector<BenchCase>& cases) {
    const Precision own = package.config.precision;
    for (const BenchCase& wanted : cases) {
      if (Find(wanted.form) == nullptr) {
        package.config.precision = wanted.form.precision;
        const absl::Status status = LoadForm(package, wanted.form);
        package.config.precision = own;
        if (!status.ok()) return status;
      }
    }
    return absl::OkStatus();
  }

  const Detector& For(const BenchForm& form) const {
    const Entry& entry = *Find(form);
    return form.prompts == PromptForm::kShared ? *entry.shared : *entry.whole;
  }
  const std::vector<LoadResult>& loads() const { return loads_; }

 private:
  struct Entry {
    NetworkKernels kernels;
    Precision precision;
    std::unique_ptr<BayesPflDetector> shared;
    std::unique_ptr<BayesPflDetector> whole;
  };

  const Entry* Find(const BenchForm& form) const {
    const auto found = std::find_if(detectors_.begin(), detectors_.end(), [&](const Entry& entry) {
      return entry.kernels == form.kernels && entry.precision == form.precision;
    });
    return found == detectors_.end() ? nullptr : &*found;
  }

  absl::Status LoadForm(const ModelPackage& package, const BenchForm& form) {
    const std::optional<ResidentMemory> before = ReadResidentMemory();
    StopWatch watch;
    auto loaded =
        BayesPflDetector::Load(package, torch::kCPU, {.device = "cpu", .kernels = NetworkKernelsText(form.kernels)});
    if (!loaded.ok()) return loaded.status();
    LoadResult load = {.kernels = form.kernels, .precision = form.precision, .seconds = watch.Lap()};
    const std::optional<ResidentMemory> after = ReadResidentMemory();
    if (before.has_value() && after.has_value()) load.memory_growth = after->now - before->now;
    loads_.push_back(load);
    auto whole = (*loaded)->With(PromptForm::kWhole);
    detectors_.push_back({.kernels = form.kernels,
                          .precision = form.precision,
                          .shared = *std::move(loaded),
                          .whole = std::move(whole)});
    return absl::OkStatus();
  }

  std::vector<Entry> detectors_;
  std::vector<LoadResult> loads_;
};

absl::Status In(const BenchCase& measured, const absl::Status& status) {
  return {status.code(),
          absl::StrCat("batch ", measured.frames, ", R ", measured.samples, ", ",
                       PrecisionName(measured.form.precision), ", ", NetworkKernelsText(measured.form.kernels),
                       ", prompts ", PromptFormName(measured.form.prompts), ": ", status.message())};
}

class SizeBench {
 public:
  SizeBench(ModelPackage& package, const std::vector<BenchCase>& cases, MemoryWatch& memory,
            absl::FunctionRef<void()> on_run)
      : package_(package), cases_(cases), memory_(memory), on_run_(on_run) {}

  absl::StatusOr<SizeMeasurement> Run(const TurnLimits& limits) {
    if (absl::Status status = forms_.Load(package_, cases_); !status.ok()) return status;
    DrawPictures();
    result_.image_size = static_cast<int>(package_.config.image_size);
    result_.loads = forms_.loads();
    for (const BenchCase& wanted : cases_) {
      if (absl::Status status = WarmUp(wanted); !status.ok()) return In(wanted, status);
    }
    MakeGemms();
    const absl::StatusOr<int> turns =
        RunInTurns(cases_.size(), limits, absl::Now, [&](size_t i) { return RunOnce(i); });
    if (!turns.ok()) return turns.status();
    result_.turns = *turns;
    return SizeMeasurement{
        .result = std::move(result_), .model = forms_.For(cases_.front().form).info(), .tokens = tokens_};
  }

 private:
  void DrawPictures() {
    int most = 0;
    for (const BenchCase& wanted : cases_) most = std::max(most, wanted.frames);
    for (int i = 0; i < most; ++i) {
      pictures_.push_back(DrawBenchPicture(kBenchPictureWidth, kBenchPictureHeight, static_cast<uint32_t>(i)));
    }
  }

  // The first run of a case: what it gives and what it takes, but not how long.
  absl::Status WarmUp(const BenchCase& wanted) {
    const Detector& detector = forms_.For(wanted.form);
    absl::StatusOr<Outcome> outcome = absl::InternalError("not run");
    CaseResult result = {.measured = wanted};
    result.memory_growth = memory_.PeakGrowth([&] { outcome = RunBatch(detector, pictures_, wanted); });
    if (!outcome.ok()) return outcome.status();
    if (wanted.form == BenchForm()) expected_.push_back(outcome->answers);
    if (absl::Status status = CountTokens(detector); !status.ok()) return status;
    result.flop = CountFlop(
        package_.config,
        {.frames = wanted.frames, .samples = wanted.samples, .tokens = tokens_, .prompts = wanted.form.prompts});
    Widen(expected_.back(), outcome->answers, result.difference);
    expected_of_.push_back(expected_.size() - 1);
    result_.cases.push_back(std::move(result));
    on_run_();
    return absl::OkStatus();
  }

  absl::Status CountTokens(const Detector& detector) {
    if (tokens_ > 0) return absl::OkStatus();
    const auto prepared = detector.Prepare({.image = &pictures_.front(), .object = kBenchObject});
    if (!prepared.ok()) return prepared.status();
    tokens_ = static_cast<int64_t>(static_cast<const BayesPflFrame&>(**prepared).token_ids.size());
    return absl::OkStatus();
  }

  void MakeGemms() {
    const GemmShape shape = LargestGemm(package_.config);
    result_.gemm_rows = shape.rows;
    result_.gemm_in = shape.in;
    result_.gemm_out = shape.out;
    for (const LoadResult& load : result_.loads) {
      const bool is_there = std::any_of(result_.gemms.begin(), result_.gemms.end(), [&](const GemmResult& gemm) {
        return gemm.form == load.kernels.linear && gemm.precision == load.precision;
      });
      if (is_there) continue;
      result_.gemms.push_back({.form = load.kernels.linear, .precision = load.precision});
      gemms_.emplace_back(shape, load.kernels.linear, load.precision);
    }
  }

  void MeasureRooflines() {
    result_.peak.push_back(MeasurePeakRate());
    for (size_t i = 0; i < gemms_.size(); ++i) result_.gemms[i].rates.push_back(gemms_[i].MeasureRate());
  }

  // Case `i`; a turn begins with what it is compared with.
  absl::Status RunOnce(size_t i) {
    if (i == 0) MeasureRooflines();
    absl::StatusOr<Outcome> outcome = RunBatch(forms_.For(cases_[i].form), pictures_, cases_[i]);
    if (!outcome.ok()) return In(cases_[i], outcome.status());
    Widen(expected_[expected_of_[i]], outcome->answers, result_.cases[i].difference);
    result_.cases[i].runs.push_back(outcome->run);
    on_run_();
    return absl::OkStatus();
  }

  ModelPackage& package_;
  const std::vector<BenchCase>& cases_;
  MemoryWatch& memory_;
  const absl::FunctionRef<void()> on_run_;
  LoadedForms forms_;
  std::vector<RgbImage> pictures_;             // of the largest batch
  std::vector<std::vector<Answer>> expected_;  // the plain form's, for each batch and number of samples
  std::vector<size_t> expected_of_;            // which of them is each case's
  std::vector<Gemm> gemms_;
  int64_t tokens_ = 0;
  SizeResult result_;
};

}  // namespace

absl::StatusOr<SizeMeasurement> MeasureSize(ModelPackage& package, const std::vector<BenchCase>& cases,
                                            const TurnLimits& limits, MemoryWatch& memory,
                                            absl::FunctionRef<void()> on_run) {
  return SizeBench(package, cases, memory, on_run).Run(limits);
}

std::string LibraryText() { return ComputeKernels(torch::kCPU); }

}  // namespace bayespfl
