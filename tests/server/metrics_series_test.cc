// Whatever clients send, over real sockets: the series of /metrics stay the same.
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "google/protobuf/descriptor.h"
#include "inference/grpc_service.grpc.pb.h"
#include "server/runtime/server.h"
#include "server/security/token_store.h"
#include "tests/server/fake_executor.h"
#include "tests/server/kserve_requests.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl::server {
namespace {

namespace v1 = inspection::v1;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;

// What every text of a round holds, as it is and in upper case (labels might be changed on the way).
struct Texts {
  std::string word;   // "zebra7": of letters and digits, so that it may stand in a path
  std::string nasty;  // what would end a label and begin a new series
};
Texts TextsOf(const std::string& word) { return {.word = word, .nasty = absl::StrCat(word, "\"} 1\nevil{a=\"", word)}; }

// A page's lines without comments and values: "bayespfl_frames_total{outcome=\"ok\"}".
std::set<std::string> SeriesOf(const std::string& page) {
  std::set<std::string> series;
  for (const absl::string_view line : absl::StrSplit(page, '\n', absl::SkipEmpty())) {
    if (!absl::StartsWith(line, "#")) series.emplace(line.substr(0, line.rfind(' ')));
  }
  return series;
}

v1::Image Picture() {
  v1::Image image;
  v1::RawImage& raw = *image.mutable_raw();
  raw.set_width(2);
  raw.set_height(2);
  raw.set_format(v1::PIXEL_FORMAT_MONO8);
  raw.set_data("1234");
  return image;
}

v1::FrameMetadata MetadataOf(const Texts& texts) {
  v1::FrameMetadata metadata;
  metadata.set_camera_id(absl::StrCat("camera ", texts.nasty));
  metadata.set_frame_id(absl::StrCat("frame ", texts.nasty));
  metadata.set_part_id(absl::StrCat("part ", texts.nasty));
  return metadata;
}

// Without an encoded picture: one of pixels, which needs no codec.
inference::ModelInferRequest KserveRequest(const Texts& texts) {
  inference::ModelInferRequest request = MakePixelRequest({1, 2, 2, 3});
  request.set_id(texts.nasty);
  request.mutable_raw_input_contents()->at(1) = PackBytes({texts.nasty});
  return request;
}

class MetricsSeriesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ServerConfig config;
    config.port = 0;
    config.http_port = 0;
    config.max_batch = 1;
    config.metric_categories = "metal nut";
    config.tokens_file = folder_.Write("tokens.yaml", absl::StrCat(inspect_.entry, "\n", admin_.entry, "\n"));
    auto server = InspectionServer::Start({.config = config, .loader = LoaderOf(executor_), .logger = nullptr});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    ASSERT_TRUE(server_->WaitUntilLoaded().ok());
    channel_ = grpc::CreateChannel(server_->grpc_address(), grpc::InsecureChannelCredentials());
    stub_ = v1::InspectionService::NewStub(channel_);
    kserve_ = inference::GRPCInferenceService::NewStub(channel_);
  }

  std::string Page() const {
    const httplib::Result result = httplib::Client("127.0.0.1", server_->http_port()).Get("/metrics");
    return result ? result->body : "";
  }

  // A context with a token, and with texts in the metadata that the server reads.
  std::unique_ptr<grpc::ClientContext> Context(const std::string& token, const Texts& texts) const {
    auto context = std::make_unique<grpc::ClientContext>();
    context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    if (!token.empty()) context->AddMetadata("authorization", absl::StrCat("Bearer ", token));
    context->AddMetadata("x-request-id", texts.word);
    context->AddMetadata("traceparent", texts.word);
    context->AddMetadata(absl::StrCat("x-", texts.word), texts.word);
    return context;
  }

  // Sends `message` to any method, closes the sending side, and waits for the status.
  grpc::StatusCode Call(const std::string& token, const std::string& method, const std::string& message,
                        const Texts& texts) const {
    const auto context = Context(token, texts);
    grpc::GenericStub stub(channel_);
    grpc::CompletionQueue queue;
    const grpc::Slice slice(message);
    auto call = stub.PrepareUnaryCall(context.get(), method, grpc::ByteBuffer(&slice, 1), &queue);
    call->StartCall();
    grpc::ByteBuffer reply;
    grpc::Status status;
    call->Finish(&reply, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    return status.error_code();
  }

  // Methods that nobody has, and tokens that nobody has.
  void CallStrangeMethods(const Texts& texts) const {
    for (const std::string& token : {std::string(), texts.word, inspect_.token, admin_.token}) {
      for (const std::string& method : {absl::StrCat("/", texts.word), absl::StrCat("/", texts.word, "/Inspect"),
                                        absl::StrCat("/bayespfl.inspection.v1.InspectionService/", texts.word),
                                        absl::StrCat("/inference.GRPCInferenceService/", texts.word)}) {
        EXPECT_NE(Call(token, method, texts.nasty, texts), grpc::StatusCode::OK) << method;
      }
    }
  }

  // Every method of both services, with messages that are none and with empty ones.
  void CallEveryMethod(const Texts& texts) {
    for (const char* name :
         {v1::InspectionService::service_full_name(), inference::GRPCInferenceService::service_full_name()}) {
      const auto* service = google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
      ASSERT_NE(service, nullptr) << name;
      for (int i = 0; i < service->method_count(); ++i) {
        const std::string method = absl::StrCat("/", name, "/", service->method(i)->name());
        for (const std::string& message : {std::string(), texts.nasty}) {
          (void)Call(texts.word, method, message, texts);
          (void)Call(inspect_.token, method, message, texts);
          if (service->method(i)->client_streaming()) ++streams_;
        }
      }
    }
  }

  void Inspect(const Texts& texts) const {
    v1::InspectRequest request;
    *request.mutable_image() = Picture();
    *request.mutable_metadata() = MetadataOf(texts);
    v1::InspectResponse response;
    for (const std::string& category : {std::string("Metal_Nut"), texts.word, texts.nasty}) {
      request.mutable_options()->set_category(category);
      EXPECT_TRUE(stub_->Inspect(Context(inspect_.token, texts).get(), request, &response).ok());
    }
    request.mutable_options()->set_category(absl::StrCat("<|", texts.nasty));
    EXPECT_FALSE(stub_->Inspect(Context(inspect_.token, texts).get(), request, &response).ok());
    request.mutable_options()->set_category(texts.word);
    request.mutable_image()->set_encoded(texts.nasty);
    EXPECT_FALSE(stub_->Inspect(Context(inspect_.token, texts).get(), request, &response).ok());
    request.mutable_metadata()->set_camera_id(std::string(1000, 'x'));
    EXPECT_FALSE(stub_->Inspect(Context(inspect_.token, texts).get(), request, &response).ok());
  }

  void InspectStream(const Texts& texts) {
    const auto context = Context(inspect_.token, texts);
    const auto stream = stub_->InspectStream(context.get());
    ++streams_;
    v1::InspectStreamRequest message;
    message.mutable_configuration()->mutable_options()->set_category(texts.word);
    stream->Write(message);
    for (const std::string& category : {texts.nasty, absl::StrCat("<|", texts.nasty)}) {
      v1::InspectStreamRequest frame;
      *frame.mutable_frame()->mutable_image() = Picture();
      *frame.mutable_frame()->mutable_metadata() = MetadataOf(texts);
      frame.mutable_frame()->set_category(category);
      stream->Write(frame);
      v1::InspectStreamResponse response;
      EXPECT_TRUE(stream->Read(&response));
    }
    stream->WritesDone();
    EXPECT_TRUE(stream->Finish().ok());
  }

  // Requests of the Open Inference Protocol that are wrong in every place that takes a text, and one that is right.
  static std::vector<inference::ModelInferRequest> KserveRequests(const Texts& texts) {
    std::vector<inference::ModelInferRequest> requests(7, KserveRequest(texts));
    requests[1].set_model_name(texts.word);
    requests[2].set_model_version(texts.nasty);
    (*requests[3].mutable_parameters())[texts.nasty].set_string_param(texts.nasty);
    (*requests[4].mutable_parameters())["resolution"].set_string_param(texts.nasty);
    requests[5].mutable_inputs(0)->set_name(texts.nasty);
    requests[6].add_outputs()->set_name(texts.nasty);
    return requests;
  }

  void Infer(const Texts& texts) const {
    int answered = 0;
    for (const inference::ModelInferRequest& request : KserveRequests(texts)) {
      inference::ModelInferResponse response;
      if (kserve_->ModelInfer(Context(inspect_.token, texts).get(), request, &response).ok()) ++answered;
    }
    EXPECT_EQ(answered, 1);
    inference::ModelReadyRequest ready;
    ready.set_name(texts.nasty);
    inference::ModelReadyResponse is_ready;
    EXPECT_FALSE(kserve_->ModelReady(Context(inspect_.token, texts).get(), ready, &is_ready).ok());
    inference::ModelMetadataRequest metadata;
    metadata.set_name("fake");
    metadata.set_version(texts.nasty);
    inference::ModelMetadataResponse response;
    EXPECT_FALSE(kserve_->ModelMetadata(Context(inspect_.token, texts).get(), metadata, &response).ok());
  }

  void InferStream(const Texts& texts) {
    const auto context = Context(inspect_.token, texts);
    const auto stream = kserve_->ModelStreamInfer(context.get());
    ++streams_;
    for (const inference::ModelInferRequest& request : KserveRequests(texts)) {
      stream->Write(request);
      inference::ModelStreamInferResponse response;
      EXPECT_TRUE(stream->Read(&response));
    }
    stream->WritesDone();
    EXPECT_TRUE(stream->Finish().ok());
  }

  void AskHttp(const Texts& texts) const {
    httplib::Client client("127.0.0.1", server_->http_port());
    for (const std::string& path : {absl::StrCat("/", texts.word), absl::StrCat("/metrics?name[]=", texts.word)}) {
      EXPECT_TRUE(client.Get(path));
    }
  }

  // Everything that a client can send, with `texts` wherever a text may be; then the series that there are.
  std::set<std::string> SeriesAfter(const Texts& texts) {
    CallStrangeMethods(texts);
    CallEveryMethod(texts);
    Inspect(texts);
    InspectStream(texts);
    Infer(texts);
    InferStream(texts);
    AskHttp(texts);
    // A stream is counted just after its client has seen the end.
    while (CountedStreams() < streams_) std::this_thread::yield();
    return SeriesOf(Page());
  }

  int CountedStreams() const {
    double count = 0;
    for (const absl::string_view line : absl::StrSplit(Page(), '\n')) {
      double value = 0;
      if (absl::StartsWith(line, "bayespfl_requests_total") && absl::StrContains(line, "Stream") &&
          absl::SimpleAtod(line.substr(line.rfind(' ') + 1), &value)) {
        count += value;
      }
    }
    return static_cast<int>(count);
  }

  const testing::TemporaryFolder folder_;
  const NewToken inspect_ = *MakeToken("line", Role::kInspect);
  const NewToken admin_ = *MakeToken("robot", Role::kAdmin);
  const std::shared_ptr<FakeExecutor> executor_ = std::make_shared<FakeExecutor>();
  std::unique_ptr<InspectionServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::InspectionService::Stub> stub_;
  std::unique_ptr<inference::GRPCInferenceService::Stub> kserve_;
  int streams_ = 0;  // opened so far, by calls that a service sees
};

TEST_F(MetricsSeriesTest, NoClientCanCreateASeries) {
  const std::set<std::string> first = SeriesAfter(TextsOf("zebra7"));

  const std::set<std::string> second = SeriesAfter(TextsOf("walrus9"));

  EXPECT_EQ(first, second);
  EXPECT_THAT(second, Each(AllOf(Not(HasSubstr("zebra7")), Not(HasSubstr("walrus9")), Not(HasSubstr("evil")))));
  // The rounds came through: every kind of request left its mark.
  EXPECT_THAT(second, Contains("bayespfl_requests_total{code=\"INVALID_ARGUMENT\",method=\"Inspect\"}"));
  EXPECT_THAT(second, Contains("bayespfl_requests_total{code=\"NOT_FOUND\",method=\"ModelInfer\"}"));
  EXPECT_THAT(Page(), Not(HasSubstr("bayespfl_calls_refused_total{code=\"UNAUTHENTICATED\"} 0\n")));
  EXPECT_THAT(Page(), HasSubstr("bayespfl_score_count{category=\"metal nut\"} 2\n"));
  EXPECT_THAT(Page(), HasSubstr("bayespfl_score_count{category=\"other\"} 10\n"));
}

}  // namespace
}  // namespace bayespfl::server
