#include "server/api/inspection_stream.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "server/api/call_client.h"
#include "server/api/status.h"
#include "server/api/translate_result.h"
#include "server/api/wire.h"
#include "server/pipeline/error_reason.h"

namespace bayespfl::server {
namespace {

namespace v1 = inspection::v1;

// Under FLOW_POLICY_LATEST a client that does not take its replies would pile up skipped ones without end. Results are
// bounded by StreamSurroundings::max_unsent_bytes.
constexpr size_t kMaxUnsentReplies = 1024;

absl::Status OutOfOrder(absl::string_view what) {
  return WithReason(absl::InvalidArgumentError(what), ErrorReason::kStreamProtocol);
}

}  // namespace

InspectionStream::InspectionStream(StreamSurroundings surroundings, absl::Time deadline)
    : OrderedStream(std::move(surroundings), deadline) {}

std::shared_ptr<InspectionStream> InspectionStream::Self() {
  return std::static_pointer_cast<InspectionStream>(shared_from_this());
}

void InspectionStream::OnAbandoned() { pipeline().Cancel(*cancellation_); }

void InspectionStream::OnMessage(grpc::ByteBuffer& bytes) {
  arrival_ = std::chrono::steady_clock::now();
  auto message = std::make_shared<v1::InspectStreamRequest>();
  const absl::Status parsed = ParseMessage(bytes, *message);
  if (parsed.ok() && message->has_configuration()) return OnConfiguration(message->configuration());
  if (!defaults_.has_value()) {
    return SetEnding(parsed.ok() ? OutOfOrder("the stream's first message is not its configuration") : parsed);
  }
  const std::optional<uint64_t> sequence = AddSlot();
  if (!sequence.has_value()) return;
  const TraceContext span = ChildOf(surroundings().call->trace);
  const ReceivedFrame nameless{.metadata = {}, .category = {}, .arrival = arrival_, .span = span};
  if (!parsed.ok()) return RejectFrame(*sequence, nameless, parsed);
  if (!message->has_frame()) {
    return RejectFrame(*sequence, nameless,
                       WithReason(absl::InvalidArgumentError("the message holds neither a frame nor a configuration"),
                                  ErrorReason::kMalformedMessage));
  }
  OnFrame(*sequence, span, std::move(message));
}

void InspectionStream::OnConfiguration(const v1::StreamConfiguration& configuration) {
  if (defaults_.has_value()) {
    return SetEnding(OutOfOrder("a stream takes one configuration; this is the second"));
  }
  absl::StatusOr<StreamDefaults> defaults = DefaultsFromProto(configuration);
  if (!defaults.ok()) return SetEnding(defaults.status());
  const auto model = pipeline().FindModel(defaults->options.model());
  if (!model.ok()) return SetEnding(model.status());
  if (defaults->options.has_category()) {
    const absl::StatusOr<FrameOptions> options = OptionsFromProto(defaults->options, "configuration.");
    const absl::Status valid = options.ok() ? (*model)->Validate(options->category) : options.status();
    if (!valid.ok()) return SetEnding(valid);
  }
  defaults_ = *std::move(defaults);
  // MakeRoom() bounds the frames themselves.
  if (defaults_->latest) SetMaxUnsent(surroundings().max_frames + kMaxUnsentReplies);
}

void InspectionStream::OnFrame(uint64_t sequence, const TraceContext& span,
                               std::shared_ptr<v1::InspectStreamRequest> message) {
  absl::StatusOr<FrameRequest> request = FrameFromProto(message->frame(), *defaults_);
  ReceivedFrame frame{.metadata = std::move(*message->mutable_frame()->mutable_metadata()),
                      .category = {},
                      .arrival = arrival_,
                      .span = span};
  if (!request.ok()) return RejectFrame(sequence, std::move(frame), request.status());
  frame.category = request->options.category.category;
  const absl::Status permitted = CheckPriority(surroundings().client, request->options.priority);
  if (!permitted.ok()) return RejectFrame(sequence, std::move(frame), permitted);
  request->client = surroundings().client.name;
  request->arrival = arrival_;
  request->owner = std::move(message);
  request->deadline = std::min(request->deadline, deadline());
  request->cancellation = cancellation_;
  frame.timeline = surroundings().new_timeline();
  request->timeline = frame.timeline;
  if (defaults_->latest) {
    request->gives_way = MakeRoom(sequence);
  } else {
    // FLOW_POLICY_BLOCK: nothing more is read while the server has no room for this one.
    HoldMessage();
    request->on_entered = [self = Self()] { self->ReleaseMessage(); };
  }
  const bool held = static_cast<bool>(request->on_entered);
  FrameId id = 0;
  const absl::Status accepted = pipeline().Submit(
      *std::move(request),
      [self = Self(), sequence, frame](FrameResult result) {
        self->Reply(sequence, frame, std::move(result));
        self->Advance();
      },
      &id);
  if (!accepted.ok()) {
    Reply(sequence, frame, WithRetryDelay(accepted, pipeline()));
    if (held) ReleaseMessage();
    return;
  }
  MutexLock lock(mu_);
  // It may have been answered by now.
  if (const auto place = unanswered_.find(sequence); place != unanswered_.end()) place->second = id;
}

// FLOW_POLICY_LATEST: the oldest frames that wait give way until there is room for the frame of `sequence`; those that
// the model has been through only when no others are left, which is when rendering is what holds the stream up. Frames
// that a stage works on are never interrupted; they hold their places. What is left gives way when the whole server is
// full.
std::vector<FrameId> InspectionStream::MakeRoom(uint64_t sequence) {
  std::vector<FrameId> waiting;
  size_t surplus = 0;
  {
    MutexLock lock(mu_);
    unanswered_.emplace(sequence, std::nullopt);
    surplus = unanswered_.size() - std::min(unanswered_.size(), surroundings().max_frames);
    for (const auto& [older, id] : unanswered_) {
      if (id.has_value()) waiting.push_back(*id);
    }
  }
  for (const SkipFrom from : {SkipFrom::kBeforeModel, SkipFrom::kAnyLine}) {
    for (const FrameId id : waiting) {
      if (surplus == 0) return waiting;
      if (pipeline().Skip(id, from, SkippedStatus())) --surplus;
    }
  }
  return waiting;
}

void InspectionStream::RejectFrame(uint64_t sequence, ReceivedFrame frame, const absl::Status& status) {
  surroundings().on_frame_rejected(status);
  // Ids over the limit are not sent back: they may be as large as a picture.
  if (!CheckMetadata(frame.metadata).ok()) frame.metadata.Clear();
  Reply(sequence, frame, status);
}

void InspectionStream::Reply(uint64_t sequence, const ReceivedFrame& frame, FrameResult result) {
  const std::optional<Inspection> inspection = result.ok() ? std::optional(result->inspection) : std::nullopt;
  const RequestRecord record =
      RequestOf(*surroundings().call, frame, result.status(), inspection.has_value() ? &*inspection : nullptr);
  v1::InspectStreamResponse message;
  message.set_sequence(sequence);
  const bool ok = result.ok();
  if (ok) {
    *message.mutable_result() = ToProto(*std::move(result));
    *message.mutable_result()->mutable_metadata() = frame.metadata;
  } else if (IsSkipped(result.status())) {
    message.mutable_skipped();
  } else {
    *message.mutable_error() = ToProto(result.status());
  }
  *message.mutable_metadata() = frame.metadata;
  // An error is small; were it not, there would be no other way to say so.
  const absl::StatusOr<grpc::ByteBuffer> bytes =
      ok ? SerializeReply(message, surroundings().max_reply_bytes, surroundings().unsent) : SerializeMessage(message);
  if (!bytes.ok()) return Reply(sequence, frame, WithRetryDelay(bytes.status(), pipeline()));
  ReplyGone gone = surroundings().on_request_answered(record);
  {
    MutexLock lock(mu_);
    unanswered_.erase(sequence);
  }
  FillSlot(sequence, *bytes, std::move(gone));
}

}  // namespace bayespfl::server
