// How the results of serving_bench are printed.
#ifndef BAYESPFL_TESTS_BENCH_SERVING_REPORT_H_
#define BAYESPFL_TESTS_BENCH_SERVING_REPORT_H_

#include <ostream>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "model/bench/machine.h"
#include "tests/bench/serving_load.h"

namespace bayespfl {

inline constexpr int kServingSchema = 1;  // of ServingJson()

struct CaseReport {
  LoadCase load;
  ServingResult result;
};

struct ServingReport {
  absl::Time date;  // when it began
  Machine machine;
  int map_side = 0;  // pixels
  ServingLoadOptions options;
  std::vector<CaseReport> cases;
};

// The first lines of the table, then one for each case as it is done.
void PrintServingHeading(const ServingReport& report, std::ostream& out);
void PrintServingCase(const CaseReport& report, std::ostream& out);

// All of it; docs/performance.md describes every key.
std::string ServingJson(const ServingReport& report);

}  // namespace bayespfl

#endif  // BAYESPFL_TESTS_BENCH_SERVING_REPORT_H_
