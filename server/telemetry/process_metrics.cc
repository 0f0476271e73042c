#include "server/telemetry/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstddef>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "prometheus/metric_type.h"
#include "server/telemetry/metric_family.h"

namespace bayespfl::server {
namespace {

namespace fs = std::filesystem;
using prometheus::MetricType;

// Fields of /proc/self/stat as proc(5) numbers them.
constexpr size_t kUserTicks = 14;
constexpr size_t kSystemTicks = 15;
constexpr size_t kStartTicks = 22;
constexpr size_t kVirtualBytes = 23;
constexpr size_t kResidentPages = 24;

std::string ReadText(const fs::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

// The numbers of /proc/self/stat. The second field, the program's name in parentheses, may hold spaces and
// parentheses, so counting begins behind the last one.
class Stat {
 public:
  explicit Stat(const std::string& text) {
    const size_t name_end = text.rfind(')');
    if (name_end == std::string::npos) return;
    fields_ = absl::StrSplit(absl::string_view(text).substr(name_end + 1), absl::ByAnyChar(" \n"), absl::SkipEmpty());
  }

  std::optional<double> Field(size_t number) const {
    constexpr size_t kFirst = 3;  // behind the name
    double value = 0;
    if (number - kFirst >= fields_.size() || !absl::SimpleAtod(fields_[number - kFirst], &value)) return std::nullopt;
    return value;
  }

 private:
  std::vector<std::string> fields_;
};

// When the machine was started, in seconds since the Unix epoch.
std::optional<double> BootTime(const fs::path& proc) {
  std::ifstream stream(proc / "stat");
  for (std::string word; stream >> word;) {
    double seconds = 0;
    if (word == "btime" && stream >> seconds) return seconds;
  }
  return std::nullopt;
}

std::optional<double> OpenDescriptors(const fs::path& proc) {
  std::error_code error;
  fs::directory_iterator entry(proc / "self/fd", error);
  if (error) return std::nullopt;
  double count = 0;
  for (; entry != fs::directory_iterator(); entry.increment(error)) ++count;  // an error makes it the end
  if (error) return std::nullopt;
  return count - 1;  // the iterator's own
}

std::optional<double> MaxDescriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::nullopt;
  return static_cast<double>(limit.rlim_cur);
}

std::optional<double> Sum(std::optional<double> a, std::optional<double> b) {
  return a && b ? std::optional<double>(*a + *b) : std::nullopt;
}

std::optional<double> Times(std::optional<double> value, double factor) {
  return value ? std::optional<double>(*value * factor) : std::nullopt;
}

void Add(absl::string_view name, absl::string_view help, MetricType type, std::optional<double> value,
         std::vector<prometheus::MetricFamily>& families) {
  if (!value.has_value()) return;
  families.push_back(NewFamily(name, help, type));
  AddValue({}, *value, families.back());
}

}  // namespace

std::vector<prometheus::MetricFamily> ProcessMetrics::Collect() const {
  const Stat stat(ReadText(proc_ / "self/stat"));
  const double seconds_per_tick = 1.0 / static_cast<double>(sysconf(_SC_CLK_TCK));
  const auto page_bytes = static_cast<double>(sysconf(_SC_PAGESIZE));
  std::vector<prometheus::MetricFamily> families;
  Add("process_cpu_seconds_total", "User and system time of the process, in seconds.", MetricType::Counter,
      Times(Sum(stat.Field(kUserTicks), stat.Field(kSystemTicks)), seconds_per_tick), families);
  Add("process_start_time_seconds", "Start of the process, in seconds since the Unix epoch.", MetricType::Gauge,
      Sum(BootTime(proc_), Times(stat.Field(kStartTicks), seconds_per_tick)), families);
  Add("process_resident_memory_bytes", "Resident memory of the process.", MetricType::Gauge,
      Times(stat.Field(kResidentPages), page_bytes), families);
  Add("process_virtual_memory_bytes", "Virtual memory of the process.", MetricType::Gauge, stat.Field(kVirtualBytes),
      families);
  Add("process_open_fds", "File descriptors that are open.", MetricType::Gauge, OpenDescriptors(proc_), families);
  Add("process_max_fds", "File descriptors that may be open.", MetricType::Gauge, MaxDescriptors(), families);
  return families;
}

}  // namespace bayespfl::server
