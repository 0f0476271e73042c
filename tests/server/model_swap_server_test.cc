// Swaps of a model over real sockets: which version answers which frame, and what the log says of a swap that fails.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "bayespfl/admin/v1/model_admin.grpc.pb.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "server/runtime/server.h"
#include "tests/server/fake_detector.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl::server {
namespace {

namespace v1 = inspection::v1;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Stream = grpc::ClientReaderWriter<v1::InspectStreamRequest, v1::InspectStreamResponse>;

class ModelSwapServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(folder_.path() + "/line");
    ServerConfig config;
    config.port = 0;
    config.http_port = 0;
    config.admin_port = 0;
    config.model_root = folder_.path();
    config.models = "line";
    config.max_batch = 1;
    config.drain_delay_seconds = 0;
    auto server = InspectionServer::Start(
        {.config = config,
         .loader = [this](const std::string& /*folder*/) { return Load(); },
         .logger = *CreateLogger(
             {.level = "error", .format = "text", .write = [this](absl::string_view line) { log_ << line; }})});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    ASSERT_TRUE(server_->WaitUntilLoaded().ok());
    const auto credentials = grpc::InsecureChannelCredentials();
    admin_ = admin::v1::ModelAdminService::NewStub(grpc::CreateChannel(server_->admin_address(), credentials));
    inspection_ = v1::InspectionService::NewStub(grpc::CreateChannel(server_->grpc_address(), credentials));
  }

  // Version 1, then 2, and so on.
  absl::StatusOr<Replicas> Load() {
    if (broken_) return absl::DataLossError("clip.safetensors: no tensor \"proj\"");
    auto detector = std::make_shared<FakeDetector>(absl::StrCat(detectors_.size() + 1, ".0"));
    detectors_.push_back(detector);
    return ReplicasOf({detector});
  }

  static void SendFrame(Stream& stream, uint64_t seed) {
    v1::InspectStreamRequest message;
    message.mutable_frame()->mutable_options()->set_seed(seed);
    v1::RawImage& raw = *message.mutable_frame()->mutable_image()->mutable_raw();
    raw.set_data(std::string(16, '\x80'));
    raw.set_width(4);
    raw.set_height(4);
    raw.set_pfnc_pixel_format(0x01080001);
    EXPECT_TRUE(stream.Write(message));
  }

  admin::v1::Model Model() const {
    grpc::ClientContext context;
    admin::v1::ListModelsResponse list;
    EXPECT_TRUE(admin_->ListModels(&context, {}, &list).ok());
    return list.models_size() == 1 ? list.models(0) : admin::v1::Model();
  }

  const testing::TemporaryFolder folder_;
  std::ostringstream log_;
  std::atomic<bool> broken_{false};
  std::vector<std::shared_ptr<FakeDetector>> detectors_;  // filled while one loads
  std::unique_ptr<InspectionServer> server_;
  std::unique_ptr<admin::v1::ModelAdminService::Stub> admin_;
  std::unique_ptr<v1::InspectionService::Stub> inspection_;
};

TEST_F(ModelSwapServerTest, AFrameIsAnsweredByTheVersionThatServedWhenItWasAccepted) {
  FakeDetector& old_model = *detectors_.front();
  old_model.ForgetBatches();  // of the warm-up
  old_model.Hold();
  grpc::ClientContext context;
  const std::unique_ptr<Stream> stream = inspection_->InspectStream(&context);
  v1::InspectStreamRequest configuration;
  configuration.mutable_configuration()->mutable_options()->set_category("metal nut");
  ASSERT_TRUE(stream->Write(configuration));
  SendFrame(*stream, 1);
  old_model.WaitForCalls(1);

  grpc::ClientContext load_context;
  admin::v1::LoadModelRequest load;
  load.set_name("line");
  admin::v1::LoadModelResponse loaded;
  const grpc::Status swapped = admin_->LoadModel(&load_context, load, &loaded);
  SendFrame(*stream, 2);
  old_model.Release();
  stream->WritesDone();
  v1::InspectStreamResponse before;
  v1::InspectStreamResponse after;

  ASSERT_TRUE(swapped.ok()) << swapped.error_message();
  EXPECT_EQ(loaded.model().version(), "2.0");
  ASSERT_TRUE(stream->Read(&before));
  ASSERT_TRUE(stream->Read(&after));
  EXPECT_EQ(before.result().provenance().seed(), 1U);
  EXPECT_EQ(before.result().provenance().model_version(), "1.0");
  EXPECT_EQ(after.result().provenance().seed(), 2U);
  EXPECT_EQ(after.result().provenance().model_version(), "2.0");
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(ModelSwapServerTest, AReloadThatFailsSaysWhyInTheLogAndInTheList) {
  broken_ = true;

  server_->Reload();
  while (Model().last_load().code() == 0) std::this_thread::yield();

  const admin::v1::Model model = Model();
  EXPECT_EQ(model.version(), "1.0");
  EXPECT_EQ(model.state(), admin::v1::MODEL_STATE_READY);
  EXPECT_EQ(model.last_load().code(), static_cast<int>(grpc::StatusCode::DATA_LOSS));
  EXPECT_THAT(model.last_load().message(), HasSubstr("clip.safetensors: no tensor \"proj\""));
  server_.reset();
  EXPECT_THAT(log_.str(), AllOf(HasSubstr("error a model cannot be loaded model=line code=DATA_LOSS error="),
                                HasSubstr("error a model could not be loaded anew; the old one serves on error="),
                                HasSubstr("clip.safetensors: no tensor ")));
}

}  // namespace
}  // namespace bayespfl::server
