// What a bench ran on.
#ifndef BAYESPFL_MODEL_BENCH_MACHINE_H_
#define BAYESPFL_MODEL_BENCH_MACHINE_H_

#include <filesystem>
#include <optional>
#include <string>

namespace bayespfl {

struct Machine {
  std::string processor = {};                      // its model as /proc/cpuinfo names it; empty where it does not
  std::string instructions = {};                   // the best of InstructionSets()
  int processors = 1;                              // that this process may use
  std::optional<double> cpu_quota = std::nullopt;  // of its control groups, in processors; absent: none
  std::optional<double> load =
      std::nullopt;  // processes that ran or wanted to, over the last minute; absent: not known
};

// `proc` stands in for "/proc" in tests; processors and quota are this process's.
Machine ThisMachine(const std::filesystem::path& proc = "/proc");

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_BENCH_MACHINE_H_
