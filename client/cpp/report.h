// What `bayespfl-client inspect` prints: a table for people or one JSON object per line for programs.
#ifndef BAYESPFL_CLIENT_CPP_REPORT_H_
#define BAYESPFL_CLIENT_CPP_REPORT_H_

#include <cstddef>
#include <memory>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bayespfl/inspection/v1/inspection.pb.h"
#include "client/cpp/inputs.h"

namespace bayespfl::client {

// What became of one input.
struct Outcome {
  absl::StatusOr<inspection::v1::InspectResponse> result;
  absl::Duration latency;  // as the client saw it; 0 for a picture that was never sent
};

// How a run went as a whole.
struct RunSummary {
  size_t answered = 0;                 // inputs with a result
  size_t failed = 0;                   // inputs with an error of their own
  size_t unanswered = 0;               // inputs left when the run broke off
  size_t exceeded = 0;                 // results with a score over the limit
  std::set<std::string> uncalibrated;  // categories whose results had no calibrated limit to be compared with
  absl::Duration elapsed;
  absl::Status broken;                     // why the run broke off, or OK
  std::vector<std::string> output_errors;  // overlays and masks that could not be written
};

// Prints results in the order they are given. Not thread-safe.
class Reporter {
 public:
  virtual ~Reporter() = default;

  virtual void Report(const Input& input, const Outcome& outcome) = 0;
  // An input that the run never got to, or got no answer for.
  virtual void ReportUnanswered(const Input& input, const absl::Status& why) = 0;
  virtual void Finish(const RunSummary& summary) = 0;
};

// Columns are as wide as `inputs` need: rows can be printed as they come.
std::unique_ptr<Reporter> MakeTableReporter(std::ostream& stream, const std::vector<Input>& inputs);

// Objects with image, category and either error {code, message} or score, score_std, text_score, map_score,
// mask_area_pixels, mask_area_fraction, mask_threshold, calibrated, score_threshold (null when the category has none),
// seed, samples, model_version, latency_seconds, stage_seconds.
// Every input gets one line, unanswered ones included; text that is not UTF-8 is repaired with U+FFFD.
std::unique_ptr<Reporter> MakeJsonReporter(std::ostream& stream);

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_REPORT_H_
