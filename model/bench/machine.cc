#include "model/bench/machine.h"

#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "base/cpu_quota.h"
#include "model/kernels/instruction_set.h"

namespace bayespfl {
namespace {

// "model name	: AMD EPYC 7B13" of the first processor.
std::string ProcessorName(const std::filesystem::path& proc) {
  std::ifstream file(proc / "cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!absl::StartsWith(line, "model name")) continue;
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    return std::string(absl::StripAsciiWhitespace(absl::string_view(line).substr(colon + 1)));
  }
  return {};
}

std::optional<double> Load(const std::filesystem::path& proc) {
  std::ifstream file(proc / "loadavg");
  double load = 0;
  return file >> load ? std::optional<double>(load) : std::nullopt;
}

}  // namespace

Machine ThisMachine(const std::filesystem::path& proc) {
  return {.processor = ProcessorName(proc),
          .instructions = std::string(InstructionSetName(InstructionSets().back())),
          .processors = AvailableCpus(),
          .cpu_quota = CgroupCpuQuota(),
          .load = Load(proc)};
}

}  // namespace bayespfl
