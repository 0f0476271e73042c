#include "server/api/inspection_service.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/impl/codegen/proto_utils.h"
#include "server/api/status.h"
#include "server/api/translate.h"

namespace bayespfl::server {
namespace {

namespace v1 = inspection::v1;

template <typename Message>
absl::Status Parse(grpc::ByteBuffer& bytes, Message& message) {
  const size_t size = bytes.Length();
  if (grpc::SerializationTraits<Message>::Deserialize(&bytes, &message).ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the message of ", size, " bytes is no valid ",
                                                 Message::descriptor()->full_name(),
                                                 ": damaged, or a text field is not valid UTF-8"));
}

template <typename Message>
absl::StatusOr<grpc::ByteBuffer> Serialize(const Message& message) {
  grpc::ByteBuffer bytes;
  bool own_buffer = false;
  if (!grpc::SerializationTraits<Message>::Serialize(message, &bytes, &own_buffer).ok()) {
    return absl::InternalError("the reply could not be serialized");
  }
  return bytes;
}

absl::Time DeadlineOf(const grpc::CallbackServerContext& context) { return absl::FromChrono(context.deadline()); }

}  // namespace

// One unary call. gRPC calls OnDone() only after Finish(), and Finish() is called exactly once: by the pipeline's
// callback when the frame was accepted, by Start() when not. So the object outlives the frame.
class InspectionService::UnaryCall final : public grpc::ServerUnaryReactor {
 public:
  UnaryCall(InspectionService& service, const grpc::CallbackServerContext& context, grpc::ByteBuffer& response)
      : service_(service), deadline_(DeadlineOf(context)), response_(response) {
    service_.CallStarted();
  }

  void Start(const grpc::ByteBuffer& bytes) {
    const auto arrival = std::chrono::steady_clock::now();
    auto message = std::make_shared<v1::InspectRequest>();
    grpc::ByteBuffer copy(bytes);  // shares the slices
    const absl::Status parsed = Parse(copy, *message);
    if (!parsed.ok()) return Reject(parsed);
    absl::StatusOr<FrameRequest> frame = FrameFromProto(*message);
    if (!frame.ok()) return Reject(frame.status());
    metadata_ = std::move(*message->mutable_metadata());
    frame->arrival = arrival;
    frame->owner = std::move(message);
    frame->deadline = deadline_;
    frame->cancellation = cancellation_;
    const absl::Status accepted =
        service_.pipeline_.Submit(*std::move(frame), [this](FrameResult result) { OnResult(std::move(result)); });
    if (!accepted.ok()) End(accepted);
  }

  void OnCancel() override { cancellation_->Cancel(); }
  void OnDone() override {
    InspectionService& service = service_;
    delete this;
    service.CallEnded();
  }

 private:
  void Reject(const absl::Status& status) {
    service_.CountRejectedFrame(status);
    End(status);
  }

  void OnResult(FrameResult result) {
    if (!result.ok()) return End(result.status());
    v1::InspectResponse message = ToProto(*std::move(result));
    *message.mutable_metadata() = std::move(metadata_);
    absl::StatusOr<grpc::ByteBuffer> bytes = Serialize(message);
    if (!bytes.ok()) return End(bytes.status());
    response_.Swap(&*bytes);
    End(absl::OkStatus());
  }

  // The object may be gone when this returns.
  void End(const absl::Status& status) {
    const grpc::Status grpc_status = ToGrpcStatus(status);
    service_.CountCall("Inspect", grpc_status);
    Finish(grpc_status);
  }

  InspectionService& service_;
  const absl::Time deadline_;
  grpc::ByteBuffer& response_;
  v1::FrameMetadata metadata_;
  const std::shared_ptr<CancellationToken> cancellation_ = std::make_shared<CancellationToken>();
};

