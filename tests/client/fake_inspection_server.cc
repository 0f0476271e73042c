#include "tests/client/fake_inspection_server.h"

#include <google/protobuf/unknown_field_set.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/sha256.h"
#include "model/image/encode.h"

namespace bayespfl::testing {
namespace {

using namespace inspection::v1;  // NOLINT(google-build-using-namespace): the whole file speaks this contract

constexpr int kMaxMessageBytes = 65 << 20;
constexpr int kMapSide = 8;
constexpr int kFrameSide = 16;

// kMapSide squared, with 2 x 2 pixels of `hot` in a ground of `cold`.
std::string MapPng(uint8_t cold, uint8_t hot) {
  std::vector<uint8_t> pixels(size_t{kMapSide} * kMapSide, cold);
  for (const size_t row : {2, 3}) {
    for (const size_t column : {2, 3}) pixels[row * kMapSide + column] = hot;
  }
  return EncodePng(PngSamples::kGray8, kMapSide, kMapSide, pixels).value();
}

template <typename Map, typename Encoding>
void SetMap(Encoding encoding, uint8_t cold, uint8_t hot, Map* map) {
  map->set_encoding(encoding);
  map->set_width(kMapSide);
  map->set_height(kMapSide);
  map->set_data(MapPng(cold, hot));
}

FrameError ErrorOf(grpc::StatusCode code, ErrorReason reason, const std::string& message) {
  FrameError error;
  error.set_code(code);
  error.set_reason(reason);
  error.set_message(message);
  return error;
}

std::optional<FrameError> RefusalOf(const std::string& picture) {
  if (picture == "bad") {
    return ErrorOf(grpc::StatusCode::INVALID_ARGUMENT, ERROR_REASON_INVALID_PICTURE, "image: 3 bytes are no picture");
  }
  if (picture == "later") return ErrorOf(grpc::StatusCode::UNAVAILABLE, ERROR_REASON_DRAINING, "draining");
  if (picture == "busy") {
    FrameError error = ErrorOf(grpc::StatusCode::RESOURCE_EXHAUSTED, ERROR_REASON_QUEUE_FULL, "64 frames wait");
    error.mutable_retry_delay()->set_nanos(250'000'000);
    return error;
  }
  return std::nullopt;
}

const std::string& BytesOf(const Image& image) { return image.has_raw() ? image.raw().data() : image.encoded(); }

void SetVerdict(Verdict verdict, InspectResponse* response) {
  response->set_verdict(verdict);
  if (verdict > VERDICT_PASS) response->set_decided_by(DECISION_RULE_SCORE);
  Thresholds* const thresholds = response->mutable_thresholds();
  thresholds->set_source(THRESHOLD_SOURCE_CATEGORY);
  thresholds->set_revision("0123456789ab");
  DecisionLine* const line = thresholds->add_lines();
  line->set_rule(DECISION_RULE_SCORE);
  line->set_review(0.2F);
  line->set_fail(0.4F);
}

void SetProvenance(const InspectRequest& request, Provenance* provenance) {
  const InspectOptions& options = request.options();
  provenance->set_result_id("01900000-0000-7000-8000-000000000001");
  provenance->set_model("fake");
  provenance->set_model_digest("00ff");
  provenance->set_computation_digest("00cc");
  provenance->set_model_version("1+00ff");
  provenance->set_precision("fp32");
  provenance->set_kernels("none");
  provenance->set_device("cpu");
  provenance->set_server_version("0.0.0");
  provenance->set_seed(options.has_seed() ? options.seed() : 7);
  provenance->set_samples(options.has_samples() ? options.samples() : 10);
  provenance->set_picture_sha256(Sha256Hex(BytesOf(request.image())));
  provenance->set_ran_alone(true);
}

void SetPictures(const InspectRequest& request, InspectResponse* response) {
  const InspectOptions& options = request.options();
  if (options.anomaly_map() != MAP_ENCODING_UNSPECIFIED) {
    SetMap(MAP_ENCODING_PNG8, 20, 200, response->mutable_anomaly_map());
  }
  if (options.mask() != MASK_ENCODING_UNSPECIFIED) SetMap(MASK_ENCODING_PNG8, 0, 255, response->mutable_mask());
  if (options.inspected_picture() == PICTURE_ENCODING_UNSPECIFIED || request.image().encoded() == "blind") return;
  const RgbImage gray{.width = kFrameSide,
                      .height = kFrameSide,
                      .pixels = std::vector<uint8_t>(size_t{3} * kFrameSide * kFrameSide, 90)};
  response->mutable_inspected_picture()->set_encoding(PICTURE_ENCODING_PNG);
  response->mutable_inspected_picture()->set_data(EncodePng(gray).value());
}

Model FakeModel() {
  Model model;
  model.set_name("fake");
  model.set_is_default(true);
  model.set_package_name("fake-package");
  model.set_version("1+00ff");
  model.set_digest("00ff");
  model.set_kind("bayes-pfl");
  model.set_device("cpu");
  model.set_precision("fp32");
  model.set_kernels("none");
  model.set_max_samples(64);
  model.mutable_default_thresholds()->set_source(THRESHOLD_SOURCE_DEFAULT);
  model.mutable_default_thresholds()->set_mask(0.5F);
  model.set_categories_total(1);
  return model;
}

// Frames read from the wire and not yet answered.
struct Inbox {
  absl::Mutex mu;
  std::deque<StreamFrame> frames ABSL_GUARDED_BY(mu);
  bool closed ABSL_GUARDED_BY(mu) = false;

