// What the measuring programs of this folder share: their command line and how they end.
#ifndef BAYESPFL_TESTS_BENCH_BENCH_PROGRAM_H_
#define BAYESPFL_TESTS_BENCH_BENCH_PROGRAM_H_

#include <functional>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"

namespace bayespfl {

// Parses the command line and runs the program with SIGPIPE ignored: a connection that breaks is an error of its call.
// Returns the exit code: what `run` says, 0 after --help, else 1 with "NAME: REASON" on standard error.
int RunBenchProgram(CLI::App& app, int argc, char** argv, absl::FunctionRef<absl::StatusOr<int>()> run);

// A check for CLI11: a number from `lowest` to `highest` (base/number_range.h).
std::function<std::string(const std::string&)> Between(double lowest, double highest);

}  // namespace bayespfl

#endif  // BAYESPFL_TESTS_BENCH_BENCH_PROGRAM_H_
