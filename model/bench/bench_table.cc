#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/terminal_text.h"
#include "model/bench/bench_report.h"

namespace bayespfl {
namespace {

constexpr double kGiga = 1e9;
constexpr double kMebi = 1 << 20;

absl::string_view KernelText(const std::optional<InstructionSet>& kernel) {
  return kernel.has_value() ? InstructionSetName(*kernel) : "torch";
}

std::string Mebibytes(const std::optional<int64_t>& bytes) {
  return bytes.has_value() ? absl::StrFormat("%.0f", static_cast<double>(*bytes) / kMebi) : "-";
}

constexpr char kColumns[] =
    "batch   R  precision  linear       attention    maps    prompts  frames/s  vision  prompts  detect    total ms  "
    "CPU ms   GFLOP  "
    "GFLOP/s   "
    "peak   "
    "GEMM  faster    MiB  differs   map differs  correlates\n";

void PrintRow(const SizeResult& size, size_t index, std::ostream& out) {
  const CaseResult& result = size.cases[index];
  const BenchForm& form = result.measured.form;
  const CaseFigures figures = FiguresOf(size, index);
  out << absl::StreamFormat("%5d  %2d  %-9s  %-11s  %-11s  %-6s  %-7s  %8.2f  ", result.measured.frames,
                            result.measured.samples, PrecisionName(form.precision), LinearFormName(form.kernels.linear),
                            KernelText(form.kernels.attention), KernelText(form.kernels.maps),
                            PromptFormName(form.prompts), figures.frames_per_second);
  const StageSeconds& seconds = figures.seconds;
  out << absl::StreamFormat("%6.0f  %7.0f  %6.0f  %10.0f  %6.0f  ", 1e3 * seconds.vision, 1e3 * seconds.prompts,
                            1e3 * seconds.detect, 1e3 * figures.total_seconds, 1e3 * figures.processor_seconds);
  out << absl::StreamFormat("%6.4g  %7.1f  %3.0f %%  %3.0f %%  %6.2f  %5s  %.0e    %.0e        %8.5f%s\n",
                            static_cast<double>(result.flop.total()) / kGiga, figures.rate.total / kGiga,
                            100 * figures.peak_share.total, 100 * figures.gemm_share.total, figures.speed_up.total,
                            Mebibytes(result.memory_growth), result.difference.score, result.difference.map,
                            result.difference.map_correlation, figures.agrees ? "" : "  WRONG");
}

// Of a score in this precision; absent: none was measured in it.
std::optional<double> LargestDifference(const BenchReport& report, Precision precision) {
  std::optional<double> most;
  for (const SizeResult& size : report.sizes) {
    for (const CaseResult& result : size.cases) {
      if (result.measured.form.precision != precision) continue;
      most = std::max(most.value_or(0), result.difference.score);
    }
  }
  return most;
}

}  // namespace

void PrintBenchHeading(const BenchReport& report, std::ostream& out) {
  const Machine& machine = report.machine;
  out << OneLine(report.model.name) << " " << OneLine(report.model.version) << ", \"" << report.object
      << "\", pictures of " << report.picture_width << " x " << report.picture_height << "\n"
      << (machine.processor.empty() ? "unknown processor" : OneLine(machine.processor)) << ", "
      << (machine.cpu_quota.has_value() ? absl::StrFormat("quota of %g processors", *machine.cpu_quota)
                                        : std::string("no quota"));
  if (machine.load.has_value()) out << absl::StreamFormat(", load %.1f before", *machine.load);
  out << "; " << report.library << "\n";
}

void PrintBenchTable(const SizeResult& size, std::ostream& out) {
  out << absl::StreamFormat("\n%d px, %d %s; peak %.1f GFLOP/s; GEMM %d x %d x %d", size.image_size, size.turns,
                            size.turns == 1 ? "turn" : "turns", Median(size.peak) / kGiga, size.gemm_rows, size.gemm_in,
                            size.gemm_out);
  for (const GemmResult& gemm : size.gemms) {
    out << absl::StreamFormat(", %s in %s %.1f GFLOP/s", LinearFormName(gemm.form), PrecisionName(gemm.precision),
                              Median(gemm.rates) / kGiga);
  }
  out << "\n" << kColumns;
  for (size_t i = 0; i < size.cases.size(); ++i) PrintRow(size, i, out);
  out.flush();
}

std::string AgreementSentence(const BenchReport& report) {
  std::string differences;
  for (const Precision precision : kPrecisions) {
    const std::optional<double> most = LargestDifference(report, precision);
    if (!most.has_value()) continue;
    absl::StrAppendFormat(&differences, "%s %.1e in %s (%g is allowed)", differences.empty() ? "" : ",", *most,
                          PrecisionName(precision), ToleranceOf(precision).score);
  }
  return absl::StrFormat("the scores of all forms %s: the largest difference is%s",
                         AllAgree(report) ? "agree" : "DO NOT AGREE, so the times mean nothing", differences);
}

}  // namespace bayespfl