  bool Ready() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) { return closed || !frames.empty(); }
};

}  // namespace

std::string StatusDetails(int code, const std::string& message,
                          const std::vector<std::pair<std::string, std::string>>& details) {
  google::protobuf::UnknownFieldSet status;
  status.AddVarint(1, static_cast<uint64_t>(code));
  status.AddLengthDelimited(2, message);
  for (const auto& [url, value] : details) {
    google::protobuf::UnknownFieldSet any;
    any.AddLengthDelimited(1, url);
    any.AddLengthDelimited(2, value);
    any.SerializeToString(status.AddLengthDelimited(3));
  }
  std::string bytes;
  status.SerializeToString(&bytes);
  return bytes;
}

grpc::Status StatusOf(const FrameError& error) {
  return {static_cast<grpc::StatusCode>(error.code()), error.message(),
          StatusDetails(error.code(), error.message(),
                        {{"type.googleapis.com/bayespfl.inspection.v1.FrameError", error.SerializeAsString()}})};
}

InspectStreamResponse ReplyTo(const StreamFrame& frame, uint64_t sequence) {
  InspectStreamResponse reply;
  *reply.mutable_metadata() = frame.metadata();
  reply.set_sequence(sequence);
  reply.mutable_result()->set_score(0.5F);
  reply.mutable_result()->mutable_provenance()->set_picture_sha256(Sha256Hex(BytesOf(frame.image())));
  return reply;
}

FakeInspectionServer::FakeInspectionServer(Behaviour behaviour) : behaviour_(std::move(behaviour)) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.AddListeningPort(absl::StrCat("127.0.0.1:", behaviour_.port), grpc::InsecureServerCredentials(), &port_);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
  SetServing(true);
}

FakeInspectionServer::~FakeInspectionServer() { Kill(); }

std::string FakeInspectionServer::target() const { return "127.0.0.1:" + std::to_string(port_); }

void FakeInspectionServer::Kill() { server_->Shutdown(std::chrono::system_clock::now()); }

void FakeInspectionServer::SetServing(bool serving) {
  grpc::HealthCheckServiceInterface* const health = server_->GetHealthCheckService();
  health->SetServingStatus(serving);
  health->SetServingStatus(std::string(InspectionService::service_full_name()), serving);
}

std::vector<InspectRequest> FakeInspectionServer::requests() const {
  absl::MutexLock lock(&mu_);
  return requests_;
}

std::optional<FrameError> FakeInspectionServer::Answer(const InspectRequest& request, InspectResponse* response) {
  absl::SleepFor(behaviour_.frame_time);
  {
    absl::MutexLock lock(&mu_);
    requests_.push_back(request);
  }
  const std::string& picture = request.image().encoded();
  if (picture == "hot" && request.metadata().attempt() == 0) return RefusalOf("busy");
  if (std::optional<FrameError> refusal = RefusalOf(picture); refusal.has_value()) return refusal;
  const InspectOptions& options = request.options();
  *response->mutable_metadata() = request.metadata();
  response->set_category(options.category());
  response->set_object(options.has_object() ? options.object() : options.category());
  response->mutable_thresholds()->set_mask(options.has_mask_threshold() ? options.mask_threshold() : 0.5F);
  if (options.category() == "nut" && behaviour_.verdict != VERDICT_UNSPECIFIED) {
    SetVerdict(behaviour_.verdict, response);
  }
  response->set_score(behaviour_.score);
  response->set_map_score(0.5F);
  response->set_mask_area_fraction(4.0 / (kMapSide * kMapSide));
  response->set_frame_width(kFrameSide);
  response->set_frame_height(kFrameSide);
  if (options.has_regions()) {
    response->add_regions()->set_peak(0.75F);
    response->set_regions_total(3);
  }
  SetProvenance(request, response->mutable_provenance());
  SetPictures(request, response);
  if (picture == "dark" && request.image().significant_bits() == 0) {
    inspection::v1::PictureWarning& warning = *response->add_warnings();
    warning.set_reason(inspection::v1::WARNING_REASON_SHALLOW_SAMPLES);
    warning.set_message("it fills 12 bits");
  }
  if (behaviour_.reply_padding_bytes > 0) {
    response->mutable_anomaly_map()->set_data(std::string(behaviour_.reply_padding_bytes, 'x'));
  }
  return std::nullopt;
}

