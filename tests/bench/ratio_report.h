// How the results of serving_ratio are printed.
#ifndef BAYESPFL_TESTS_BENCH_RATIO_REPORT_H_
#define BAYESPFL_TESTS_BENCH_RATIO_REPORT_H_

#include <cstddef>
#include <ostream>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "model/bench/machine.h"
#include "tests/bench/inspector_loop.h"
#include "tests/bench/serving_load.h"

namespace bayespfl {

inline constexpr int kRatioSchema = 1;  // of RatioJson()

// The same pictures, once without a server and once through one.
struct RatioTurn {
  InspectorLoop::Result alone;
  ServingResult served;
};

// Of one turn.
struct RatioFigures {
  double alone_rate = 0;    // frames a second without a server
  double served_rate = 0;   // through it
  double alone_cpu = 0;     // processor time of a frame in milliseconds, of the process without a server
  double served_cpu = 0;    // of the server's process
  double client_cpu = 0;    // of the load's process
  double alone_waits = 0;   // times that a thread gave the processor up to wait, for each frame, without a server
  double served_waits = 0;  // in the server's process

  double rate_ratio() const { return served_rate / alone_rate; }
  double cpu_ratio() const { return alone_cpu / served_cpu; }
};
// Requires frames in both.
RatioFigures FiguresOf(const RatioTurn& turn);

struct RatioReport {
  absl::Time date;  // when it began
  Machine machine;
  std::string model;  // the package's folder
  size_t pictures = 0;
  size_t picture_bytes = 0;  // of one, on average
  int replicas = 0;          // of the server
  int streams = 0;
  ServingLoadOptions options;
  std::vector<RatioTurn> turns;
};

// The first lines of the table, one for each turn as it is done, and the medians.
void PrintRatioHeading(const RatioReport& report, std::ostream& out);
void PrintRatioTurn(const RatioReport& report, std::ostream& out);  // the last one
void PrintRatioMedians(const RatioReport& report, std::ostream& out);

// All of it; docs/performance.md describes every key.
std::string RatioJson(const RatioReport& report);

}  // namespace bayespfl

#endif  // BAYESPFL_TESTS_BENCH_RATIO_REPORT_H_
