// Inspects a list of inputs and reports them in their order.
#ifndef BAYESPFL_CLIENT_CPP_INSPECT_RUN_H_
#define BAYESPFL_CLIENT_CPP_INSPECT_RUN_H_

#include <cstddef>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/progress.h"
#include "bayespfl/client/inspection_client.h"
#include "bayespfl/inspection/v1/inspection.pb.h"
#include "client/cpp/inputs.h"
#include "model/report/report.h"
#include "model/verdict/verdict.h"

namespace bayespfl::client {

struct InspectJob {
  std::vector<Input> inputs;
  inspection::v1::InspectOptions options;  // without category and object: each input has its own
  bool apply_orientation = false;          // turn every picture upright as its EXIF data says
  int significant_bits = 0;                // of pictures whose input says none, 9..16; 0: all
  bool stream = false;                     // one InspectStream call instead of one Inspect call per input
  size_t max_in_flight = 8;                // frames of the stream, >= 1
  inspection::v1::FlowPolicy flow_policy = inspection::v1::FLOW_POLICY_BLOCK;  // of the stream
  absl::Duration timeout = absl::Seconds(60);                                  // per frame, > 0
  std::optional<std::filesystem::path> output;                                 // folder for overlays and masks
  std::optional<Verdict> fail_on;    // kReview or kFail: verdicts that are at least this are counted
  std::optional<double> fail_above;  // scores over it are counted
};

// How a run went as a whole.
struct RunSummary {
  size_t answered = 0;                     // inputs with a result
  size_t failed = 0;                       // inputs with an error of their own
  size_t unanswered = 0;                   // inputs left when the run broke off
  size_t exceeded = 0;                     // results over InspectJob::fail_on or fail_above, each once
  std::set<std::string> without_verdict;   // categories whose results had none for fail_on
  absl::Status broken;                     // why the run broke off, or OK
  std::vector<std::string> output_errors;  // overlays and masks that could not be written
};

// The inputs as a reporter's rows begin: by their names, or all by their paths where two files share a name.
std::vector<PictureLabel> LabelsOf(const std::vector<Input>& inputs);

// Runs the job. An input that cannot be read, or that the server answers with an error, fails alone. The run breaks off
// when the server stays UNAVAILABLE for an input's whole time (it would for every further one too) and when the stream
// itself ends with an error.
RunSummary RunInspection(const InspectionClient& client, const InspectJob& job, Reporter& reporter, Progress& progress);

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_INSPECT_RUN_H_