// One stream. At most one read, one write and many frames are under way at a time.
//
// Replies wait in `slots_`, one for each frame that was read and whose reply is not being written, in the frames'
// order; a slot is filled when its frame is answered. Whatever happens changes the state under the lock and then calls
// Advance(), the only place that starts a read, a write or the end. Finish() is called once, when `ending_` is set and
// every frame that was read has been answered, so gRPC's OnDone() never comes while the pipeline holds a frame of this
// stream. The frames' callbacks and Drain() hold references besides, so that nothing depends on that order.
class InspectionService::Stream final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                                        public std::enable_shared_from_this<InspectionService::Stream> {
 public:
  Stream(InspectionService& service, const grpc::CallbackServerContext& context)
      : service_(service),
        max_frames_(static_cast<size_t>(std::max(1, service.options_.max_frames_per_stream))),
        deadline_(DeadlineOf(context)) {
    service_.CallStarted();
  }

  // Starts reading, or ends the stream when the server takes no frames.
  void Start() ABSL_LOCKS_EXCLUDED(mu_) {
    self_ = shared_from_this();
    const absl::Status ready = service_.pipeline_.Ready();
    if (!ready.ok()) return EndWith(ready);
    Advance();
  }

  void Drain() { EndWith(absl::UnavailableError("the server is draining; reopen the stream on another replica")); }

  void OnReadDone(bool ok) override {
    {
      MutexLock lock(mu_);
      reading_ = false;
      handling_ = ok;
    }
    if (ok) {
      OnMessage();
      MutexLock lock(mu_);
      handling_ = false;
    } else {
      SetEnding(absl::OkStatus());  // half close; after a cancellation OnCancel() has the word
    }
    Advance();
  }

  void OnWriteDone(bool ok) override {
    {
      MutexLock lock(mu_);
      writing_ = false;
      outgoing_.Clear();
    }
    if (!ok) Abandon();
    Advance();
  }

  void OnCancel() override {
    Abandon();
    Advance();
  }

  void OnDone() override {
    {
      MutexLock lock(mu_);
      service_.CountCall("InspectStream", ToGrpcStatus(*ending_));
    }
    {
      MutexLock lock(service_.mu_);
      service_.streams_.erase(this);
    }
    const std::shared_ptr<Stream> last = std::move(self_);
    service_.CallEnded();
  }

 private:
  using Slot = std::optional<grpc::ByteBuffer>;

  // The client is gone: nobody waits for the replies, the frames need not run.
  void Abandon() {
    cancellation_->Cancel();
    MutexLock lock(mu_);
    abandoned_ = true;
    if (finished_) return;
    ending_ = absl::Now() >= deadline_ ? absl::DeadlineExceededError("the stream's deadline passed")
                                       : absl::CancelledError("the client left");
  }

  // The first reason stands. No message is read after it.
  void SetEnding(const absl::Status& status) {
    MutexLock lock(mu_);
    if (!ending_.has_value()) ending_ = status;
  }

  void EndWith(const absl::Status& status) {
    SetEnding(status);
    Advance();
  }

  void OnMessage() {
    arrival_ = std::chrono::steady_clock::now();
    auto message = std::make_shared<v1::InspectStreamRequest>();
    const absl::Status parsed = Parse(incoming_, *message);
    if (parsed.ok() && message->has_configuration()) return OnConfiguration(message->configuration());
    if (!defaults_.has_value()) {
      return SetEnding(parsed.ok() ? absl::InvalidArgumentError("the stream's first message is not its configuration")
                                   : parsed);
    }
    const std::optional<uint64_t> sequence = AddSlot();
    if (!sequence.has_value()) return;
    if (!parsed.ok()) return RejectFrame(*sequence, {}, parsed);
    if (!message->has_frame()) {
      return RejectFrame(*sequence, {},
                         absl::InvalidArgumentError("the message holds neither a frame nor a configuration"));
    }
    OnFrame(*sequence, std::move(message));
  }

