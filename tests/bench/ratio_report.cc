#include "tests/bench/ratio_report.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/bench/bench_result.h"
#include "model/bench/machine_json.h"

namespace bayespfl {
namespace {

using Json = nlohmann::ordered_json;

double Rate(uint64_t frames, absl::Duration time) { return static_cast<double>(frames) / absl::ToDoubleSeconds(time); }

double CpuMilliseconds(const ProcessUsage& usage, uint64_t frames) {
  return 1e3 * usage.cpu_seconds / static_cast<double>(frames);
}

double Waits(const ProcessUsage& usage, uint64_t frames) {
  return static_cast<double>(usage.waits) / static_cast<double>(frames);
}

// Of one figure over the turns.
template <typename Figure>
double MedianOf(const RatioReport& report, Figure figure) {
  std::vector<double> values;
  for (const RatioTurn& turn : report.turns) values.push_back(figure(FiguresOf(turn)));
  return Median(std::move(values));
}

void PrintRow(const std::string& name, const RatioFigures& row, double rate_ratio, double cpu_ratio,
              std::ostream& out) {
  out << absl::StrFormat("%-6s %9.2f %8.1f %7.1f %11.2f %8.1f %7.1f %8.1f %11.3f %8.3f", name, row.alone_rate,
                         row.alone_cpu, row.alone_waits, row.served_rate, row.served_cpu, row.served_waits,
                         row.client_cpu, rate_ratio, cpu_ratio)
      << std::endl;
}

RatioFigures Medians(const RatioReport& report) {
  return {.alone_rate = MedianOf(report, [](const RatioFigures& turn) { return turn.alone_rate; }),
          .served_rate = MedianOf(report, [](const RatioFigures& turn) { return turn.served_rate; }),
          .alone_cpu = MedianOf(report, [](const RatioFigures& turn) { return turn.alone_cpu; }),
          .served_cpu = MedianOf(report, [](const RatioFigures& turn) { return turn.served_cpu; }),
          .client_cpu = MedianOf(report, [](const RatioFigures& turn) { return turn.client_cpu; }),
          .alone_waits = MedianOf(report, [](const RatioFigures& turn) { return turn.alone_waits; }),
          .served_waits = MedianOf(report, [](const RatioFigures& turn) { return turn.served_waits; })};
}

double MedianRateRatio(const RatioReport& report) {
  return MedianOf(report, [](const RatioFigures& turn) { return turn.rate_ratio(); });
}

double MedianCpuRatio(const RatioReport& report) {
  return MedianOf(report, [](const RatioFigures& turn) { return turn.cpu_ratio(); });
}

Json SideJson(double rate, double cpu, double waits) {
  return {{"frames_per_second", rate}, {"cpu_milliseconds", cpu}, {"waits", waits}};
}

Json FiguresJson(const RatioFigures& figures, double rate_ratio, double cpu_ratio) {
  return {{"in_process", SideJson(figures.alone_rate, figures.alone_cpu, figures.alone_waits)},
          {"server", SideJson(figures.served_rate, figures.served_cpu, figures.served_waits)},
          {"client", {{"cpu_milliseconds", figures.client_cpu}}},
          {"frames_per_second_ratio", rate_ratio},
          {"cpu_ratio", cpu_ratio}};
}

Json TurnJson(const RatioTurn& turn) {
  const RatioFigures figures = FiguresOf(turn);
  Json json = FiguresJson(figures, figures.rate_ratio(), figures.cpu_ratio());
  json["in_process"]["frames"] = turn.alone.frames;
  json["in_process"]["seconds"] = absl::ToDoubleSeconds(turn.alone.duration);
  json["server"]["frames"] = turn.served.frames;
  json["server"]["seconds"] = absl::ToDoubleSeconds(turn.served.duration);
  json["server"]["latency_milliseconds"] = {{"p50", 1e3 * turn.served.Percentile(0.5)},
                                            {"p99", 1e3 * turn.served.Percentile(0.99)}};
  return json;
}

}  // namespace

RatioFigures FiguresOf(const RatioTurn& turn) {
  const auto& [alone, served] = turn;
  return {.alone_rate = Rate(alone.frames, alone.duration),
          .served_rate = Rate(served.frames, served.duration),
          .alone_cpu = CpuMilliseconds(alone.usage, alone.frames),
          .served_cpu = CpuMilliseconds(served.server, served.frames),
          .client_cpu = CpuMilliseconds(served.client, served.frames),
          .alone_waits = Waits(alone.usage, alone.frames),
          .served_waits = Waits(served.server, served.frames)};
}

void PrintRatioHeading(const RatioReport& report, std::ostream& out) {
  const Machine& machine = report.machine;
  out << absl::StrFormat(
             "%s, %d processors%s; %d pictures of %d bytes on average; %d streams, %d frames of each on "
             "their way%s\n",
             machine.processor.empty() ? "unknown processor" : machine.processor, machine.processors,
             machine.load.has_value() ? absl::StrFormat(", load %.1f before", *machine.load) : "", report.pictures,
             report.picture_bytes, report.streams, report.options.in_flight,
             report.options.mask ? ", the mask sent back" : "")
      << "                in-process                      server            client     server / in-process\n"
      << "turn    frames/s   CPU ms   waits    frames/s   CPU ms   waits   CPU ms    frames/s      CPU" << std::endl;
}

void PrintRatioTurn(const RatioReport& report, std::ostream& out) {
  const RatioFigures figures = FiguresOf(report.turns.back());
  PrintRow(absl::StrCat(report.turns.size()), figures, figures.rate_ratio(), figures.cpu_ratio(), out);
}

void PrintRatioMedians(const RatioReport& report, std::ostream& out) {
  PrintRow("median", Medians(report), MedianRateRatio(report), MedianCpuRatio(report), out);
}

std::string RatioJson(const RatioReport& report) {
  Json turns = Json::array();
  for (const RatioTurn& turn : report.turns) turns.push_back(TurnJson(turn));
  Json medians = nullptr;
  if (!report.turns.empty()) {
    medians = FiguresJson(Medians(report), MedianRateRatio(report), MedianCpuRatio(report));
  }
  const Json json = {{"schema", kRatioSchema},
                     {"made_by", absl::StrCat("serving_ratio ", BAYESPFL_VERSION)},
                     {"date", absl::FormatTime(absl::RFC3339_sec, report.date, absl::UTCTimeZone())},
                     {"machine", MachineJson(report.machine)},
                     {"model", report.model},
                     {"category", report.options.category},
                     {"pictures", report.pictures},
                     {"picture_bytes", report.picture_bytes},
                     {"replicas", report.replicas},
                     {"streams", report.streams},
                     {"in_flight", report.options.in_flight},
                     {"mask", report.options.mask},
                     {"warm_up_seconds", absl::ToDoubleSeconds(report.options.warm_up)},
                     {"medians", std::move(medians)},
                     {"turns", std::move(turns)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace bayespfl
