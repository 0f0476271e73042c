#include "client/cpp/inspect_run.h"

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/files.h"
#include "client/cpp/reply_overlay.h"
#include "model/overlay/output_names.h"

namespace bayespfl::client {
namespace {

using inspection::v1::InspectOptions;
using inspection::v1::InspectRequest;
using inspection::v1::InspectResponse;

// The server answers a frame that is late by itself; the stream is given up only when it does not even do that.
constexpr absl::Duration kStallGrace = absl::Seconds(5);

class Run final {
 public:
  Run(const InspectionClient& client, const InspectJob& job, Reporter& reporter, Progress& progress)
      : client_(client), job_(job), reporter_(reporter), progress_(progress), options_(job.options) {
    if (!job.output.has_value()) return;
    options_.set_anomaly_map(inspection::v1::MAP_ENCODING_PNG8);
    options_.set_mask(true);
    OutputNames names(*job.output);
    for (const Input& input : job.inputs) {
      if (!input.path.empty()) names.Protect(input.path);
    }
    for (const Input& input : job.inputs) files_.push_back(names.For(input.name));
  }

  RunSummary Finish() {
    const absl::Time start = absl::Now();
    if (job_.stream) {
      RunStream();
    } else {
      RunUnary();
    }
    // What a broken stream left behind: outcomes that wait for an unanswered input before them.
    for (; reported_ < job_.inputs.size(); ++reported_) {
      const auto done = waiting_.find(reported_);
      if (done != waiting_.end()) {
        Report(reported_, done->second);
      } else {
        ++summary_.unanswered;
        reporter_.ReportUnanswered(job_.inputs[reported_], summary_.broken);
      }
    }
    summary_.elapsed = absl::Now() - start;
    progress_.Clear();
    reporter_.Finish(summary_);
    return std::move(summary_);
  }

 private:
  void RunUnary() {
    for (size_t i = 0; i < job_.inputs.size() && summary_.broken.ok(); ++i) {
      absl::StatusOr<std::string> picture = LoadPicture(job_.inputs[i]);
      if (!picture.ok()) {
        Done(i, {.result = picture.status(), .latency = absl::ZeroDuration()});
        continue;
      }
      InspectRequest request;
      if (job_.output.has_value()) pictures_[i] = *picture;
      request.mutable_image()->set_encoded(*std::move(picture));
      request.mutable_metadata()->set_frame_id(absl::StrCat(i));
      *request.mutable_options() = options_;
      request.mutable_options()->set_category(job_.inputs[i].category);
      const absl::Time sent = absl::Now();
      absl::StatusOr<InspectResponse> response = client_.Inspect(request);
      if (absl::IsUnavailable(response.status())) {
        summary_.broken = response.status();
      } else {
        Done(i, {.result = std::move(response), .latency = absl::Now() - sent});
      }
    }
  }

  void RunStream() {
    if (job_.inputs.empty()) return;
    options_.set_category(job_.inputs.front().category);
    const absl::Status status = client_.InspectStream(
        options_,
        {.max_in_flight = job_.max_in_flight,
         .flow_policy = job_.flow_policy,
         .stall_timeout = job_.timeout + kStallGrace},
        [this] { return NextFrame(); },
        [this](StreamReply reply) {
          // A refusal that every further frame would get too, e.g. from a server that is draining.
          if (absl::IsUnavailable(reply.result.status())) summary_.broken = reply.result.status();
          Done(reply.tag, {.result = std::move(reply.result), .latency = reply.latency});
        });
    if (summary_.broken.ok()) summary_.broken = status;
  }

  // The next picture that can be read; the others are done with their errors.
  std::optional<OutgoingFrame> NextFrame() {
    while (next_ < job_.inputs.size() && summary_.broken.ok()) {
      const size_t i = next_++;
      const Input& input = job_.inputs[i];
      absl::StatusOr<std::string> picture = LoadPicture(input);
      if (!picture.ok()) {
        Done(i, {.result = picture.status(), .latency = absl::ZeroDuration()});
        continue;
      }
      OutgoingFrame outgoing{.frame = {}, .tag = i};
      if (job_.output.has_value()) pictures_[i] = *picture;
      outgoing.frame.mutable_image()->set_encoded(*std::move(picture));
      outgoing.frame.mutable_metadata()->set_frame_id(absl::StrCat(i));
      if (input.category != options_.category()) outgoing.frame.set_category(input.category);
      outgoing.frame.mutable_timeout()->set_seconds(absl::ToInt64Seconds(job_.timeout));
      outgoing.frame.mutable_timeout()->set_nanos(static_cast<int32_t>(
          absl::ToInt64Nanoseconds(job_.timeout - absl::Seconds(absl::ToInt64Seconds(job_.timeout)))));
      return outgoing;
    }
    return std::nullopt;
  }

  // Reports the outcome once all inputs before it are reported.
  void Done(size_t i, Outcome outcome) {
    waiting_.emplace(i, std::move(outcome));
    for (auto first = waiting_.begin(); first != waiting_.end() && first->first == reported_;
         first = waiting_.erase(first)) {
      Report(reported_++, first->second);
    }
  }

  void Report(size_t i, const Outcome& outcome) {
    if (outcome.result.ok()) {
      ++summary_.answered;
      Judge(job_.inputs[i], *outcome.result);
      WriteOutputs(i, *outcome.result);
    } else {
      ++summary_.failed;
    }
    pictures_.erase(i);
    progress_.Clear();
    reporter_.Report(job_.inputs[i], outcome);
    progress_.Advance();
  }

  void Judge(const Input& input, const InspectResponse& response) {
    bool exceeded = job_.fail_above.has_value() && response.score() > *job_.fail_above;
    if (job_.fail_above_calibrated) {
      if (!response.has_score_threshold()) summary_.uncalibrated.insert(input.category);
      exceeded = exceeded || (response.has_score_threshold() && response.score() > response.score_threshold());
    }
    if (exceeded) ++summary_.exceeded;
  }

  void WriteOutputs(size_t i, const InspectResponse& response) {
    if (!job_.output.has_value()) return;
    absl::Status status = WriteFile(files_[i].mask, response.mask().data());
    if (status.ok()) {
      const absl::StatusOr<std::string> overlay = ReplyOverlay(pictures_[i], response);
      status = overlay.ok() ? WriteFile(files_[i].overlay, *overlay) : overlay.status();
    }
    if (!status.ok()) {
      summary_.output_errors.push_back(absl::StrCat(job_.inputs[i].name, ": ", status.message()));
    }
  }

  const InspectionClient& client_;
  const InspectJob& job_;
  Reporter& reporter_;
  Progress& progress_;
  InspectOptions options_;
  std::vector<OutputFiles> files_;          // by input; empty without an output folder
  std::map<size_t, std::string> pictures_;  // sent and not yet reported, kept for their overlays
  std::map<size_t, Outcome> waiting_;       // by input, for an earlier one to be reported
  size_t next_ = 0;                         // first input not yet sent
  size_t reported_ = 0;                     // first input not yet reported
  RunSummary summary_;
};

}  // namespace

RunSummary RunInspection(const InspectionClient& client, const InspectJob& job, Reporter& reporter,
                         Progress& progress) {
  return Run(client, job, reporter, progress).Finish();
}

}  // namespace bayespfl::client
