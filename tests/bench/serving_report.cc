#include "tests/bench/serving_report.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/bench/machine_json.h"

namespace bayespfl {
namespace {

using Json = nlohmann::ordered_json;

// What was used for each frame that was answered.
struct PerFrame {
  double cpu_microseconds = 0;
  double kernel_microseconds = 0;
  double waits = 0;
  double page_faults = 0;
};

PerFrame Share(const ProcessUsage& usage, uint64_t frames) {
  if (frames == 0) return {};
  const auto count = static_cast<double>(frames);
  return {.cpu_microseconds = 1e6 * usage.cpu_seconds / count,
          .kernel_microseconds = 1e6 * usage.kernel_seconds / count,
          .waits = static_cast<double>(usage.waits) / count,
          .page_faults = static_cast<double>(usage.page_faults) / count};
}

double FramesPerSecond(const ServingResult& result) {
  return static_cast<double>(result.frames) / absl::ToDoubleSeconds(result.duration);
}

Json UsageJson(const PerFrame& used) {
  return {{"cpu_microseconds", used.cpu_microseconds},
          {"kernel_microseconds", used.kernel_microseconds},
          {"waits", used.waits},
          {"page_faults", used.page_faults}};
}

Json CaseJson(const CaseReport& report) {
  const auto& [load, result] = report;
  Json errors = Json::object();
  for (const auto& [code, count] : result.errors) errors[code] = count;
  return {{"picture", load.picture->name},
          {"picture_bytes", BytesOf(*load.picture)},
          {"calls", CallKindName(load.calls)},
          {"callers", load.callers},
          {"seconds", absl::ToDoubleSeconds(result.duration)},
          {"frames", result.frames},
          {"frames_per_second", FramesPerSecond(result)},
          {"latency_milliseconds", {{"p50", 1e3 * result.Percentile(0.5)}, {"p99", 1e3 * result.Percentile(0.99)}}},
          {"server_per_frame", UsageJson(Share(result.server, result.frames))},
          {"client_per_frame", UsageJson(Share(result.client, result.frames))},
          {"sent_again", result.sent_again},
          {"errors", std::move(errors)}};
}

}  // namespace

void PrintServingHeading(const ServingReport& report, std::ostream& out) {
  const Machine& machine = report.machine;
  out << absl::StrFormat("%s, %d processors%s; a map of %d x %d pixels%s; %d frames of a stream on their way\n",
                         machine.processor.empty() ? "unknown processor" : machine.processor, machine.processors,
                         machine.load.has_value() ? absl::StrFormat(", load %.1f before", *machine.load) : "",
                         report.map_side, report.map_side, report.options.mask ? ", the mask sent back" : "",
                         report.options.in_flight)
      << "                                                                  server, a frame           client\n"
      << "picture    calls   callers  frames/s    p50 ms    p99 ms    CPU us  kernel   waits  faults    CPU us  errors"
      << std::endl;
}

void PrintServingCase(const CaseReport& report, std::ostream& out) {
  const auto& [load, result] = report;
  const PerFrame server = Share(result.server, result.frames);
  const PerFrame client = Share(result.client, result.frames);
  out << absl::StrFormat("%-10s %-6s %8d %9.1f %9.2f %9.2f %9.0f %7.0f %7.1f %7.1f %9.0f  %6d", load.picture->name,
                         CallKindName(load.calls), load.callers, FramesPerSecond(result), 1e3 * result.Percentile(0.5),
                         1e3 * result.Percentile(0.99), server.cpu_microseconds, server.kernel_microseconds,
                         server.waits, server.page_faults, client.cpu_microseconds, result.failed());
  for (const auto& [code, count] : result.errors) out << "  " << code << " " << count;
  out << std::endl;
}

std::string ServingJson(const ServingReport& report) {
  Json cases = Json::array();
  for (const CaseReport& one : report.cases) cases.push_back(CaseJson(one));
  const Json json = {{"schema", kServingSchema},
                     {"made_by", absl::StrCat("serving_bench ", BAYESPFL_VERSION)},
                     {"date", absl::FormatTime(absl::RFC3339_sec, report.date, absl::UTCTimeZone())},
                     {"machine", MachineJson(report.machine)},
                     {"map_side", report.map_side},
                     {"warm_up_seconds", absl::ToDoubleSeconds(report.options.warm_up)},
                     {"in_flight", report.options.in_flight},
                     {"mask", report.options.mask},
                     {"cases", std::move(cases)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace bayespfl
