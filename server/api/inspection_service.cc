#include "server/api/inspection_service.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/api/records.h"
#include "server/api/status.h"
#include "server/api/translate.h"
#include "server/api/wire.h"

namespace bayespfl::server {
namespace {

namespace v1 = inspection::v1;

absl::Time DeadlineOf(const grpc::CallbackServerContext& context) { return absl::FromChrono(context.deadline()); }

}  // namespace

// One unary call. gRPC calls OnDone() only after Finish(), and Finish() is called exactly once: by the pipeline's
// callback when the frame was accepted, by Start() when not. So the object outlives the frame.
class InspectionService::UnaryCall final : public grpc::ServerUnaryReactor {
 public:
  UnaryCall(InspectionService& service, grpc::CallbackServerContext& context, grpc::ByteBuffer& response)
      : service_(service),
        context_(context),
        call_(BeginCall("Inspect", context)),
        deadline_(DeadlineOf(context)),
        response_(response) {
    service_.CallStarted();
  }

  void Start(const grpc::ByteBuffer& bytes) {
    frame_.arrival = std::chrono::steady_clock::now();
    auto message = std::make_shared<v1::InspectRequest>();
    grpc::ByteBuffer copy(bytes);  // shares the slices
    const absl::Status parsed = ParseMessage(copy, *message);
    if (!parsed.ok()) return Reject(parsed);
    absl::StatusOr<FrameRequest> frame = FrameFromProto(*message);
    frame_.metadata = std::move(*message->mutable_metadata());
    if (!frame.ok()) return Reject(frame.status());
    frame_.category = frame->options.category;
    frame->arrival = frame_.arrival;
    frame->owner = std::move(message);
    frame->deadline = deadline_;
    frame->cancellation = cancellation_;
    const absl::Status accepted =
        service_.pipeline_.Submit(*std::move(frame), [this](FrameResult result) { OnResult(std::move(result)); });
    if (!accepted.ok()) Refuse(accepted);
  }

  void OnCancel() override { service_.pipeline_.Cancel(*cancellation_); }
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

  void Refuse(const absl::Status& status) {
    if (!absl::IsResourceExhausted(status)) return End(status);
    const absl::Duration delay = RetryDelay(service_.pipeline_);
    // gRPC's own retries wait this long (its proposal A6).
    context_.AddTrailingMetadata("grpc-retry-pushback-ms", absl::StrCat(absl::ToInt64Milliseconds(delay)));
    End(WithRetryInfo(status, delay));
  }

  void OnResult(FrameResult result) {
    if (!result.ok()) return End(result.status());
    const FrameRecord record = RecordOf(call_, frame_, result);
    v1::InspectResponse message = ToProto(*std::move(result));
    *message.mutable_metadata() = std::move(frame_.metadata);
    absl::StatusOr<grpc::ByteBuffer> bytes = SerializeMessage(message);
    if (!bytes.ok()) return End(bytes.status());
    response_.Swap(&*bytes);
    EndRecorded(record);
  }

  void End(const absl::Status& error) { EndRecorded(RecordOf(call_, frame_, error)); }

  // The object may be gone when this returns.
  void EndRecorded(const FrameRecord& record) {
    service_.RecordFrame(record);
    const grpc::Status status = ToGrpcStatus(record.status);
    service_.CountCall(call_, status);
    Finish(status);
  }

