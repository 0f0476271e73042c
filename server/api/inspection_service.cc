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
      : service_(service), context_(context), deadline_(DeadlineOf(context)), response_(response) {
    service_.CallStarted();
  }

  void Start(const grpc::ByteBuffer& bytes) {
    const auto arrival = std::chrono::steady_clock::now();
    auto message = std::make_shared<v1::InspectRequest>();
    grpc::ByteBuffer copy(bytes);  // shares the slices
    const absl::Status parsed = ParseMessage(copy, *message);
    if (!parsed.ok()) return Reject(parsed);
    absl::StatusOr<FrameRequest> frame = FrameFromProto(*message);
    if (!frame.ok()) return Reject(frame.status());
    metadata_ = std::move(*message->mutable_metadata());
    frame->client = service_.ClientOf(context_);
    frame->arrival = arrival;
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
    const absl::Duration delay = RetryDelayOf(status).value_or(RetryDelay(service_.pipeline_));
    // gRPC's own retries wait this long (its proposal A6).
    context_.AddTrailingMetadata("grpc-retry-pushback-ms", absl::StrCat(absl::ToInt64Milliseconds(delay)));
    End(WithRetryInfo(status, delay));
  }

  void OnResult(FrameResult result) {
    if (!result.ok()) return End(result.status());
    v1::InspectResponse message = ToProto(*std::move(result));
    *message.mutable_metadata() = std::move(metadata_);
    absl::StatusOr<grpc::ByteBuffer> bytes = SerializeMessage(message);
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
  grpc::CallbackServerContext& context_;
  const absl::Time deadline_;
  grpc::ByteBuffer& response_;
  v1::FrameMetadata metadata_;
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

void InspectionService::CountCall(absl::string_view method, const grpc::Status& status) const {
  if (options_.on_call_finished) options_.on_call_finished(method, status);
}

void InspectionService::CountRejectedFrame(const absl::Status& status) const {
  if (options_.on_frame_rejected) options_.on_frame_rejected(status);
}

void InspectionService::Drain() {
  std::vector<std::shared_ptr<InspectionStream>> open;
  {
    MutexLock lock(mu_);
    for (const auto& [key, entry] : streams_) {
      if (std::shared_ptr<InspectionStream> stream = entry.stream.lock()) open.push_back(std::move(stream));
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
  const std::string client = ClientOf(*context);
  auto stream = std::make_shared<InspectionStream>(
      StreamSurroundings{.pipeline = pipeline_,
                         .max_frames = static_cast<size_t>(std::max(1, options_.max_frames_per_stream)),
                         .max_age = StreamAge(),
                         .client = client,
                         .on_frame_rejected = [this](const absl::Status& status) { CountRejectedFrame(status); },
                         .on_finishing = [this, id] { Unregister(id); },
                         .on_done =
                             [this](const grpc::Status& status) {
                               CountCall("InspectStream", status);
                               CallEnded();
                             }},
      DeadlineOf(*context));
  stream->Start(Register(id, client, stream));
  return stream.get();
}

// OK, or why the stream cannot be served. It counts as open in either case, until Unregister().
absl::Status InspectionService::Register(uint64_t id, const std::string& client,
                                         const std::shared_ptr<InspectionStream>& stream) {
  absl::Status ready = pipeline_.Ready();
  MutexLock lock(mu_);
  const size_t open = streams_.size();
  OpenStream& entry = streams_[id];
  entry.stream = stream;
  if (!ready.ok()) return ready;
  if (open >= static_cast<size_t>(std::max(1, options_.max_streams))) {
    return WithRetryInfo(absl::ResourceExhaustedError(absl::StrCat(
                             "the server is full: ", open, " streams are open, max_streams = ", options_.max_streams)),
                         RetryDelay(pipeline_));
  }
  if (!options_.open_stream) return ready;
  absl::StatusOr<ClientLimits::StreamLease> lease = options_.open_stream(client);
  if (!lease.ok()) return WithRetryInfo(lease.status(), RetryDelay(pipeline_));
  entry.lease = *std::move(lease);
  return ready;
}

std::string InspectionService::ClientOf(const grpc::CallbackServerContext& context) const {
  return options_.client_of ? options_.client_of(context) : std::string();
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
