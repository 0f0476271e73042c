#include "client/cpp/inspect_run.h"

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/files.h"
#include "client/cpp/errors.h"
#include "client/cpp/reply_overlay.h"
#include "client/cpp/results.h"
#include "model/overlay/output_names.h"
#include "model/verdict/result_id.h"

namespace bayespfl::client {
namespace {

using inspection::v1::InspectOptions;
using inspection::v1::InspectRequest;
using inspection::v1::InspectResponse;

// The server answers a frame that is late by itself; the stream is given up only when it does not even do that.
constexpr absl::Duration kStallGrace = absl::Seconds(5);

// What came of one input: the server's reply, its error, or why it was never sent.
struct Answer {
  absl::StatusOr<InspectResponse> result;
  absl::Duration latency = absl::ZeroDuration();
};

absl::StatusOr<Inspection> ResultOf(const absl::StatusOr<InspectResponse>& response) {
  if (!response.ok()) return response.status();
  return ToInspection(*response);
}

class Run final {
 public:
  Run(const InspectionClient& client, const InspectJob& job, Reporter& reporter, Progress& progress)
      : client_(client),
        job_(job),
        reporter_(reporter),
        progress_(progress),
        options_(job.options),
        labels_(LabelsOf(job.inputs)),
        run_id_(NewResultId(absl::Now())) {
    if (!job.output.has_value()) return;
    options_.set_anomaly_map(inspection::v1::MAP_ENCODING_PNG8);
    options_.set_mask(inspection::v1::MASK_ENCODING_PNG8);
    options_.set_inspected_picture(inspection::v1::PICTURE_ENCODING_PNG);
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
        reporter_.ReportUnanswered(labels_[reported_], summary_.broken, HintsOf(summary_.broken));
      }
    }
    progress_.Clear();
    reporter_.Finish(absl::Now() - start);
    return std::move(summary_);
  }

 private:
  void RunUnary() {
    for (size_t i = 0; i < job_.inputs.size() && summary_.broken.ok(); ++i) {
      absl::StatusOr<std::string> picture = LoadPicture(job_.inputs[i]);
      if (!picture.ok()) {
        Done(i, {.result = picture.status()});
        continue;
      }
      InspectRequest request;
      request.mutable_image()->set_encoded(*std::move(picture));
      *request.mutable_metadata() = MetadataOf(i);
      *request.mutable_options() = options_;
      SetProduct(job_.inputs[i], *request.mutable_options());
      const absl::Time sent = absl::Now();
      absl::StatusOr<InspectResponse> response = client_.Inspect(request);
      if (absl::IsUnavailable(response.status())) {
        summary_.broken = response.status();
      } else {
        Done(i, {.result = std::move(response), .latency = absl::Now() - sent});
      }
    }
  }

  // A server ends streams at a certain age, so that they spread over new servers: a new stream takes what is left. One
  // that brought no reply at all ends the run.
  void RunStream() {
    if (job_.inputs.empty()) return;
    absl::Status status;
    size_t answered = 0;
    do {
      answered = 0;
      status = StreamOnce(answered);
      for (const size_t i : sent_) ++attempts_[i];
      again_.insert(again_.begin(), sent_.begin(), sent_.end());
      sent_.clear();
    } while (summary_.broken.ok() && answered > 0 &&
             ErrorReasonOf(status) == inspection::v1::ERROR_REASON_MAX_STREAM_AGE);
    if (summary_.broken.ok()) summary_.broken = std::move(status);
  }

  absl::Status StreamOnce(size_t& answered) {
    return client_.InspectStream(
        options_,
        {.max_in_flight = job_.max_in_flight,
         .flow_policy = job_.flow_policy,
         .stall_timeout = job_.timeout + kStallGrace},
        [this] { return NextFrame(); },
        [this, &answered](StreamReply reply) {
          ++answered;
          sent_.pop_front();
          // A refusal that every further frame would get too, e.g. from a server that is draining.
          if (absl::IsUnavailable(reply.result.status())) summary_.broken = reply.result.status();
          Done(reply.tag, {.result = std::move(reply.result), .latency = reply.latency});
        });
  }

  // The input to send next: first those that a stream left without a reply.
  std::optional<size_t> NextInput() {
    if (!again_.empty()) {
      const size_t i = again_.front();
      again_.pop_front();
      return i;
    }
    if (next_ == job_.inputs.size()) return std::nullopt;
    return next_++;
  }

