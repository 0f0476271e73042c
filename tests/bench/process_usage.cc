#include "tests/bench/process_usage.h"

#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;

// The voluntary switches of one thread; 0 when it has just ended.
int64_t WaitsOf(const fs::path& task) {
  std::ifstream file(task / "status");
  for (std::string word; file >> word;) {
    int64_t waits = 0;
    if (word == "voluntary_ctxt_switches:" && file >> waits) return waits;
  }
  return 0;
}

// Fields of proc(5)'s `stat`, numbered there from 1; the name, which may hold anything, ends with the last ')'.
bool ReadStat(const fs::path& process, ProcessUsage& usage) {
  std::ifstream file(process / "stat");
  std::string line;
  if (!std::getline(file, line)) return false;
  std::istringstream fields(line.substr(line.rfind(')') + 1));
  constexpr int kMinorFaults = 10;
  constexpr int kKernelTicks = 15;
  std::string word;
  for (int field = 3; field <= kKernelTicks && fields >> word; ++field) {
    if (field == kMinorFaults) usage.page_faults = std::stoll(word);
    if (field == kKernelTicks) {
      usage.kernel_seconds = static_cast<double>(std::stoll(word)) / static_cast<double>(sysconf(_SC_CLK_TCK));
    }
  }
  return !fields.fail();
}

}  // namespace

ProcessUsage operator-(const ProcessUsage& later, const ProcessUsage& earlier) {
  return {.cpu_seconds = later.cpu_seconds - earlier.cpu_seconds,
          .kernel_seconds = later.kernel_seconds - earlier.kernel_seconds,
          .page_faults = later.page_faults - earlier.page_faults,
          .waits = later.waits - earlier.waits};
}

absl::StatusOr<ProcessUsage> UsageOf(pid_t process) {
  const absl::Status gone = absl::NotFoundError(absl::StrCat("process ", process, " cannot be looked at"));
  ProcessUsage usage;
  clockid_t clock{};
  timespec time{};
  if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &time) != 0) return gone;
  usage.cpu_seconds = static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  const fs::path folder = fs::path("/proc") / std::to_string(process);
  if (!ReadStat(folder, usage)) return gone;
  std::error_code error;
  for (fs::directory_iterator task(folder / "task", error), end; !error && task != end; task.increment(error)) {
    usage.waits += WaitsOf(task->path());
  }
  return usage;
}

}  // namespace bayespfl