  InspectionService& service_;
  grpc::CallbackServerContext& context_;
  const CallRecord call_;
  const absl::Time deadline_;
  grpc::ByteBuffer& response_;
  ReceivedFrame frame_;
  const std::shared_ptr<CancellationToken> cancellation_ = std::make_shared<CancellationToken>();
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

void InspectionService::CountCall(const CallRecord& call, const grpc::Status& status) const {
  if (options_.on_call_finished) options_.on_call_finished(call, status);
}

void InspectionService::CountRejectedFrame(const absl::Status& status) const {
  if (options_.on_frame_rejected) options_.on_frame_rejected(status);
}

void InspectionService::RecordFrame(const FrameRecord& frame) const {
  if (options_.on_frame_answered) options_.on_frame_answered(frame);
}

void InspectionService::Drain() {
  std::vector<std::shared_ptr<InspectionStream>> open;
  {
    MutexLock lock(mu_);
    for (const auto& [key, weak] : streams_) {
      if (std::shared_ptr<InspectionStream> stream = weak.lock()) open.push_back(std::move(stream));
    }
  }
  const absl::Status draining =
      WithErrorInfo(absl::UnavailableError("draining, reopen the stream on another replica"), "DRAINING");
  for (const std::shared_ptr<InspectionStream>& stream : open) stream->EndWith(draining);
}

grpc::ServerUnaryReactor* InspectionService::Inspect(grpc::CallbackServerContext* context,
                                                     const grpc::ByteBuffer* request, grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(*this, *context, *response);  // deletes itself in OnDone()
  call->Start(*request);
  return call;
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* InspectionService::InspectStream(
    grpc::CallbackServerContext* context) {
  CallStarted();
  const uint64_t id = next_stream_.fetch_add(1);
  auto call = std::make_shared<CallRecord>(BeginCall("InspectStream", *context));
  call->stream_id = id;
  auto stream = std::make_shared<InspectionStream>(
      StreamSurroundings{.pipeline = pipeline_,
                         .call = call,
                         .max_frames = static_cast<size_t>(std::max(1, options_.max_frames_per_stream)),
                         .max_age = StreamAge(),
                         .on_frame_rejected = [this](const absl::Status& status) { CountRejectedFrame(status); },
                         .on_frame_answered = [this](const FrameRecord& frame) { RecordFrame(frame); },
                         .on_finishing = [this, id] { Unregister(id); },
                         .on_done =
                             [this, call](const grpc::Status& status) {
                               CountCall(*call, status);
                               CallEnded();
                             }},
      DeadlineOf(*context));
  stream->Start(Register(id, stream));
  return stream.get();
}

// OK, or why the stream cannot be served. It counts as open in either case, until Unregister().
absl::Status InspectionService::Register(uint64_t id, const std::shared_ptr<InspectionStream>& stream) {
  absl::Status ready = pipeline_.Ready();
  MutexLock lock(mu_);
  const size_t open = streams_.size();
  streams_.emplace(id, stream);
  if (!ready.ok() || open < static_cast<size_t>(std::max(1, options_.max_streams))) return ready;
  return WithRetryInfo(absl::ResourceExhaustedError(absl::StrCat(
                           "the server is full: ", open, " streams are open, max_streams = ", options_.max_streams)),
                       RetryDelay(pipeline_));
}

// A client that ends a stream and opens the next one at once must find the place free.
void InspectionService::Unregister(uint64_t id) {
  MutexLock lock(mu_);
  streams_.erase(id);
}

// max_stream_age give or take a tenth, so that streams that began together do not end together.
std::optional<absl::Duration> InspectionService::StreamAge() const {
  if (options_.max_stream_age <= absl::ZeroDuration()) return std::nullopt;
  absl::BitGen generator;
  return options_.max_stream_age * absl::Uniform(generator, 0.9, 1.1);
}

grpc::ServerUnaryReactor* InspectionService::GetModelInfo(grpc::CallbackServerContext* context,
                                                          const v1::GetModelInfoRequest* /*request*/,
                                                          v1::GetModelInfoResponse* response) {
  const CallRecord call = BeginCall("GetModelInfo", *context);
  const std::shared_ptr<Executor> executor = pipeline_.executor();
  const grpc::Status status =
      executor != nullptr ? grpc::Status::OK : ToGrpcStatus(absl::UnavailableError("the model is not loaded yet"));
  if (executor != nullptr) *response = ToProto(executor->info(), options_.server_version);
  CountCall(call, status);
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(status);
  return reactor;
}

}  // namespace bayespfl::server
