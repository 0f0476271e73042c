// The administration of models over real sockets.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "bayespfl/admin/v1/model_admin.grpc.pb.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "server/security/token_store.h"
#include "tests/server/fake_detector.h"
#include "tests/server/server_fixture.h"
#include "tests/server/until.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl::server {
namespace {

namespace fs = std::filesystem;
namespace v1 = inspection::v1;
using admin::v1::ModelAdminService;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::chrono::milliseconds kTimePerFrame(2);

class ModelAdminTest : public ServerTest {
 protected:
  ModelAdminTest() {
    for (const char* name : {"a", "b", "broken"}) fs::create_directories(fs::path(folder_.path()) / name);
  }

  void Start(const std::string& tokens_file = {}) {
    ServerConfig config = TestConfig();
    config.admin_port = 0;
    config.model_root = folder_.path();
    config.models = "a,b";
    config.max_batch = 2;
    config.tokens_file = tokens_file;
    Logger logger =
        *CreateLogger({.level = "error", .format = "text", .write = [this](absl::string_view line) { log_ << line; }});
    ASSERT_NO_FATAL_FAILURE(StartServer({.config = config,
                                         .loader = [this](const std::string& folder) { return Load(folder); },
                                         .logger = std::move(logger)}));
    admin_ = ModelAdminService::NewStub(Connect(server_->admin_address()));
    inspection_ = v1::InspectionService::NewStub(Connect(server_->grpc_address()));
  }

  absl::StatusOr<Replicas> Load(const std::string& folder) {
    {
      MutexLock lock(mu_);
      ++loads_;
      while (held_) changed_.Wait(mu_);
    }
    if (fs::path(folder).filename() == "broken") return absl::DataLossError("clip.safetensors: no tensor \"proj\"");
    auto detector = std::make_shared<FakeDetector>();
    detector->TakePerFrame(kTimePerFrame);
    detectors_[fs::path(folder).filename()] = detector;
    return ReplicasOf({detector});
  }

  // While held, what loads a model waits.
  void HoldLoads(bool held) {
    MutexLock lock(mu_);
    held_ = held;
    changed_.NotifyAll();
  }
  // How many have begun.
  int loads() const {
    MutexLock lock(mu_);
    return loads_;
  }

