// What a bench prints: a table for people, and everything as JSON.
#ifndef BAYESPFL_MODEL_BENCH_BENCH_REPORT_H_
#define BAYESPFL_MODEL_BENCH_BENCH_REPORT_H_

#include <ostream>
#include <string>

#include "model/bench/bench_result.h"

namespace bayespfl {

inline constexpr int kBenchSchema = 2;

// What it ran on, two lines.
void PrintBenchHeading(const BenchReport& report, std::ostream& out);

// The rooflines, then a row for each case. The columns are described in docs/performance.md.
void PrintBenchTable(const SizeResult& size, std::ostream& out);

// Whether the forms agree, in one sentence.
std::string AgreementSentence(const BenchReport& report);

// The schema is described in docs/performance.md. Ends with a line break.
std::string BenchJson(const BenchReport& report);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_BENCH_BENCH_REPORT_H_
