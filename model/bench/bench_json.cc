#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "model/bench/bench_report.h"
#include "model/bench/machine_json.h"

namespace bayespfl {
namespace {

using Json = nlohmann::ordered_json;

Json ToJson(const PerStage& figures) {
  return {
      {"vision", figures.vision}, {"prompts", figures.prompts}, {"detect", figures.detect}, {"total", figures.total}};
}

Json ToJson(const FlopCount& flop) {
  const auto& [embedding, vision_linear, vision_attention, heads] = flop.vision;
  const auto& [distributions, flows, linear, attention, projection] = flop.prompts;
  const auto& [scores, refinement, logits] = flop.detect;
  return {
      {"vision",
       {{"embedding", embedding},
        {"linear", vision_linear},
        {"attention", vision_attention},
        {"heads", heads},
        {"total", flop.vision.total()}}},
      {"prompts",
       {{"distributions", distributions},
        {"flows", flows},
        {"linear", linear},
        {"attention", attention},
        {"projection", projection},
        {"total", flop.prompts.total()}}},
      {"detect", {{"scores", scores}, {"refinement", refinement}, {"logits", logits}, {"total", flop.detect.total()}}},
      {"total", flop.total()}};
}

Json ToJson(const StageSeconds& seconds) {
  return {{"preprocess", seconds.preprocess}, {"vision", seconds.vision},           {"prompts", seconds.prompts},
          {"detect", seconds.detect},         {"postprocess", seconds.postprocess}, {"total", TotalSeconds(seconds)}};
}

// JSON has no infinity: a difference from what is not a number.
Json Finite(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json ToJson(const Tolerance& tolerance) {
  return {{"score", tolerance.score},
          {"map", OrNull(tolerance.map)},
          {"map_correlation", OrNull(tolerance.map_correlation)}};
}

Json CaseJson(const SizeResult& size, size_t index) {
  const CaseResult& result = size.cases[index];
  const CaseFigures figures = FiguresOf(size, index);
  Json runs = Json::array();
  for (const BenchRun& run : result.runs) runs.push_back(TotalSeconds(run.seconds));
  return {{"batch", result.measured.frames},
          {"samples", result.measured.samples},
          {"precision", PrecisionName(result.measured.form.precision)},
          {"kernels", NetworkKernelsText(result.measured.form.kernels)},
          {"prompts", PromptFormName(result.measured.form.prompts)},
          {"frames_per_second", figures.frames_per_second},
          {"seconds", ToJson(figures.seconds)},
          {"run_seconds", std::move(runs)},
          {"processor_seconds", figures.processor_seconds},
          {"flop", ToJson(result.flop)},
          {"flop_per_second", ToJson(figures.rate)},
          {"peak_share", ToJson(figures.peak_share)},
          {"gemm_share", ToJson(figures.gemm_share)},
          {"speed_up", ToJson(figures.speed_up)},
          {"memory_growth_bytes", OrNull(result.memory_growth)},
          {"difference",
           {{"score", Finite(result.difference.score)},
            {"map", Finite(result.difference.map)},
            {"map_correlation", Finite(result.difference.map_correlation)}}},
          {"tolerance", ToJson(ToleranceOf(result.measured.form.precision))},
          {"agrees", figures.agrees}};
}

Json RateJson(const Rates& rates) { return {{"flop_per_second", Median(rates)}, {"of_each_turn", rates}}; }

Json SizeJson(const SizeResult& size) {
  Json gemms = Json::array();
  for (const GemmResult& gemm : size.gemms) {
    Json json = {{"linear", LinearFormName(gemm.form)}, {"precision", PrecisionName(gemm.precision)}};
    json.update(RateJson(gemm.rates));
    gemms.push_back(std::move(json));
  }
  Json loads = Json::array();
  for (const LoadResult& load : size.loads) {
    loads.push_back({{"precision", PrecisionName(load.precision)},
                     {"kernels", NetworkKernelsText(load.kernels)},
                     {"seconds", load.seconds},
                     {"memory_growth_bytes", OrNull(load.memory_growth)}});
  }
  Json cases = Json::array();
  for (size_t i = 0; i < size.cases.size(); ++i) cases.push_back(CaseJson(size, i));
  return {{"image_size", size.image_size},
          {"turns", size.turns},
          {"peak", RateJson(size.peak)},
          {"gemm",
           {{"rows", size.gemm_rows},
            {"in", size.gemm_in},
            {"out", size.gemm_out},
            {"flop_per_second", GemmRate(size, Precision::kFp32)},
            {"forms", std::move(gemms)}}},
          {"loads", std::move(loads)},
          {"cases", std::move(cases)}};
}

}  // namespace

std::string BenchJson(const BenchReport& report) {
  Json sizes = Json::array();
  for (const SizeResult& size : report.sizes) sizes.push_back(SizeJson(size));
  const Json json = {{"schema", kBenchSchema},
                     {"made_by", absl::StrCat("bayespfl-model bench ", report.program)},
                     {"date", absl::FormatTime(absl::RFC3339_sec, report.date, absl::UTCTimeZone())},
                     {"machine", MachineJson(report.machine)},
                     {"library", report.library},
                     {"threads", report.threads},
                     {"model",
                      {{"name", report.model.name},
                       {"version", report.model.version},
                       {"digest", report.model.digest},
                       {"computation_digest", report.model.computation_digest}}},
                     {"input",
                      {{"object", report.object},
                       {"tokens", report.tokens},
                       {"picture_width", report.picture_width},
                       {"picture_height", report.picture_height}}},
                     {"limits", {{"repeats", report.repeats}, {"seconds", report.seconds}}},
                     {"agrees", AllAgree(report)},
                     {"peak_memory_bytes", OrNull(report.peak_memory)},
                     {"sizes", std::move(sizes)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace bayespfl