grpc::Status FakeInspectionServer::Inspect(grpc::ServerContext*, const InspectRequest* request,
                                           InspectResponse* response) {
  const std::optional<FrameError> refusal = Answer(*request, response);
  return refusal.has_value() ? StatusOf(*refusal) : grpc::Status::OK;
}

grpc::Status FakeInspectionServer::InspectStream(grpc::ServerContext* context, Stream* stream) {
  if (behaviour_.stream_handler) return behaviour_.stream_handler(context, stream);
  InspectStreamRequest request;
  if (!stream->Read(&request) || !request.has_configuration()) {
    return {grpc::StatusCode::INVALID_ARGUMENT, "the first message must be the configuration"};
  }
  return AnswerFrames(stream, request.configuration().options());
}

grpc::Status FakeInspectionServer::AnswerFrames(Stream* stream, const InspectOptions& options) {
  Inbox inbox;
  int in_flight = 0;
  // Reads as fast as the client sends: how many frames wait is up to the client alone.
  std::thread reader([&] {
    InspectStreamRequest request;
    while (stream->Read(&request)) {
      absl::MutexLock lock(&inbox.mu);
      inbox.frames.push_back(request.frame());
      most_in_flight_ = std::max(most_in_flight_.load(), ++in_flight);
    }
    absl::MutexLock lock(&inbox.mu);
    inbox.closed = true;
  });
  bool connected = true;
  for (uint64_t sequence = 0; connected; ++sequence) {
    InspectRequest request;
    {
      absl::MutexLock lock(&inbox.mu);
      inbox.mu.Await(absl::Condition(&inbox, &Inbox::Ready));
      if (inbox.frames.empty()) break;
      StreamFrame& frame = inbox.frames.front();
      *request.mutable_image() = std::move(*frame.mutable_image());
      *request.mutable_metadata() = frame.metadata();
      *request.mutable_options() = options;
      request.mutable_options()->MergeFrom(frame.options());
      inbox.frames.pop_front();
    }
    InspectStreamResponse reply;
    *reply.mutable_metadata() = request.metadata();
    reply.set_sequence(sequence);
    const std::optional<FrameError> refusal = Answer(request, reply.mutable_result());
    if (refusal.has_value()) *reply.mutable_error() = *refusal;
    {
      absl::MutexLock lock(&inbox.mu);
      --in_flight;
    }
    connected = stream->Write(reply);
  }
  reader.join();
  return grpc::Status::OK;
}

grpc::Status FakeInspectionServer::ListModels(grpc::ServerContext*, const ListModelsRequest*,
                                              ListModelsResponse* response) {
  if (!behaviour_.loading) *response->add_models() = FakeModel();
  return grpc::Status::OK;
}

grpc::Status FakeInspectionServer::GetModel(grpc::ServerContext*, const GetModelRequest* request,
                                            GetModelResponse* response) {
  if (behaviour_.loading) {
    return StatusOf(ErrorOf(grpc::StatusCode::UNAVAILABLE, ERROR_REASON_NOT_READY, "no model is loaded yet"));
  }
  if (!request->name().empty() && request->name() != "fake") {
    return StatusOf(ErrorOf(grpc::StatusCode::NOT_FOUND, ERROR_REASON_MODEL_NOT_FOUND,
                            "no model of that name is loaded; there are: fake"));
  }
  *response->mutable_model() = FakeModel();
  CalibratedCategory* const category = response->mutable_model()->add_categories();
  category->set_category("PCB-4711 rev C");
  category->set_object("printed circuit board");
  category->set_seed(3);
  category->set_samples(10);
  category->set_good_pictures(120);
  category->mutable_thresholds()->set_source(THRESHOLD_SOURCE_CATEGORY);
  category->mutable_thresholds()->set_mask(0.75F);
  DecisionLine* const line = category->mutable_thresholds()->add_lines();
  line->set_rule(DECISION_RULE_SCORE);
  line->set_review(0.4F);
  line->set_fail(0.6F);
  return grpc::Status::OK;
}

grpc::Status FakeInspectionServer::GetServerInfo(grpc::ServerContext*, const GetServerInfoRequest*,
                                                 GetServerInfoResponse* response) {
  response->set_version("1.2.3");
  response->mutable_limits()->set_max_message_bytes(68157440);
  response->mutable_limits()->set_max_streams(256);
  response->mutable_limits()->mutable_min_ping_interval()->set_seconds(10);
  return grpc::Status::OK;
}

}  // namespace bayespfl::testing