  void OnConfiguration(const v1::StreamConfiguration& configuration) {
    if (defaults_.has_value()) {
      return SetEnding(absl::InvalidArgumentError("a stream takes one configuration; this is the second"));
    }
    absl::StatusOr<StreamDefaults> defaults = DefaultsFromProto(configuration);
    if (!defaults.ok()) return SetEnding(defaults.status());
    const std::shared_ptr<Executor> executor = service_.pipeline_.executor();
    if (executor != nullptr && !defaults->options.category.empty()) {
      const absl::Status valid = executor->Validate(defaults->options.category, defaults->options.samples);
      if (!valid.ok()) return SetEnding(valid);
    }
    defaults_ = *std::move(defaults);
  }

  void OnFrame(uint64_t sequence, std::shared_ptr<v1::InspectStreamRequest> message) {
    v1::StreamFrame& frame = *message->mutable_frame();
    absl::StatusOr<FrameRequest> request = FrameFromProto(frame, *defaults_);
    v1::FrameMetadata metadata = std::move(*frame.mutable_metadata());
    if (!request.ok()) return RejectFrame(sequence, std::move(metadata), request.status());
    request->arrival = arrival_;
    request->owner = std::move(message);
    request->deadline = std::min(request->deadline, deadline_);
    request->cancellation = cancellation_;
    const absl::Status accepted = service_.pipeline_.Submit(
        *std::move(request), [self = shared_from_this(), sequence, metadata](FrameResult result) {
          self->Reply(sequence, metadata, std::move(result));
          self->Advance();
        });
    if (!accepted.ok()) Reply(sequence, std::move(metadata), accepted);
  }

  void RejectFrame(uint64_t sequence, v1::FrameMetadata metadata, const absl::Status& status) {
    service_.CountRejectedFrame(status);
    // Ids over the limit are not sent back: they may be as large as a picture.
    Reply(sequence, CheckMetadata(metadata).ok() ? std::move(metadata) : v1::FrameMetadata(), status);
  }

  // A place for the reply of the next frame; none when the stream has ended.
  std::optional<uint64_t> AddSlot() {
    MutexLock lock(mu_);
    if (finished_) return std::nullopt;
    slots_.emplace_back();
    return first_sequence_ + slots_.size() - 1;
  }

  void Reply(uint64_t sequence, v1::FrameMetadata metadata, FrameResult result) {
    v1::InspectStreamResponse message;
    message.set_sequence(sequence);
    if (result.ok()) {
      *message.mutable_result() = ToProto(*std::move(result));
      *message.mutable_result()->mutable_metadata() = metadata;
    } else {
      *message.mutable_error() = ToProto(result.status());
    }
    *message.mutable_metadata() = std::move(metadata);
    absl::StatusOr<grpc::ByteBuffer> bytes = Serialize(message);
    if (!bytes.ok()) return Reply(sequence, message.metadata(), bytes.status());
    MutexLock lock(mu_);
    slots_[sequence - first_sequence_] = *std::move(bytes);
  }

  // Starts whatever can start now. The flags are set under the lock and the calls made outside it: each flag belongs to
  // the one thread that set it until gRPC calls back, and a read or write under way keeps the stream from ending.
  void Advance() {
    bool write = false;
    bool read = false;
    std::optional<grpc::Status> finish;
    {
      MutexLock lock(mu_);
      if (finished_) return;
      while (abandoned_ && !slots_.empty() && slots_.front().has_value()) PopSlot();
      if (!writing_ && !slots_.empty() && slots_.front().has_value()) {
        outgoing_ = *std::move(slots_.front());
        PopSlot();
        write = writing_ = true;
      }
      const bool room = slots_.size() + (writing_ ? 1 : 0) < max_frames_;
      if (!reading_ && !handling_ && !ending_.has_value() && room) read = reading_ = true;
      if (ending_.has_value() && slots_.empty() && !writing_ && !handling_) {
        finished_ = true;
        finish = ToGrpcStatus(*ending_);
      }
    }
    if (write) StartWrite(&outgoing_);
    if (read) StartRead(&incoming_);
    if (finish.has_value()) Finish(*finish);
  }

