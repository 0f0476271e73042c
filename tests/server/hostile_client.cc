#include "tests/server/hostile_client.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "bayespfl/admin/v1/model_admin.pb.h"
#include "google/protobuf/descriptor.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "tests/server/hostile_bytes.h"
#include "tests/server/hostile_requests.h"
#include "tests/server/hostile_sockets.h"
#include "tests/server/server_fixture.h"

namespace bayespfl::server {
namespace {

namespace v1 = inspection::v1;
using grpc::StatusCode;

constexpr std::chrono::seconds kPatience(30);
constexpr std::chrono::milliseconds kImpatience(30);
constexpr char kAdminService[] = "bayespfl.admin.v1.ModelAdminService";
constexpr char kReflect[] = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
constexpr size_t kMuch = size_t{3} << 20;  // over the limit of every port

int PortOf(const std::string& address) {
  int port = 0;
  EXPECT_TRUE(absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port)) << address;
  return port;
}

// A field of bytes, below 128 of them, as Protobuf writes it: also where the type has a string, which must be UTF-8.
std::string Field(int number, absl::string_view bytes) {
  return absl::StrCat(std::string(1, static_cast<char>(number << 3 | 2)),
                      std::string(1, static_cast<char>(bytes.size())), bytes);
}

}  // namespace

HostileClient::HostileClient(HostileTarget target, std::string word)
    : target_(std::move(target)),
      word_(std::move(word)),
      nasty_(absl::StrCat(word_, "\"} 1\nevil{a=\"", word_,
                          "\r\n{\"level\":\"info\",\"message\":\"forged\"}\n../\x1B[2J")),
      main_(Connect(target_.grpc_address)),
      admin_(Connect(target_.admin_address)),
      inspection_(v1::InspectionService::NewStub(main_)),
      kserve_(inference::GRPCInferenceService::NewStub(main_)) {}

void HostileClient::Attack() {
  for (const Channel& channel : {main_, admin_}) {
    CallStrangeMethods(channel);
    AskHealthAndReflection(channel);
  }
  CallEveryMethod(main_, v1::InspectionService::service_full_name());
  CallEveryMethod(main_, inference::GRPCInferenceService::service_full_name());
  CallEveryMethod(main_, kAdminService);
  CallEveryMethod(admin_, kAdminService);
  SendOddHeaders();
  SendTooMuch();
  SendFrames();
  Stream();
  Infer();
  InferStream();
  AskAboutModels();
  Administer();
  Cancel();
  LetDeadlinesPass();
  SpeakHttp(target_.http_port, word_);
  for (const int port : {PortOf(target_.grpc_address), PortOf(target_.admin_address)}) {
    SendOtherBytes(port, word_);
    SendHttp2Calls(port, Tokens(), nasty_);
  }
  SendOtherBytes(target_.http_port, word_);
}

// ---- calls ---------------------------------------------------------------------------------------------------------

// None, and one that nobody has.
std::vector<std::string> HostileClient::UnknownTokens() const { return {"", absl::StrCat(kWrongTokenMark, word_)}; }

// These, and the two that somebody has.
std::vector<std::string> HostileClient::Tokens() const {
  std::vector<std::string> tokens = UnknownTokens();
  tokens.insert(tokens.end(), {target_.inspect_token, target_.admin_token});
  return tokens;
}

// A context with a token, and with the word in the metadata that the server reads, and in others.
std::unique_ptr<grpc::ClientContext> HostileClient::Context(const std::string& token) const {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + kPatience);
  if (!token.empty()) context->AddMetadata("authorization", absl::StrCat("Bearer ", token));
  context->AddMetadata("x-request-id", word_);
  context->AddMetadata("traceparent", word_);
  context->AddMetadata(absl::StrCat("x-", word_), word_);
  return context;
}

StatusCode HostileClient::Call(const Channel& channel, const std::string& token, const std::string& method,
                               const std::string& message) const {
  return RawCall(channel, *Context(token), method, message).status.error_code();
}

StatusCode HostileClient::Inspect(const v1::InspectRequest& request) const {
  v1::InspectResponse response;
  return inspection_->Inspect(Context(target_.inspect_token).get(), request, &response).error_code();
}

// Methods that nobody has.
void HostileClient::CallStrangeMethods(const Channel& channel) const {
  for (const std::string& token : Tokens()) {
    for (const std::string& method :
         {absl::StrCat("/", word_), absl::StrCat("/", word_, "/Inspect"),
          absl::StrCat("/bayespfl.inspection.v1.InspectionService/", word_),
          absl::StrCat("/inference.GRPCInferenceService/", word_), absl::StrCat("/", kAdminService, "/", word_),
          absl::StrCat("/grpc.health.v1.Health/", word_)}) {
      EXPECT_NE(Call(channel, token, method, nasty_), StatusCode::OK) << method;
    }
  }
}

