// What is printed about inspected pictures: a table for people, or one JSON object a line for programs. The client and
// `bayespfl-model inspect` print with the same code.
//
//   const std::unique_ptr<Reporter> reporter = MakeTableReporter(std::cout, pictures);
//   reporter->Report(pictures[0], {.result = inspection, .latency = absl::Milliseconds(42)});
//   reporter->Finish(absl::Seconds(1));
#ifndef BAYESPFL_MODEL_REPORT_REPORT_H_
#define BAYESPFL_MODEL_REPORT_REPORT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "model/verdict/inspection.h"

namespace bayespfl {

// A picture, as people know it.
struct PictureLabel {
  std::string name;      // of the file; any bytes
  std::string category;  // as asked for
};

// What is known of an error besides its status.
struct ErrorHints {
  std::string reason = {};                                   // "QUEUE_FULL", of the contract's ErrorReason; empty: none
  std::optional<absl::Duration> retry_delay = std::nullopt;  // absent: waiting alone does not help
};

// What became of one picture.
struct PictureOutcome {
  absl::StatusOr<Inspection> result;
  ErrorHints hints = {};                          // of a result that is an error
  absl::Duration latency = absl::ZeroDuration();  // as the caller saw it; 0 for a picture that was never sent
  uint32_t attempt = 0;                           // how often the picture was sent before
};

// Prints results in the order in which they are given. Not thread-safe.
class Reporter {
 public:
  virtual ~Reporter() = default;

  virtual void Report(const PictureLabel& picture, const PictureOutcome& outcome) = 0;
  // A picture that was never looked at, or got no answer, because the run broke off.
  virtual void ReportUnanswered(const PictureLabel& picture, const absl::Status& why, const ErrorHints& hints) = 0;
  // Once, after the last picture. `elapsed` is the whole run's.
  virtual void Finish(absl::Duration elapsed) = 0;
};

// A row for each picture, then a blank line and what they come to:
//
//   image               category  verdict  decided by  score    map    area     latency
//   leather/hole_0.jpg  leather   FAIL     score       0.930  0.500  2.46 %     42.0 ms
//
//   1 frame, 0 failed, 1 FAIL, 23.8 frames/s, 0.0 s
//   warning: 1 of 1 picture: 16-bit samples that never leave the low 12 bits: ...
//
// Each kind of warning is told once, with how many pictures have it; JSON lines have their own picture's.
//
// Columns are as wide as `pictures` need, up to a bound beyond which names lose their beginning: rows can be printed as
// they come, and with usual names they have 100 characters at most. Pictures without an answer have no row.
std::unique_ptr<Reporter> MakeTableReporter(std::ostream& stream, const std::vector<PictureLabel>& pictures);

// A line for each picture, unanswered ones included: "image", then the keys of ResultToJson() (model/verdict/
// result_line.h), "regions" and "regions_total" when regions were asked for, "timings", "latency_seconds", "attempt". A
// picture without a result has "image", "category", "error" {"code", "reason", "message", "retry_delay_seconds"}
// (reason and delay null when there is none), "latency_seconds" and "attempt"; the latter two not when unanswered. Text
// that is not UTF-8 is repaired with U+FFFD. ParseResultLine() reads the line of a result.
std::unique_ptr<Reporter> MakeJsonReporter(std::ostream& stream);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_REPORT_REPORT_H_
