#include "tests/server/hostile_client.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "bayespfl/admin/v1/model_admin.pb.h"
#include "google/protobuf/descriptor.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "tests/server/hostile_bytes.h"
#include "tests/server/kserve_requests.h"
#include "tests/server/raw_connection.h"

namespace bayespfl::server {
namespace {

namespace v1 = inspection::v1;
using grpc::StatusCode;

constexpr std::chrono::seconds kPatience(30);
constexpr std::chrono::milliseconds kImpatience(30);
constexpr char kAdminService[] = "bayespfl.admin.v1.ModelAdminService";
constexpr char kInspect[] = "/bayespfl.inspection.v1.InspectionService/Inspect";
constexpr char kReflect[] = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
constexpr size_t kMuch = size_t{3} << 20;  // over the limit of every port

std::shared_ptr<grpc::Channel> Connect(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

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

v1::Image Pixels() {
  v1::Image image;
  v1::RawImage& raw = *image.mutable_raw();
  raw.set_width(static_cast<uint32_t>(kPictureMark.size()));
  raw.set_height(1);
  raw.set_format(v1::PIXEL_FORMAT_MONO8);
  raw.set_data(std::string(kPictureMark));
  return image;
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
  SendCategories();
  SendBombs();
  SendAbsurdPixels();
  SendAbsurdOptions();
  Stream();
  Infer();
  InferStream();
  AskAboutModels();
  Administer();
  Cancel();
  LetDeadlinesPass();
  SpeakHttp();
  for (const int port : {PortOf(target_.grpc_address), PortOf(target_.admin_address), target_.http_port}) {
    SendBytes(port);
    SendFrames(port);
  }
}

// ---- calls ---------------------------------------------------------------------------------------------------------

// None, one that nobody has, and the two that somebody has.
std::vector<std::string> HostileClient::Tokens() const {
  return {"", absl::StrCat(kWrongTokenMark, word_), target_.inspect_token, target_.admin_token};
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

// One that is right, but for what its texts hold.
v1::InspectRequest HostileClient::Frame() const {
  v1::InspectRequest request;
  *request.mutable_image() = Pixels();
  request.mutable_metadata()->set_camera_id(absl::StrCat("camera ", nasty_).substr(0, 128));
  request.mutable_metadata()->set_frame_id(absl::StrCat("frame ", nasty_).substr(0, 128));
  request.mutable_metadata()->set_part_id(absl::StrCat("part ", nasty_).substr(0, 128));
  request.mutable_options()->set_category(nasty_);
  return request;
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
      for (const std::string& token : Tokens()) (void)Call(channel, token, method, message);
      EXPECT_EQ(Call(channel, Tokens()[0], method, message), StatusCode::UNAUTHENTICATED) << method;
      EXPECT_EQ(Call(channel, Tokens()[1], method, message), StatusCode::UNAUTHENTICATED) << method;
    }
  }
}

// Several tokens, tokens in other forms, and more metadata than gRPC takes.
void HostileClient::SendOddHeaders() const {
  const std::string message = Frame().SerializeAsString();
  for (const std::string& value :
       {absl::StrCat("Basic ", kWrongTokenMark), std::string("Bearer"), std::string("Bearer  "),
        absl::StrCat(kWrongTokenMark, " ", kWrongTokenMark), absl::StrCat("Bearer ", target_.inspect_token, "x"),
        absl::StrCat("Bearer ", target_.inspect_token, " ", target_.admin_token),
        absl::StrCat("Bearer ", std::string(5000, 'x'), kWrongTokenMark)}) {
    const auto context = Context("");
    context->AddMetadata("authorization", value);
    EXPECT_EQ(RawCall(main_, *context, kInspect, message).status.error_code(), StatusCode::UNAUTHENTICATED);
  }
  const auto twice = Context(target_.inspect_token);
  twice->AddMetadata("authorization", absl::StrCat("Bearer ", target_.admin_token));
  EXPECT_EQ(RawCall(main_, *twice, kInspect, message).status.error_code(), StatusCode::UNAUTHENTICATED);
  const auto large = Context(target_.inspect_token);
  large->AddMetadata("x-large", std::string(size_t{1} << 20, 'x'));
  EXPECT_FALSE(RawCall(Connect(target_.grpc_address), *large, kInspect, message).status.ok());  // costs the connection
  const auto ids = Context(target_.inspect_token);
  ids->AddMetadata("x-request-id", std::string(3000, 'x'));
  ids->AddMetadata("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  const grpc::Status status = RawCall(main_, *ids, kInspect, message).status;
  EXPECT_TRUE(status.ok()) << status.error_code() << " " << status.error_message();
}

// Messages over the transport's limit, and one of more fields than any request has.
void HostileClient::SendTooMuch() const {
  const std::string much(kMuch, '\0');
  for (const char* method : {kInspect, "/bayespfl.inspection.v1.InspectionService/InspectStream",
                             "/inference.GRPCInferenceService/ModelInfer"}) {
    EXPECT_EQ(Call(main_, target_.inspect_token, method, much), StatusCode::RESOURCE_EXHAUSTED) << method;
  }
  EXPECT_EQ(Call(admin_, target_.admin_token, absl::StrCat("/", kAdminService, "/LoadModel"), much),
            StatusCode::RESOURCE_EXHAUSTED);
  std::string fields;
  for (int i = 0; i < 100'000; ++i) fields += Field(1, "");
  EXPECT_EQ(Call(main_, target_.inspect_token, kInspect, fields), StatusCode::INVALID_ARGUMENT);
}

// ---- frames --------------------------------------------------------------------------------------------------------

void HostileClient::SendCategories() const {
  v1::InspectRequest request = Frame();
  for (const std::string& category : {std::string("Metal_Nut"), word_, nasty_}) {
    request.mutable_options()->set_category(category);
    EXPECT_EQ(Inspect(request), StatusCode::OK);
  }
  for (const std::string& category : {absl::StrCat("<|", nasty_), std::string(), std::string(1000, 'x')}) {
    request.mutable_options()->set_category(category);
    EXPECT_EQ(Inspect(request), StatusCode::INVALID_ARGUMENT);
  }
  request = Frame();
  request.mutable_metadata()->set_camera_id(std::string(1000, 'x'));
  EXPECT_EQ(Inspect(request), StatusCode::INVALID_ARGUMENT);
}

// Files that promise more than they bring, bring more than they promise, or are none.
void HostileClient::SendBombs() const {
  const std::string zeros = DeflatedZeros(size_t{4} << 20);
  std::vector<std::string> files = {Png(60'000, 60'000, zeros),
                                    Png(1U << 31, 1U << 31, kPictureMark),
                                    Png(300, 300, kPictureMark),
                                    Png(0, 0, zeros),
                                    JpegWithoutPixels(65'000, 65'000),
                                    JpegWithoutPixels(300, 300),
                                    TruncatedJpeg(),
                                    absl::StrCat("II*", std::string("\0\xFF\xFF\xFF\xFF", 5), kPictureMark),
                                    absl::StrCat("RIFF\xFF\xFF\xFF\xFFWEBPVP8 ", kPictureMark),
                                    absl::StrCat("BM", kPictureMark),
                                    absl::StrCat("\xFF\xD8\xFF", kPictureMark),
                                    std::string(kPictureMark),
                                    RandomBytes(1000, 7)};
  v1::InspectRequest request = Frame();
  for (size_t i = 0; i < files.size(); ++i) {
    request.mutable_image()->set_encoded(files[i]);
    EXPECT_EQ(Inspect(request), StatusCode::INVALID_ARGUMENT) << "file " << i;
  }
  // A sound picture with a little too much behind it: whatever the decoder says, it says it.
  request.mutable_image()->set_encoded(Png(8, 8, zeros));
  (void)Inspect(request);
}

void HostileClient::SendAbsurdPixels() const {
  constexpr uint32_t kMost = std::numeric_limits<uint32_t>::max();
  v1::InspectRequest request = Frame();
  v1::RawImage& raw = *request.mutable_image()->mutable_raw();
  for (const int format :
       {int{v1::PIXEL_FORMAT_MONO8}, int{v1::PIXEL_FORMAT_MONO12P}, int{v1::PIXEL_FORMAT_RGBA8}, 99}) {
    raw.set_format(static_cast<v1::PixelFormat>(format));
    for (const uint32_t width : {0U, 1U, kMost}) {
      for (const uint32_t height : {0U, 2U, kMost}) {
        for (const uint32_t stride : {0U, 1U, kMost}) {
          raw.set_width(width);
          raw.set_height(height);
          raw.set_stride(stride);
          EXPECT_EQ(Inspect(request), StatusCode::INVALID_ARGUMENT)
              << format << " " << width << " x " << height << " " << stride;
        }
      }
    }
  }
}

void HostileClient::SendAbsurdOptions() const {
  std::vector<v1::InspectRequest> requests(7, Frame());
  requests[0].mutable_options()->set_samples(std::numeric_limits<uint32_t>::max());
  requests[1].mutable_options()->set_mask_threshold(std::numeric_limits<float>::quiet_NaN());
  requests[2].mutable_options()->set_anomaly_map(static_cast<v1::MapEncoding>(-7));
  requests[3].mutable_options()->set_resolution(static_cast<v1::MapResolution>(99));
  requests[4].mutable_options()->set_priority(static_cast<v1::Priority>(-1));
  requests[5].mutable_options()->set_model(nasty_);
  requests[6].mutable_image()->set_significant_bits(std::numeric_limits<uint32_t>::max());
  for (const v1::InspectRequest& request : requests) EXPECT_EQ(Inspect(request), StatusCode::INVALID_ARGUMENT);
  requests[0] = Frame();
  requests[0].mutable_options()->set_model(word_);
  EXPECT_EQ(Inspect(requests[0]), StatusCode::NOT_FOUND);
  v1::GetModelInfoRequest info;
  info.set_model(nasty_);
  v1::GetModelInfoResponse response;
  EXPECT_FALSE(inspection_->GetModelInfo(Context(target_.inspect_token).get(), info, &response).ok());
}

void HostileClient::Stream() const {
  const auto context = Context(target_.inspect_token);
  const auto stream = inspection_->InspectStream(context.get());
  v1::InspectStreamRequest message;
  message.mutable_configuration()->mutable_options()->set_category(word_);
  stream->Write(message);
  for (const std::string& category : {nasty_, absl::StrCat("<|", nasty_)}) {
    v1::InspectStreamRequest frame;
    *frame.mutable_frame()->mutable_image() = Pixels();
    *frame.mutable_frame()->mutable_metadata() = Frame().metadata();
    frame.mutable_frame()->set_category(category);
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

// One that is right. Of pixels, which need no codec.
inference::ModelInferRequest HostileClient::KserveFrame() const {
  inference::ModelInferRequest request = MakePixelRequest({1, 2, 2, 3});
  request.set_id(nasty_);
  *request.mutable_raw_input_contents(0) = absl::StrCat(kPictureMark, "!");
  *request.mutable_raw_input_contents(1) = PackBytes({nasty_});
  return request;
}

// Wrong in every place that takes a text or a number.
std::vector<inference::ModelInferRequest> HostileClient::WrongKserveFrames() const {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  std::vector<inference::ModelInferRequest> requests(13, KserveFrame());
  requests[0].set_model_name(word_);
  requests[1].set_model_version(nasty_);
  (*requests[2].mutable_parameters())[nasty_].set_string_param(nasty_);
  (*requests[3].mutable_parameters())["resolution"].set_string_param(nasty_);
  requests[4].mutable_inputs(0)->set_name(nasty_);
  requests[5].add_outputs()->set_name(nasty_);
  requests[6].mutable_inputs(0)->set_datatype(nasty_);
  for (int i = 1; i < 3; ++i) requests[7].mutable_inputs(0)->set_shape(i, kMost);
  requests[8].mutable_inputs(0)->set_shape(1, -1);
  requests[9].mutable_inputs(0)->clear_shape();
  for (int i = 0; i < 1000; ++i) requests[10].mutable_inputs(0)->add_shape(kMost);
  *requests[11].mutable_raw_input_contents(1) = absl::StrCat("\xFF\xFF\xFF\xFF", kPictureMark);
  requests[12].clear_raw_input_contents();
  return requests;
}

void HostileClient::Infer() const {
  inference::ModelInferResponse response;
  for (const inference::ModelInferRequest& request : WrongKserveFrames()) {
    EXPECT_FALSE(kserve_->ModelInfer(Context(target_.inspect_token).get(), request, &response).ok())
        << request.ShortDebugString();
  }
  EXPECT_TRUE(kserve_->ModelInfer(Context(target_.inspect_token).get(), KserveFrame(), &response).ok());
}

void HostileClient::InferStream() const {
  const auto context = Context(target_.inspect_token);
  const auto stream = kserve_->ModelStreamInfer(context.get());
  std::vector<inference::ModelInferRequest> requests = WrongKserveFrames();
  requests.push_back(KserveFrame());
  for (const inference::ModelInferRequest& request : requests) {
    stream->Write(request);
    inference::ModelStreamInferResponse response;
    EXPECT_TRUE(stream->Read(&response));
  }
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

void HostileClient::AskAboutModels() const {
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
    EXPECT_EQ(Call(channel, Tokens()[1], kReflect, message), StatusCode::UNAUTHENTICATED);
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
    *message.mutable_frame()->mutable_image() = Pixels();
    for (int i = 0; i < 3 * frames; ++i) stream->Write(message);
    v1::InspectStreamResponse response;
    EXPECT_EQ(frames > 0 && stream->Read(&response), frames > 0);
    context->TryCancel();
    EXPECT_EQ(stream->Finish().error_code(), StatusCode::CANCELLED);
  }
  const auto context = Context(target_.inspect_token);
  const auto stream = kserve_->ModelStreamInfer(context.get());
  for (int i = 0; i < 4; ++i) stream->Write(KserveFrame());
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
  *message.mutable_frame()->mutable_image() = Pixels();
  while (stream->Write(message)) continue;  // nobody reads the replies
  EXPECT_EQ(stream->Finish().error_code(), StatusCode::DEADLINE_EXCEEDED);
  const auto idle = hurried();
  EXPECT_EQ(kserve_->ModelStreamInfer(idle.get())->Finish().error_code(), StatusCode::DEADLINE_EXCEEDED);
  const auto past = Context(target_.inspect_token);
  past->set_deadline(std::chrono::system_clock::now() - kImpatience);
  EXPECT_EQ(RawCall(main_, *past, kInspect, Frame().SerializeAsString()).status.error_code(),
            StatusCode::DEADLINE_EXCEEDED);
}

// ---- below gRPC ----------------------------------------------------------------------------------------------------

// Requests to the HTTP port: other paths and methods, and ones that break off.
void HostileClient::SpeakHttp() const {
  const std::string end = absl::StrCat(" HTTP/1.1\r\nHost: ", word_, "\r\nConnection: close\r\n\r\n");
  const RawConnection half(target_.http_port);
  (void)half.Send("GET /metrics HTTP/1.1\r\nHost: ");  // and nothing more until the others were answered
  const auto status_of = [this](const std::string& request) {
    const RawConnection connection(target_.http_port);
    (void)connection.Send(request);
    return connection.ReadUntil([](const std::string& received) { return received.size() >= 12; }).substr(0, 12);
  };
  EXPECT_EQ(status_of(absl::StrCat("GET /", word_, end)), "HTTP/1.1 404");
  EXPECT_EQ(status_of(absl::StrCat("GET /metrics?name[]=", word_, end)), "HTTP/1.1 200");
  EXPECT_EQ(status_of(absl::StrCat("GET /../../etc/passwd", end)), "HTTP/1.1 404");
  EXPECT_NE(status_of(absl::StrCat(word_, " /metrics", end)), "HTTP/1.1 200");
  EXPECT_NE(status_of(absl::StrCat("GET /", std::string(20'000, 'x'), end)), "HTTP/1.1 200");
  EXPECT_NE(status_of(absl::StrCat("POST /metrics HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", kPictureMark)),
            "HTTP/1.1 200");
  EXPECT_NE(status_of("POST /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n"),
            "HTTP/1.1 200");
  const RawConnection gone(target_.http_port);
  (void)gone.Send(absl::StrCat("GET /metrics", end));
  gone.EndWithReset();
  EXPECT_FALSE(absl::StartsWith(half.Finish(), "HTTP/1.1 200"));
}

// A port that hears bytes of no protocol, of another one, or none at all.
void HostileClient::SendBytes(int port) const {
  {
    const RawConnection connection(port);
  }
  for (const std::string& bytes :
       {std::string(), std::string("\r\n\r\n"), absl::StrCat("GET /", word_, " HTTP/1.1\r\nHost: ", word_, "\r\n\r\n"),
        RandomBytes(10'000, 1), std::string("\x16\x03\x01\x02\0\x01\0\x01\xFC\x03\x03", 11)}) {
    const RawConnection polite(port);
    (void)polite.Send(bytes);
    (void)polite.Finish();
    const RawConnection rude(port);
    (void)rude.Send(bytes);
    rude.EndWithReset();
  }
}

// HTTP/2 that begins well.
void HostileClient::SendFrames(int port) const {
  std::string garbage = Http2Preface();
  for (uint8_t type = 0; type < 12; ++type) {
    absl::StrAppend(&garbage, Http2Frame(type, type, type % 3, RandomBytes(40, type)));
  }
  std::string resets = Http2Preface();
  for (uint32_t stream = 1; stream < 200; stream += 2) {
    absl::StrAppend(&resets, Http2Call(stream, kInspect, {}), Http2Frame(3, 0, stream, std::string("\0\0\0\x08", 4)));
  }
  for (const std::string& bytes :
       {absl::StrCat(Http2Preface(), RandomBytes(10'000, 2)), garbage, resets,
        absl::StrCat(Http2Preface(), Http2Frame(1, 0, 1, RandomBytes(100, 3))),  // headers that never end
        absl::StrCat(Http2Preface(), std::string("\xFF\xFF\xFF\x00\x00", 5)),    // a frame of 16 MiB
        absl::StrCat(Http2Preface(), Http2Frame(8, 0, 0, std::string("\x7F\xFF\xFF\xFF", 4)))}) {  // a window too large
    const RawConnection connection(port);
    (void)connection.Send(bytes);
    (void)connection.Finish();
  }
  if (port == target_.http_port) return;
  // Header fields that no client library lets through.
  for (const std::string& token : Tokens()) {
    for (const std::string& path :
         {absl::StrCat("/", nasty_), absl::StrCat("/", kAdminService, "/LoadModel\n", nasty_)}) {
      for (const std::string& more : {std::string(), absl::StrCat("\n", kWrongTokenMark, nasty_)}) {
        const RawConnection connection(port);
        (void)connection.Send(absl::StrCat(
            Http2Preface(), Http2Call(1, path, {{"authorization", absl::StrCat("Bearer ", token, more)}})));
        EXPECT_TRUE(HoldsHttp2Answer(connection.ReadUntil(HoldsHttp2Answer)));
      }
    }
  }
}

}  // namespace bayespfl::server
