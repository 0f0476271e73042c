// An inspection service without a model, over a real socket of this machine.
#ifndef BAYESPFL_TESTS_CLIENT_FAKE_INSPECTION_SERVER_H_
#define BAYESPFL_TESTS_CLIENT_FAKE_INSPECTION_SERVER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <grpcpp/server.h>

#include "absl/time/time.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"

namespace bayespfl::testing {

// Answers with a score and small maps; a picture whose bytes are "bad" gets INVALID_ARGUMENT, "later" UNAVAILABLE.
// Serves from its construction on.
class FakeInspectionServer final : public inspection::v1::InspectionService::Service {
 public:
  using Stream = grpc::ServerReaderWriter<inspection::v1::InspectStreamResponse, inspection::v1::InspectStreamRequest>;
  using StreamHandler = std::function<grpc::Status(grpc::ServerContext*, Stream*)>;

  struct Behaviour {
    float score = 0.25F;
    std::optional<float> score_threshold = std::nullopt;  // of the category "nut" alone
    absl::Duration frame_time = absl::ZeroDuration();     // spent per frame, one after the other
    size_t reply_padding_bytes = 0;                       // added to each reply's anomaly map when none was asked for
    StreamHandler stream_handler = nullptr;               // instead of the usual stream
  };

  explicit FakeInspectionServer(Behaviour behaviour);
  ~FakeInspectionServer() override;

  std::string target() const;
  // Ends every call at once.
  void Kill();
  // Largest number of frames that were received and not yet answered.
  int most_in_flight() const { return most_in_flight_; }
  // State that the health service reports.
  void SetServing(bool serving);

  // What the server answers to a picture.
  grpc::Status Answer(const std::string& picture, const inspection::v1::InspectOptions& options,
                      inspection::v1::InspectResponse* response) const;

  grpc::Status Inspect(grpc::ServerContext* context, const inspection::v1::InspectRequest* request,
                       inspection::v1::InspectResponse* response) override;
  grpc::Status InspectStream(grpc::ServerContext* context, Stream* stream) override;
  grpc::Status GetModelInfo(grpc::ServerContext* context, const inspection::v1::GetModelInfoRequest* request,
                            inspection::v1::GetModelInfoResponse* response) override;

 private:
  grpc::Status AnswerFrames(Stream* stream, const inspection::v1::InspectOptions& options);

  const Behaviour behaviour_;
  std::atomic<int> most_in_flight_ = 0;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace bayespfl::testing

#endif  // BAYESPFL_TESTS_CLIENT_FAKE_INSPECTION_SERVER_H_
