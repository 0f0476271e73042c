#include "model/bench/bench_result.h"

#include <algorithm>

namespace bayespfl {
namespace {

// The median over the runs of what `value` takes from each.
template <typename Value>
double MedianOf(const std::vector<BenchRun>& runs, Value value) {
  std::vector<double> values;
  for (const BenchRun& run : runs) values.push_back(value(run));
  return Median(std::move(values));
}

StageSeconds MedianSeconds(const std::vector<BenchRun>& runs) {
  const auto median = [&](double StageSeconds::* stage) {
    return MedianOf(runs, [&](const BenchRun& run) { return run.seconds.*stage; });
  };
  return {.preprocess = median(&StageSeconds::preprocess),
          .vision = median(&StageSeconds::vision),
          .prompts = median(&StageSeconds::prompts),
          .detect = median(&StageSeconds::detect),
          .postprocess = median(&StageSeconds::postprocess)};
}

PerStage Quotient(const PerStage& a, const PerStage& b) {
  return {.vision = a.vision / b.vision,
          .prompts = a.prompts / b.prompts,
          .detect = a.detect / b.detect,
          .total = a.total / b.total};
}

PerStage Scaled(const PerStage& a, double factor) {
  return {.vision = a.vision * factor,
          .prompts = a.prompts * factor,
          .detect = a.detect * factor,
          .total = a.total * factor};
}

PerStage SecondsOf(const StageSeconds& seconds) {
  return {
      .vision = seconds.vision, .prompts = seconds.prompts, .detect = seconds.detect, .total = TotalSeconds(seconds)};
}

PerStage FlopOf(const FlopCount& flop) {
  return {.vision = static_cast<double>(flop.vision.total()),
          .prompts = static_cast<double>(flop.prompts.total()),
          .detect = static_cast<double>(flop.detect.total()),
          .total = static_cast<double>(flop.total())};
}

// The case that this one is compared with.
const CaseResult& PlainOf(const SizeResult& size, const BenchCase& other) {
  return *std::find_if(size.cases.begin(), size.cases.end(), [&](const CaseResult& result) {
    const BenchCase& measured = result.measured;
    return measured.frames == other.frames && measured.samples == other.samples && measured.form == BenchForm();
  });
}

bool Agrees(const CaseResult& result) {
  const Tolerance tolerance = ToleranceOf(result.measured.form.precision);
  const Difference& difference = result.difference;
  return difference.score <= tolerance.score && (!tolerance.map.has_value() || difference.map <= *tolerance.map) &&
         (!tolerance.map_correlation.has_value() || difference.map_correlation >= *tolerance.map_correlation);
}

}  // namespace

Tolerance ToleranceOf(Precision precision) {
  Tolerance tolerance = {.score = ScoreTolerance(precision)};
  if (precision == Precision::kBf16) tolerance.map = 2e-2;
  if (precision == Precision::kFp16) tolerance.map = 5e-3;
  if (precision == Precision::kInt8) tolerance.map_correlation = 0.99;
  return tolerance;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double TotalSeconds(const StageSeconds& seconds) {
  return seconds.preprocess + seconds.vision + seconds.prompts + seconds.detect + seconds.postprocess;
}

double GemmRate(const SizeResult& size, Precision precision) {
  double fastest = 0;
  for (const GemmResult& gemm : size.gemms) {
    if (gemm.precision == precision) fastest = std::max(fastest, Median(gemm.rates));
  }
  return fastest;
}

CaseFigures FiguresOf(const SizeResult& size, size_t index) {
  const CaseResult& result = size.cases[index];
  CaseFigures figures;
  figures.seconds = MedianSeconds(result.runs);
  figures.total_seconds = TotalSeconds(figures.seconds);
  figures.processor_seconds = MedianOf(result.runs, [](const BenchRun& run) { return run.processor_seconds; });
  figures.frames_per_second = result.measured.frames / figures.total_seconds;
  const PerStage seconds = SecondsOf(figures.seconds);
  figures.rate = Quotient(FlopOf(result.flop), seconds);
  figures.peak_share = Scaled(figures.rate, 1 / Median(size.peak));
  figures.gemm_share = Scaled(figures.rate, 1 / GemmRate(size, result.measured.form.precision));
  figures.speed_up = Quotient(SecondsOf(MedianSeconds(PlainOf(size, result.measured).runs)), seconds);
  figures.agrees = Agrees(result);
  return figures;
}

bool AllAgree(const BenchReport& report) {
  return std::all_of(report.sizes.begin(), report.sizes.end(),
                     [](const SizeResult& size) { return std::all_of(size.cases.begin(), size.cases.end(), Agrees); });
}

}  // namespace bayespfl