// Every method of a service, with messages that are none and with an empty one.
void HostileClient::CallEveryMethod(const Channel& channel, const char* service) const {
  const auto* descriptor = google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(service);
  ASSERT_NE(descriptor, nullptr) << service;
  for (int i = 0; i < descriptor->method_count(); ++i) {
    const std::string method = absl::StrCat("/", service, "/", descriptor->method(i)->name());
    for (const std::string& message :
         {std::string(), nasty_, std::string(kPictureMark), RandomBytes(200, static_cast<uint32_t>(i))}) {
      for (const std::string& token : UnknownTokens()) {
        EXPECT_EQ(Call(channel, token, method, message), StatusCode::UNAUTHENTICATED) << method;
      }
      // What becomes of these is up to the method.
      for (const std::string& token : {target_.inspect_token, target_.admin_token}) {
        (void)Call(channel, token, method, message);
      }
    }
  }
}

// Several tokens, tokens in other forms, and more metadata than gRPC takes.
void HostileClient::SendOddHeaders() const {
  const std::string message = HostileFrame(nasty_).SerializeAsString();
  for (const std::string& value :
       {absl::StrCat("Basic ", kWrongTokenMark), std::string("Bearer"), std::string("Bearer  "),
        absl::StrCat(kWrongTokenMark, " ", kWrongTokenMark), absl::StrCat("Bearer ", target_.inspect_token, "x"),
        absl::StrCat("Bearer ", target_.inspect_token, " ", target_.admin_token),
        absl::StrCat("Bearer ", std::string(5000, 'x'), kWrongTokenMark)}) {
    const auto context = Context("");
    context->AddMetadata("authorization", value);
    EXPECT_EQ(RawCall(main_, *context, kInspectMethod, message).status.error_code(), StatusCode::UNAUTHENTICATED);
  }
  const auto twice = Context(target_.inspect_token);
  twice->AddMetadata("authorization", absl::StrCat("Bearer ", target_.admin_token));
  EXPECT_EQ(RawCall(main_, *twice, kInspectMethod, message).status.error_code(), StatusCode::UNAUTHENTICATED);
  const auto large = Context(target_.inspect_token);
  large->AddMetadata("x-large", std::string(size_t{1} << 20, 'x'));
  EXPECT_FALSE(
      RawCall(Connect(target_.grpc_address), *large, kInspectMethod, message).status.ok());  // costs the connection
  const auto ids = Context(target_.inspect_token);
  ids->AddMetadata("x-request-id", std::string(3000, 'x'));
  ids->AddMetadata("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  const grpc::Status status = RawCall(main_, *ids, kInspectMethod, message).status;
  EXPECT_TRUE(status.ok()) << status.error_code() << " " << status.error_message();
}

// Messages over the transport's limit, and one of more fields than any request has.
void HostileClient::SendTooMuch() const {
  const std::string much(kMuch, '\0');
  for (const char* method : {kInspectMethod, "/bayespfl.inspection.v1.InspectionService/InspectStream",
                             "/inference.GRPCInferenceService/ModelInfer"}) {
    EXPECT_EQ(Call(main_, target_.inspect_token, method, much), StatusCode::RESOURCE_EXHAUSTED) << method;
  }
  EXPECT_EQ(Call(admin_, target_.admin_token, absl::StrCat("/", kAdminService, "/LoadModel"), much),
            StatusCode::RESOURCE_EXHAUSTED);
  std::string fields;
  for (int i = 0; i < 100'000; ++i) fields += Field(1, "");
  EXPECT_EQ(Call(main_, target_.inspect_token, kInspectMethod, fields), StatusCode::INVALID_ARGUMENT);
}

// ---- frames --------------------------------------------------------------------------------------------------------

void HostileClient::SendFrames() const {
  v1::InspectRequest request = HostileFrame(nasty_);
  for (const std::string& category : {std::string("Metal_Nut"), word_, nasty_}) {
    request.mutable_options()->set_category(category);
    EXPECT_EQ(Inspect(request), StatusCode::OK);
  }
  for (const v1::InspectRequest& wrong : WrongFrames(nasty_)) {
    EXPECT_EQ(Inspect(wrong), StatusCode::INVALID_ARGUMENT) << wrong.ShortDebugString();
  }
  request.mutable_options()->set_model(word_);
  EXPECT_EQ(Inspect(request), StatusCode::NOT_FOUND);
}

void HostileClient::Stream() const {
  const auto context = Context(target_.inspect_token);
  const auto stream = inspection_->InspectStream(context.get());
  const v1::InspectRequest right = HostileFrame(nasty_);
  v1::InspectStreamRequest message;
  message.mutable_configuration()->mutable_options()->set_category(word_);
  stream->Write(message);
  for (const std::string& category : {nasty_, absl::StrCat("<|", nasty_)}) {
    v1::InspectStreamRequest frame;
    *frame.mutable_frame()->mutable_image() = right.image();
    *frame.mutable_frame()->mutable_metadata() = right.metadata();
    frame.mutable_frame()->mutable_options()->set_category(category);
    frame.mutable_frame()->mutable_timeout()->set_seconds(std::numeric_limits<int64_t>::max());
    stream->Write(frame);
    frame.mutable_frame()->clear_timeout();
    stream->Write(frame);
    stream->Write(v1::InspectStreamRequest());
    v1::InspectStreamResponse response;
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(stream->Read(&response));
  }
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

// ---- the Open Inference Protocol -----------------------------------------------------------------------------------

void HostileClient::Infer() const {
  inference::ModelInferResponse response;
  for (const inference::ModelInferRequest& request : WrongKserveFrames(word_, nasty_)) {
    EXPECT_FALSE(kserve_->ModelInfer(Context(target_.inspect_token).get(), request, &response).ok())
        << request.ShortDebugString();
  }
  EXPECT_TRUE(kserve_->ModelInfer(Context(target_.inspect_token).get(), HostileKserveFrame(nasty_), &response).ok());
}

void HostileClient::InferStream() const {
  const auto context = Context(target_.inspect_token);
  const auto stream = kserve_->ModelStreamInfer(context.get());
  std::vector<inference::ModelInferRequest> requests = WrongKserveFrames(word_, nasty_);
  requests.push_back(HostileKserveFrame(nasty_));
  for (const inference::ModelInferRequest& request : requests) {
    stream->Write(request);
    inference::ModelStreamInferResponse response;
    EXPECT_TRUE(stream->Read(&response));
  }
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

void HostileClient::AskAboutModels() const {
  v1::GetModelRequest info;
  info.set_name(nasty_);
  v1::GetModelResponse about;
  EXPECT_FALSE(inspection_->GetModel(Context(target_.inspect_token).get(), info, &about).ok());
  inference::ModelReadyRequest ready;
  ready.set_name(nasty_);
  inference::ModelReadyResponse is_ready;
  EXPECT_FALSE(kserve_->ModelReady(Context(target_.inspect_token).get(), ready, &is_ready).ok());
  inference::ModelMetadataRequest metadata;
  metadata.set_name("fake");
  metadata.set_version(nasty_);
  inference::ModelMetadataResponse response;
  EXPECT_FALSE(kserve_->ModelMetadata(Context(target_.inspect_token).get(), metadata, &response).ok());
}

// ---- administration, health, reflection ----------------------------------------------------------------------------

// Names that no package has; in all three requests the name is field 1.
void HostileClient::Administer() const {
  constexpr char kSetLogLevel[] = "/bayespfl.admin.v1.ServerAdminService/SetLogLevel";
  for (const std::string& level : {word_, nasty_, std::string("off"), std::string("debug\0", 6)}) {
    EXPECT_EQ(Call(admin_, target_.inspect_token, kSetLogLevel, Field(1, level)), StatusCode::PERMISSION_DENIED);
    EXPECT_EQ(Call(admin_, target_.admin_token, kSetLogLevel, Field(1, level)), StatusCode::INVALID_ARGUMENT);
  }
  const std::string list = absl::StrCat("/", kAdminService, "/ListModels");
  for (const char* change : {"LoadModel", "UnloadModel", "SetDefaultModel"}) {
    const std::string method = absl::StrCat("/", kAdminService, "/", change);
    for (const std::string& name :
         {std::string(), word_, nasty_.substr(0, 120), std::string(".."), absl::StrCat("../", word_),
          std::string("/etc"), std::string("fake/../fake"), std::string("fake\0", 5), std::string("\xFF\xFE")}) {
      EXPECT_EQ(Call(admin_, target_.inspect_token, method, Field(1, name)), StatusCode::PERMISSION_DENIED);
      EXPECT_NE(Call(admin_, target_.admin_token, method, Field(1, name)), StatusCode::OK) << method << " " << name;
      EXPECT_EQ(Call(main_, target_.admin_token, method, Field(1, name)), StatusCode::UNIMPLEMENTED);
    }
    admin::v1::LoadModelRequest request;
    request.set_name(std::string(50'000, 'x'));
    EXPECT_NE(Call(admin_, target_.admin_token, method, request.SerializeAsString()), StatusCode::OK);
  }
  EXPECT_EQ(Call(admin_, target_.inspect_token, list, ""), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Call(admin_, target_.admin_token, list, ""), StatusCode::OK);
}

void HostileClient::AskHealthAndReflection(const Channel& channel) const {
  const auto health = grpc::health::v1::Health::NewStub(channel);
  grpc::health::v1::HealthCheckRequest request;
  grpc::health::v1::HealthCheckResponse response;
  for (const std::string& token : Tokens()) {
    request.set_service("");
    EXPECT_TRUE(health->Check(Context(token).get(), request, &response).ok());
    request.set_service(nasty_);
    EXPECT_EQ(health->Check(Context(token).get(), request, &response).error_code(), StatusCode::NOT_FOUND);
    const auto context = Context(token);
    const auto watch = health->Watch(context.get(), request);
    EXPECT_TRUE(watch->Read(&response));
    context->TryCancel();
    EXPECT_EQ(watch->Finish().error_code(), StatusCode::CANCELLED);
  }
  constexpr int kFileByFilename = 3;
  constexpr int kFileContainingSymbol = 4;
  constexpr int kExtension = 5;
  constexpr int kExtensionNumbers = 6;
  constexpr int kListServices = 7;
  for (const int question : {kFileByFilename, kFileContainingSymbol, kExtension, kExtensionNumbers, kListServices}) {
    const std::string message = Field(question, nasty_.substr(0, 120));
    EXPECT_EQ(Call(channel, UnknownTokens()[1], kReflect, message), StatusCode::UNAUTHENTICATED);
    (void)Call(channel, target_.inspect_token, kReflect, message);
  }
}

// ---- leaving -------------------------------------------------------------------------------------------------------

// Leaves streams with frames under way, and a call before its answer.
void HostileClient::Cancel() const {
  for (int frames = 0; frames < 4; ++frames) {
    const auto context = Context(target_.inspect_token);
    const auto stream = inspection_->InspectStream(context.get());
    v1::InspectStreamRequest message;
    message.mutable_configuration()->mutable_options()->set_category(word_);
    message.mutable_configuration()->set_flow_policy(frames % 2 == 0 ? v1::FLOW_POLICY_LATEST : v1::FLOW_POLICY_BLOCK);
    stream->Write(message);
    *message.mutable_frame()->mutable_image() = HostileFrame(nasty_).image();
    for (int i = 0; i < 3 * frames; ++i) stream->Write(message);
    v1::InspectStreamResponse response;
    EXPECT_EQ(frames > 0 && stream->Read(&response), frames > 0);
    context->TryCancel();
    EXPECT_EQ(stream->Finish().error_code(), StatusCode::CANCELLED);
  }
  const auto context = Context(target_.inspect_token);
  const auto stream = kserve_->ModelStreamInfer(context.get());
  for (int i = 0; i < 4; ++i) stream->Write(HostileKserveFrame(nasty_));
  inference::ModelStreamInferResponse response;
  EXPECT_TRUE(stream->Read(&response));
  context->TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), StatusCode::CANCELLED);
}

void HostileClient::LetDeadlinesPass() const {
  const auto hurried = [this] {
    auto context = Context(target_.inspect_token);
    context->set_deadline(std::chrono::system_clock::now() + kImpatience);
    return context;
  };
  const auto context = hurried();
  const auto stream = inspection_->InspectStream(context.get());
  v1::InspectStreamRequest message;
  message.mutable_configuration()->mutable_options()->set_category(word_);
  stream->Write(message);
  *message.mutable_frame()->mutable_image() = HostileFrame(nasty_).image();
  while (stream->Write(message)) continue;  // nobody reads the replies
  EXPECT_EQ(stream->Finish().error_code(), StatusCode::DEADLINE_EXCEEDED);
  const auto idle = hurried();
  EXPECT_EQ(kserve_->ModelStreamInfer(idle.get())->Finish().error_code(), StatusCode::DEADLINE_EXCEEDED);
  const auto past = Context(target_.inspect_token);
  past->set_deadline(std::chrono::system_clock::now() - kImpatience);
  EXPECT_EQ(RawCall(main_, *past, kInspectMethod, HostileFrame(nasty_).SerializeAsString()).status.error_code(),
            StatusCode::DEADLINE_EXCEEDED);
}

}  // namespace bayespfl::server
