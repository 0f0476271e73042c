#include "client/cpp/inspect_run.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/files.h"
#include "client/cpp/reply_overlay.h"
#include "client/cpp/results.h"
#include "model/overlay/output_names.h"
#include "model/verdict/result_id.h"

namespace bayespfl::client {
namespace {

using inspection::v1::InspectOptions;
using inspection::v1::InspectRequest;
using inspection::v1::InspectResponse;

// What came of one input: the server's reply, its error, or why it was never sent.
struct Answer {
  absl::StatusOr<InspectResponse> result;
  absl::Duration latency = absl::ZeroDuration();
  uint32_t attempt = 0;  // how often it was sent before
};

// Whether no two files share a name, as "000.jpg" of two folders do.
bool NamesTellApart(const std::vector<Input>& inputs) {
  std::map<std::string, std::filesystem::path> paths;
  return std::all_of(inputs.begin(), inputs.end(), [&](const Input& input) {
    return paths.emplace(input.name, input.path).first->second == input.path;
  });
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
      *request.mutable_image() = ImageOf(i, *std::move(picture));
      *request.mutable_metadata() = MetadataOf(i);
      *request.mutable_options() = options_;
      SetProduct(job_.inputs[i], *request.mutable_options());
      const absl::Time sent = absl::Now();
      absl::StatusOr<InspectResponse> response = client_.Inspect(std::move(request));
      if (absl::IsUnavailable(response.status())) {
        summary_.broken = response.status();
        continue;
      }
      const uint32_t attempt = response.ok() ? response->metadata().attempt() : 0;
      Done(i, {.result = std::move(response), .latency = absl::Now() - sent, .attempt = attempt});
    }
  }

  // The library opens the stream anew and sends frames again where that helps; what it could not help is final.
  void RunStream() {
    if (job_.inputs.empty()) return;
    const absl::Status status = client_.InspectStream(
        options_, {.max_in_flight = job_.max_in_flight, .flow_policy = job_.flow_policy, .frame_timeout = job_.timeout},
        [this] { return NextFrame(); },
        [this](StreamReply reply) {
          // What every further frame would get too.
          if (absl::IsUnavailable(reply.result.status())) summary_.broken = reply.result.status();
          Done(reply.tag,
               {.result = std::move(reply.result), .latency = reply.latency, .attempt = reply.metadata.attempt()});
        });
    if (summary_.broken.ok()) summary_.broken = status;
  }

  // The next picture that can be read; the others are done with their errors.
  std::optional<OutgoingFrame> NextFrame() {
    while (summary_.broken.ok() && next_ < job_.inputs.size()) {
      const size_t i = next_++;
      absl::StatusOr<std::string> picture = LoadPicture(job_.inputs[i]);
      if (picture.ok()) return FrameOf(i, *std::move(picture));
      Done(i, {.result = picture.status()});
    }
    return std::nullopt;
  }

  // With what the reply does not tell: how the picture was sent.
  absl::StatusOr<Inspection> ResultOf(size_t i, const absl::StatusOr<InspectResponse>& response) const {
    if (!response.ok()) return response.status();
    Inspection inspection = ToInspection(*response);
    inspection.provenance.picture.significant_bits = BitsOf(i);
    inspection.provenance.picture.apply_orientation = job_.apply_orientation;
    return inspection;
  }

  int BitsOf(size_t i) const {
    const int own = job_.inputs[i].significant_bits;
    return own != 0 ? own : job_.significant_bits;
  }

  inspection::v1::Image ImageOf(size_t i, std::string picture) const {
    inspection::v1::Image image;
    image.set_encoded(std::move(picture));
    image.set_significant_bits(static_cast<uint32_t>(BitsOf(i)));
    image.set_apply_orientation(job_.apply_orientation);
    return image;
  }

  OutgoingFrame FrameOf(size_t i, std::string picture) const {
    OutgoingFrame outgoing{.frame = {}, .tag = i};
    *outgoing.frame.mutable_image() = ImageOf(i, std::move(picture));
    *outgoing.frame.mutable_metadata() = MetadataOf(i);
    SetProduct(job_.inputs[i], *outgoing.frame.mutable_options());
    return outgoing;
  }

  // Unique also among the frames of other runs: result logs are searched for it.
  inspection::v1::FrameMetadata MetadataOf(size_t i) const {
    inspection::v1::FrameMetadata metadata;
    metadata.set_frame_id(absl::StrCat(run_id_, "-", i));
    return metadata;
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
    const PictureOutcome outcome{.result = ResultOf(i, answer.result),
                                 .hints = HintsOf(answer.result.status()),
                                 .latency = answer.latency,
                                 .attempt = answer.attempt};
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
      summary_.output_errors.push_back(absl::StrCat(labels_[i].name, ": ", status.message()));
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
  size_t next_ = 0;                         // first input not yet sent
  size_t reported_ = 0;                     // first input not yet reported
  RunSummary summary_;
};

}  // namespace

std::vector<PictureLabel> LabelsOf(const std::vector<Input>& inputs) {
  std::vector<PictureLabel> labels;
  labels.reserve(inputs.size());
  const bool by_name = NamesTellApart(inputs);
  for (const Input& input : inputs) {
    const bool named = by_name || input.path.empty();
    labels.push_back({.name = named ? input.name : input.path.string(), .category = input.category});
  }
  return labels;
}

RunSummary RunInspection(const InspectionClient& client, const InspectJob& job, Reporter& reporter,
                         Progress& progress) {
  return Run(client, job, reporter, progress).Finish();
}

}  // namespace bayespfl::client