  // Calls a method of the administration.
  template <typename Request, typename Response>
  grpc::Status Call(grpc::Status (ModelAdminService::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response, const std::string& token = {}) const {
    grpc::ClientContext context;
    if (!token.empty()) context.AddMetadata("authorization", absl::StrCat("Bearer ", token));
    return (admin_.get()->*method)(&context, request, response);
  }
  grpc::Status LoadModel(const std::string& name, const std::string& token = {}) const {
    admin::v1::LoadModelRequest request;
    request.set_name(name);
    admin::v1::LoadModelResponse response;
    return Call(&ModelAdminService::Stub::LoadModel, request, &response, token);
  }
  admin::v1::ListModelsResponse List() const {
    admin::v1::ListModelsResponse response;
    EXPECT_TRUE(Call(&ModelAdminService::Stub::ListModels, admin::v1::ListModelsRequest(), &response).ok());
    return response;
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    const admin::v1::ListModelsResponse list = List();
    for (const admin::v1::Model& model : list.models()) names.push_back(model.name());
    return names;
  }

  static v1::InspectRequest Frame(const std::string& model) {
    v1::InspectRequest request;
    v1::RawImage& raw = *request.mutable_image()->mutable_raw();
    raw.set_data(std::string(16, '\x80'));
    raw.set_width(4);
    raw.set_height(4);
    raw.set_pfnc_pixel_format(0x01080001);
    request.mutable_options()->set_category("metal nut");
    request.mutable_options()->set_model(model);
    return request;
  }
  grpc::Status Inspect(const std::string& model, v1::InspectResponse* response) const {
    grpc::ClientContext context;
    return inspection_->Inspect(&context, Frame(model), response);
  }

  const testing::TemporaryFolder folder_;
  std::ostringstream log_;
  std::map<std::string, std::shared_ptr<FakeDetector>> detectors_;  // by model; filled while it loads
  mutable Mutex mu_;
  CondVar changed_;
  bool held_ ABSL_GUARDED_BY(mu_) = false;
  int loads_ ABSL_GUARDED_BY(mu_) = 0;
  std::unique_ptr<ModelAdminService::Stub> admin_;
  std::unique_ptr<v1::InspectionService::Stub> inspection_;
};

TEST_F(ModelAdminTest, ListsLoadsUnloadsAndSetsTheDefault) {
  Start();
  EXPECT_THAT(Names(), ElementsAre("a", "b"));
  EXPECT_TRUE(List().models(0).is_default());
  EXPECT_EQ(List().models(0).state(), admin::v1::MODEL_STATE_READY);
  EXPECT_EQ(List().models(0).version(), "1.0+0123456789ab");
  EXPECT_GT(List().models(0).loaded_at().seconds(), 1'600'000'000);
  v1::InspectResponse answer;
  ASSERT_TRUE(Inspect("b", &answer).ok());
  EXPECT_EQ(answer.provenance().model(), "b");

  admin::v1::SetDefaultModelRequest make_default;
  make_default.set_name("b");
  admin::v1::SetDefaultModelResponse made;
  EXPECT_TRUE(Call(&ModelAdminService::Stub::SetDefaultModel, make_default, &made).ok());
  admin::v1::UnloadModelRequest unload;
  unload.set_name("a");
  admin::v1::UnloadModelResponse unloaded;
  EXPECT_TRUE(Call(&ModelAdminService::Stub::UnloadModel, unload, &unloaded).ok());

  EXPECT_THAT(Names(), ElementsAre("b"));
  EXPECT_EQ(Inspect("a", &answer).error_code(), grpc::StatusCode::NOT_FOUND);
  ASSERT_TRUE(Inspect("", &answer).ok());
  EXPECT_EQ(answer.provenance().model(), "b");
  EXPECT_TRUE(LoadModel("a").ok());
  EXPECT_TRUE(Inspect("a", &answer).ok());
}

TEST_F(ModelAdminTest, ABadPackageSaysWhyAndIsListedWithIt) {
  Start();

  const grpc::Status status = LoadModel("broken");

  EXPECT_EQ(status.error_code(), grpc::StatusCode::DATA_LOSS);
  EXPECT_THAT(status.error_message(), HasSubstr("clip.safetensors: no tensor \"proj\""));
  const admin::v1::ListModelsResponse list = List();
  ASSERT_EQ(list.models_size(), 3);
  EXPECT_EQ(list.models(2).state(), admin::v1::MODEL_STATE_FAILED);
  EXPECT_EQ(list.models(2).last_load().code(), static_cast<int>(grpc::StatusCode::DATA_LOSS));
  v1::InspectResponse answer;
  EXPECT_EQ(Inspect("broken", &answer).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ModelAdminTest, NamesCannotLeaveTheRoot) {
  Start();

  for (const char* name : {"", "..", "../a", "a/../b", "/etc", "a b"}) {
    EXPECT_EQ(LoadModel(name).error_code(), grpc::StatusCode::INVALID_ARGUMENT) << name;
  }
  EXPECT_EQ(LoadModel("c").error_code(), grpc::StatusCode::NOT_FOUND);
  v1::InspectResponse answer;
  EXPECT_EQ(Inspect("../a", &answer).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ModelAdminTest, EveryCallLeavesAnAuditLineWhateverTheLogLevel) {
  Start();
  ASSERT_TRUE(LoadModel("a").ok());
  ASSERT_FALSE(LoadModel("..\n").ok());
  List();
  server_.reset();

  EXPECT_THAT(log_.str(), AllOf(HasSubstr("info audit who=peer:127.0.0.1 peer=ipv4:127.0.0.1:"),
                                HasSubstr("method=/bayespfl.admin.v1.ModelAdminService/LoadModel target=a code=OK\n"),
                                HasSubstr("LoadModel target=\"..\\n\" code=INVALID_ARGUMENT\n"),
                                HasSubstr("ModelAdminService/ListModels code=OK\n")));
}

TEST_F(ModelAdminTest, OnlyAnAdministratorsTokenMayAdminister) {
  const NewToken inspect = *MakeToken("line-3", Role::kInspect);
  const NewToken robot = *MakeToken("robot", Role::kAdmin);
  Start(folder_.Write("tokens.yaml", absl::StrCat(inspect.entry, "\n", robot.entry, "\n")));

  EXPECT_EQ(LoadModel("a").error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(LoadModel("a", inspect.token).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_TRUE(LoadModel("a", robot.token).ok());
  server_.reset();
  EXPECT_THAT(log_.str(), AllOf(HasSubstr("audit who=line-3 role=inspect"), HasSubstr("audit who=robot role=admin")));
}

TEST_F(ModelAdminTest, TheMainPortHasNoAdministration) {
  Start();
  const auto elsewhere = ModelAdminService::NewStub(Connect(server_->grpc_address()));
  grpc::ClientContext context;
  admin::v1::ListModelsResponse response;

  EXPECT_EQ(elsewhere->ListModels(&context, {}, &response).error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(ModelAdminTest, UnderLoadNoFrameFailsOrWaitsForALoad) {
  constexpr int kFrames = 20;  // answered while a load is held
  Start();
  std::atomic<bool> stop{false};
  std::atomic<int> answered{0};
  std::vector<grpc::Status> failures[2];
  std::vector<std::thread> clients;
  for (int i = 0; i < 2; ++i) {
    clients.emplace_back([&, i] {
      while (!stop) {
        v1::InspectResponse answer;
        const grpc::Status status = Inspect("a", &answer);
        if (!status.ok()) failures[i].push_back(status);
        ++answered;
      }
    });
  }

  for (const char* name : {"a", "a", "a", "broken"}) {
    const int loads_before = loads();
    HoldLoads(true);
    std::thread load([&] { EXPECT_EQ(LoadModel(name).ok(), name != absl::string_view("broken")); });
    EXPECT_TRUE(Eventually([&] { return loads() > loads_before; }));
    const int answered_before = answered;
    EXPECT_TRUE(Eventually([&] { return answered >= answered_before + kFrames; }));
    HoldLoads(false);
    load.join();
  }
  stop = true;
  for (std::thread& client : clients) client.join();

  for (const auto& failed : failures) {
    EXPECT_TRUE(failed.empty()) << failed.size() << ": " << failed.front().error_message();
  }
}

TEST_F(ModelAdminTest, AModelWithoutReplicasLeavesTheStreamsOfOthersAlone) {
  Start();
  detectors_["b"]->FailCalls(1000);
  detectors_["b"]->AllowRebuilds(0);
  v1::InspectResponse answer;
  EXPECT_TRUE(Eventually([&] { return absl::StrContains(Inspect("b", &answer).error_message(), "every replica"); }));

  grpc::ClientContext context;
  const auto stream = inspection_->InspectStream(&context);
  v1::InspectStreamRequest message;
  *message.mutable_configuration()->mutable_options() = Frame("a").options();
  stream->Write(message);
  *message.mutable_frame()->mutable_image() = Frame("a").image();
  stream->Write(message);
  v1::InspectStreamResponse reply;
  ASSERT_TRUE(stream->Read(&reply));
  stream->WritesDone();

  EXPECT_TRUE(reply.has_result()) << reply.ShortDebugString();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(ModelAdminTest, AStopDoesNotWaitForChangesThatHaveNotBegun) {
  constexpr int kClients = 1 + 16 + 1;  // one change is under way, as many wait as may, and one is refused
  Start();
  HoldLoads(true);
  const int loads_before = loads();
  std::vector<std::thread> clients;
  std::atomic<int> refused{0};
  std::atomic<int> unavailable{0};
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&] {
      grpc::Status status = LoadModel("a");
      for (; status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED; status = LoadModel("a")) ++refused;
      if (status.error_code() == grpc::StatusCode::UNAVAILABLE) ++unavailable;
    });
  }
  EXPECT_TRUE(Eventually([&] { return refused > 0; }));  // so that all others have come

  std::thread stop([this] { server_->Shutdown(); });
  EXPECT_TRUE(Eventually([&] { return unavailable > 0; }));  // the stop has begun
  HoldLoads(false);
  stop.join();
  for (std::thread& client : clients) client.join();

  EXPECT_EQ(loads(), loads_before + 1);
  EXPECT_EQ(unavailable, kClients);  // a stop ends the change under way too
}

}  // namespace
}  // namespace bayespfl::server
