#include "tests/client/fake_inspection_server.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"

namespace bayespfl::testing {
namespace {

using namespace inspection::v1;  // NOLINT(google-build-using-namespace): the whole file speaks this contract

constexpr int kMaxMessageBytes = 65 << 20;
constexpr int kMapSide = 8;

PixelMap GrayPng(const cv::Mat& pixels) {
  std::vector<uchar> png;
  cv::imencode(".png", pixels, png);
  PixelMap map;
  map.set_encoding(MAP_ENCODING_PNG8);
  map.set_width(static_cast<uint32_t>(pixels.cols));
  map.set_height(static_cast<uint32_t>(pixels.rows));
  map.set_data(png.data(), png.size());
  return map;
}

// Frames read from the wire and not yet answered.
struct Inbox {
  absl::Mutex mu;
  std::deque<StreamFrame> frames ABSL_GUARDED_BY(mu);
  bool closed ABSL_GUARDED_BY(mu) = false;

  bool Ready() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) { return closed || !frames.empty(); }
};

}  // namespace

FakeInspectionServer::FakeInspectionServer(Behaviour behaviour) : behaviour_(std::move(behaviour)) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
}

FakeInspectionServer::~FakeInspectionServer() { Kill(); }

std::string FakeInspectionServer::target() const { return "127.0.0.1:" + std::to_string(port_); }

void FakeInspectionServer::Kill() { server_->Shutdown(std::chrono::system_clock::now()); }

void FakeInspectionServer::SetServing(bool serving) { server_->GetHealthCheckService()->SetServingStatus(serving); }

grpc::Status FakeInspectionServer::Answer(const std::string& picture, const InspectOptions& options,
                                          InspectResponse* response) const {
  absl::SleepFor(behaviour_.frame_time);
  if (picture == "bad") return {grpc::StatusCode::INVALID_ARGUMENT, "image: 3 bytes are no picture"};
  if (picture == "later") return {grpc::StatusCode::UNAVAILABLE, "draining"};
  response->set_category(options.category());
  response->set_score(behaviour_.score);
  if (behaviour_.score_threshold.has_value() && options.category() == "nut") {
    response->set_score_threshold(*behaviour_.score_threshold);
  }
  response->set_map_score(0.5F);
  response->set_mask_threshold(0.5F);
  response->set_mask_area_pixels(4);
  response->set_mask_area_fraction(4.0 / (kMapSide * kMapSide));
  response->set_seed(options.has_seed() ? options.seed() : 7);
  response->set_model_version("fake");
  cv::Mat map(kMapSide, kMapSide, CV_8UC1, cv::Scalar(20));
  map(cv::Rect(2, 2, 2, 2)) = 200;
  if (options.anomaly_map() != MAP_ENCODING_UNSPECIFIED) *response->mutable_anomaly_map() = GrayPng(map);
  if (options.mask()) *response->mutable_mask() = GrayPng(map > 127);
  if (behaviour_.reply_padding_bytes > 0) {
    response->mutable_anomaly_map()->set_data(std::string(behaviour_.reply_padding_bytes, 'x'));
  }
  return grpc::Status::OK;
}

grpc::Status FakeInspectionServer::Inspect(grpc::ServerContext*, const InspectRequest* request,
                                           InspectResponse* response) {
  *response->mutable_metadata() = request->metadata();
  return Answer(request->image().encoded(), request->options(), response);
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
    std::optional<StreamFrame> frame;
    {
      absl::MutexLock lock(&inbox.mu);
      inbox.mu.Await(absl::Condition(&inbox, &Inbox::Ready));
      if (inbox.frames.empty()) break;
      frame = std::move(inbox.frames.front());
      inbox.frames.pop_front();
    }
    InspectOptions frame_options = options;
    if (frame->has_category()) frame_options.set_category(frame->category());
    InspectStreamResponse reply;
    *reply.mutable_metadata() = frame->metadata();
    reply.set_sequence(sequence);
    const grpc::Status status = Answer(frame->image().encoded(), frame_options, reply.mutable_result());
    if (!status.ok()) {
      reply.mutable_error()->set_code(status.error_code());
      reply.mutable_error()->set_message(status.error_message());
    }
    {
      absl::MutexLock lock(&inbox.mu);
      --in_flight;
    }
    connected = stream->Write(reply);
  }
  reader.join();
  return grpc::Status::OK;
}

grpc::Status FakeInspectionServer::GetModelInfo(grpc::ServerContext*, const GetModelInfoRequest*,
                                                GetModelInfoResponse* response) {
  response->set_name("fake");
  response->set_max_samples(64);
  return grpc::Status::OK;
}

}  // namespace bayespfl::testing