  void PopSlot() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    slots_.pop_front();
    ++first_sequence_;
  }

  InspectionService& service_;
  const size_t max_frames_;
  const absl::Time deadline_;
  const std::shared_ptr<CancellationToken> cancellation_ = std::make_shared<CancellationToken>();
  std::shared_ptr<Stream> self_;                   // gRPC's reference; given up in OnDone()
  std::optional<StreamDefaults> defaults_;         // touched by the reading side only, as is arrival_
  std::chrono::steady_clock::time_point arrival_;  // of the message that is being handled
  grpc::ByteBuffer incoming_;                      // belongs to the read under way
  grpc::ByteBuffer outgoing_;                      // belongs to the write under way

  Mutex mu_;
  std::deque<Slot> slots_ ABSL_GUARDED_BY(mu_);
  uint64_t first_sequence_ ABSL_GUARDED_BY(mu_) = 0;         // of slots_.front()
  std::optional<absl::Status> ending_ ABSL_GUARDED_BY(mu_);  // how the stream ends; set: nothing more is read
  bool reading_ ABSL_GUARDED_BY(mu_) = false;                // a read is under way in gRPC
  bool handling_ ABSL_GUARDED_BY(mu_) = false;               // a message that was read is being looked at
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool abandoned_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
};

absl::string_view InspectionService::FullName() { return v1::InspectionService::service_full_name(); }

InspectionService::InspectionService(ServiceOptions options, Pipeline& pipeline)
    : options_(std::move(options)), pipeline_(pipeline) {}

InspectionService::~InspectionService() = default;

void InspectionService::CallStarted() {
  MutexLock lock(mu_);
  ++open_calls_;
}

void InspectionService::CallEnded() {
  MutexLock lock(mu_);
  if (--open_calls_ == 0) idle_.NotifyAll();
}

bool InspectionService::WaitUntilIdle(std::chrono::steady_clock::time_point deadline) {
  MutexLock lock(mu_);
  while (open_calls_ > 0) {
    if (!idle_.WaitUntil(mu_, deadline)) return open_calls_ == 0;
  }
  return true;
}

void InspectionService::CountCall(absl::string_view method, const grpc::Status& status) const {
  if (options_.on_call_finished) options_.on_call_finished(method, status);
}

void InspectionService::CountRejectedFrame(const absl::Status& status) const {
  if (options_.on_frame_rejected) options_.on_frame_rejected(status);
}

void InspectionService::Drain() {
  std::vector<std::shared_ptr<Stream>> open;
  {
    MutexLock lock(mu_);
    for (const auto& [key, weak] : streams_) {
      if (std::shared_ptr<Stream> stream = weak.lock()) open.push_back(std::move(stream));
    }
  }
  for (const std::shared_ptr<Stream>& stream : open) stream->Drain();
}

grpc::ServerUnaryReactor* InspectionService::Inspect(grpc::CallbackServerContext* context,
                                                     const grpc::ByteBuffer* request, grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(*this, *context, *response);  // deletes itself in OnDone()
  call->Start(*request);
  return call;
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* InspectionService::InspectStream(
    grpc::CallbackServerContext* context) {
  auto stream = std::make_shared<Stream>(*this, *context);
  {
    MutexLock lock(mu_);
    streams_.emplace(stream.get(), stream);
  }
  stream->Start();
  return stream.get();
}

grpc::ServerUnaryReactor* InspectionService::GetModelInfo(grpc::CallbackServerContext* context,
                                                          const v1::GetModelInfoRequest* /*request*/,
                                                          v1::GetModelInfoResponse* response) {
  const std::shared_ptr<Executor> executor = pipeline_.executor();
  const grpc::Status status =
      executor != nullptr ? grpc::Status::OK : ToGrpcStatus(absl::UnavailableError("the model is not loaded yet"));
  if (executor != nullptr) *response = ToProto(executor->info(), options_.server_version);
  CountCall("GetModelInfo", status);
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(status);
  return reactor;
}

}  // namespace bayespfl::server
