// An inspection service without a model, over a real socket of this machine.
#ifndef BAYESPFL_TESTS_CLIENT_FAKE_INSPECTION_SERVER_H_
#define BAYESPFL_TESTS_CLIENT_FAKE_INSPECTION_SERVER_H_

#include <grpcpp/server.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"

namespace bayespfl::testing {

// The bytes of a google.rpc.Status with details: pairs of a type URL and a message's bytes.
std::string StatusDetails(int code, const std::string& message,
                          const std::vector<std::pair<std::string, std::string>>& details);

// The same with the error as the only detail.
grpc::Status StatusOf(const inspection::v1::FrameError& error);

// The result of a frame as its stream's message: its metadata, the picture's digest, and a score.
inspection::v1::InspectStreamResponse ReplyTo(const inspection::v1::StreamFrame& frame, uint64_t sequence);

// Answers with a score, a verdict and small maps. Some pictures are special by their bytes: "bad" gets
// INVALID_ARGUMENT, "later" UNAVAILABLE, "busy" RESOURCE_EXHAUSTED with a delay, "hot" the same the first time it
// comes, "blind" a result without an inspected picture, "dark" a warning unless it has significant bits. The category
// "nut" alone has thresholds. Serves from its construction on.
class FakeInspectionServer final : public inspection::v1::InspectionService::Service {
 public:
  using Stream = grpc::ServerReaderWriter<inspection::v1::InspectStreamResponse, inspection::v1::InspectStreamRequest>;
  using StreamHandler = std::function<grpc::Status(grpc::ServerContext*, Stream*)>;

  struct Behaviour {
    float score = 0.25F;
    inspection::v1::Verdict verdict = inspection::v1::VERDICT_UNSPECIFIED;  // of the category "nut" alone
    absl::Duration frame_time = absl::ZeroDuration();                       // spent per frame, one after the other
    size_t reply_padding_bytes = 0;          // added to each reply's anomaly map when none was asked for
    bool loading = false;                    // no model serves yet
    StreamHandler stream_handler = nullptr;  // instead of the usual stream
    int port = 0;                            // 0: any
  };

  explicit FakeInspectionServer(Behaviour behaviour);
  ~FakeInspectionServer() override;

  std::string target() const;
  int port() const { return port_; }
  // Ends every call at once.
  void Kill();
  // Largest number of frames that were received and not yet answered.
  int most_in_flight() const { return most_in_flight_; }
  // State that the health service reports.
  void SetServing(bool serving);
  // What came in, in its order; frames of streams with the options that hold for them.
  std::vector<inspection::v1::InspectRequest> requests() const;

  grpc::Status Inspect(grpc::ServerContext* context, const inspection::v1::InspectRequest* request,
                       inspection::v1::InspectResponse* response) override;
  grpc::Status InspectStream(grpc::ServerContext* context, Stream* stream) override;
  grpc::Status ListModels(grpc::ServerContext* context, const inspection::v1::ListModelsRequest* request,
                          inspection::v1::ListModelsResponse* response) override;
  grpc::Status GetModel(grpc::ServerContext* context, const inspection::v1::GetModelRequest* request,
                        inspection::v1::GetModelResponse* response) override;
  grpc::Status GetServerInfo(grpc::ServerContext* context, const inspection::v1::GetServerInfoRequest* request,
                             inspection::v1::GetServerInfoResponse* response) override;

 private:
  // Fills the response, or says why not.
  std::optional<inspection::v1::FrameError> Answer(const inspection::v1::InspectRequest& request,
                                                   inspection::v1::InspectResponse* response);
  grpc::Status AnswerFrames(Stream* stream, const inspection::v1::InspectOptions& options);

  const Behaviour behaviour_;
  std::atomic<int> most_in_flight_ = 0;
  mutable absl::Mutex mu_;
  std::vector<inspection::v1::InspectRequest> requests_ ABSL_GUARDED_BY(mu_);
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace bayespfl::testing

#endif  // BAYESPFL_TESTS_CLIENT_FAKE_INSPECTION_SERVER_H_