  // The next picture that can be read; the others are done with their errors.
  std::optional<OutgoingFrame> NextFrame() {
    while (summary_.broken.ok()) {
      const std::optional<size_t> i = NextInput();
      if (!i.has_value()) return std::nullopt;
      absl::StatusOr<std::string> picture = LoadPicture(job_.inputs[*i]);
      if (picture.ok()) return FrameOf(*i, *std::move(picture));
      Done(*i, {.result = picture.status()});
    }
    return std::nullopt;
  }

  OutgoingFrame FrameOf(size_t i, std::string picture) {
    sent_.push_back(i);
    OutgoingFrame outgoing{.frame = {}, .tag = i};
    outgoing.frame.mutable_image()->set_encoded(std::move(picture));
    *outgoing.frame.mutable_metadata() = MetadataOf(i);
    SetProduct(job_.inputs[i], *outgoing.frame.mutable_options());
    const int64_t seconds = absl::ToInt64Seconds(job_.timeout);
    outgoing.frame.mutable_timeout()->set_seconds(seconds);
    outgoing.frame.mutable_timeout()->set_nanos(
        static_cast<int32_t>(absl::ToInt64Nanoseconds(job_.timeout - absl::Seconds(seconds))));
    return outgoing;
  }

  // Unique also among the frames of other runs: result logs are searched for it.
  inspection::v1::FrameMetadata MetadataOf(size_t i) const {
    inspection::v1::FrameMetadata metadata;
    metadata.set_frame_id(absl::StrCat(run_id_, "-", i));
    metadata.set_attempt(AttemptOf(i));
    return metadata;
  }

  // How often the input was sent before.
  uint32_t AttemptOf(size_t i) const {
    const auto found = attempts_.find(i);
    return found == attempts_.end() ? 0 : found->second;
  }

  static void SetProduct(const Input& input, InspectOptions& options) {
    options.set_category(input.category);
    if (input.object.has_value()) options.set_object(*input.object);
  }

  // Reports the outcome once all inputs before it are reported.
  void Done(size_t i, Answer answer) {
    waiting_.emplace(i, std::move(answer));
    for (auto first = waiting_.begin(); first != waiting_.end() && first->first == reported_;
         first = waiting_.erase(first)) {
      Report(reported_++, first->second);
    }
  }

  void Report(size_t i, const Answer& answer) {
    const PictureOutcome outcome{.result = ResultOf(answer.result),
                                 .hints = HintsOf(answer.result.status()),
                                 .latency = answer.latency,
                                 .attempt = AttemptOf(i)};
    if (answer.result.ok()) {
      ++summary_.answered;
      Count(job_.inputs[i], *outcome.result);
      WriteOutputs(i, *answer.result);
    } else {
      ++summary_.failed;
    }
    progress_.Clear();
    reporter_.Report(labels_[i], outcome);
    progress_.Advance();
  }

  void Count(const Input& input, const Inspection& result) {
    const Verdict verdict = result.decision.verdict;
    if (job_.fail_on.has_value() && verdict == Verdict::kNone) summary_.without_verdict.insert(input.category);
    const bool by_verdict = job_.fail_on.has_value() && verdict >= *job_.fail_on;
    const bool by_score = job_.fail_above.has_value() && result.score > *job_.fail_above;
    if (by_verdict || by_score) ++summary_.exceeded;
  }

  void WriteOutputs(size_t i, const InspectResponse& response) {
    if (!job_.output.has_value()) return;
    absl::Status status = WriteFile(files_[i].mask, response.mask().data());
    if (status.ok()) {
      const absl::StatusOr<std::string> overlay = ReplyOverlay(response);
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
  const std::vector<PictureLabel> labels_;  // by input
  const std::string run_id_;                // of all frame ids
  std::vector<OutputFiles> files_;          // by input; empty without an output folder
  std::map<size_t, Answer> waiting_;        // by input, for an earlier one to be reported
  std::deque<size_t> sent_;                 // on the stream and without a reply, in their order
  std::deque<size_t> again_;                // left without a reply by a stream before, in their order
  std::map<size_t, uint32_t> attempts_;     // how often an input was sent before; absent: never
  size_t next_ = 0;                         // first input not yet sent
  size_t reported_ = 0;                     // first input not yet reported
  RunSummary summary_;
};

}  // namespace

std::vector<PictureLabel> LabelsOf(const std::vector<Input>& inputs) {
  std::vector<PictureLabel> labels;
  labels.reserve(inputs.size());
  for (const Input& input : inputs) labels.push_back({.name = input.name, .category = input.category});
  return labels;
}

RunSummary RunInspection(const InspectionClient& client, const InspectJob& job, Reporter& reporter,
                         Progress& progress) {
  return Run(client, job, reporter, progress).Finish();
}

}  // namespace bayespfl::client
