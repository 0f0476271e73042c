// The server's life cycle as its clients and probes see it: loading, failing to load, draining, losing its model.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "server/runtime/server.h"
#include "tests/server/service_fixture.h"
#include "tests/server/until.h"

namespace bayespfl::server {
namespace {

using ::testing::HasSubstr;

TEST_F(ServiceTest, IsUnavailableUntilTheModelIsLoaded) {
  detector_->Hold();  // the warm-up waits
  Start(DefaultConfig(), Loader(), /*wait=*/false);

  EXPECT_EQ(Inspect(MakeRequest()).error_code(), grpc::StatusCode::UNAVAILABLE);
  grpc::ClientContext context;
  v1::GetModelResponse info;
  EXPECT_EQ(stub_->GetModel(&context, {}, &info).error_code(), grpc::StatusCode::UNAVAILABLE);
  grpc::ClientContext stream_context;
  EXPECT_EQ(stub_->InspectStream(&stream_context)->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(Http("/startupz", 503), HasSubstr("loading"));
  EXPECT_THAT(Http("/readyz", 503), HasSubstr("loaded yet"));
  Http("/livez", 200);

  detector_->Release();
  ASSERT_TRUE(server_->WaitUntilLoaded().ok());
  EXPECT_TRUE(Inspect(MakeRequest()).ok());
  Http("/startupz", 200);
  Http("/readyz", 200);
}

TEST_F(ServiceTest, ReportsAModelThatCannotBeLoaded) {
  Start(
      DefaultConfig(),
      [](const std::string& /*folder*/) { return absl::StatusOr<Replicas>(absl::DataLossError("no such tensor")); },
      /*wait=*/false);

  EXPECT_EQ(server_->WaitUntilLoaded().message(), "no such tensor");
  EXPECT_THAT(Http("/livez", 503), HasSubstr("no such tensor"));
}

TEST_F(ServiceTest, RefusesToShareAnAddress) {
  const ModelLoader loader = Loader();
  ServerConfig config = DefaultConfig();
  config.port = server_->port();
  const auto same_port = InspectionServer::Start({.config = config, .loader = loader, .logger = nullptr});
  ASSERT_FALSE(same_port.ok());
  EXPECT_THAT(std::string(same_port.status().message()), HasSubstr(server_->grpc_address()));

  config.port = 0;
  config.http_port = server_->http_port();
  const auto same_http = InspectionServer::Start({.config = config, .loader = loader, .logger = nullptr});
  ASSERT_FALSE(same_http.ok());
  EXPECT_THAT(std::string(same_http.status().message()), HasSubstr(server_->http_address()));
}

TEST_F(ServiceTest, GracefulStopAnswersAcceptedFramesAndEndsStreams) {
  grpc::ClientContext idle_context;
  const std::unique_ptr<StreamClient> idle = stub_->InspectStream(&idle_context);
  idle->Write(MakeConfiguration());
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
  detector_->Hold();
  stream->Write(MakeConfiguration());
  stream->Write(MakeFrame("0"));
  detector_->WaitForCalls(2);
  std::thread stopper([this] { server_->Shutdown(); });
  EXPECT_TRUE(Eventually([this] { return absl::StrContains(Http("/readyz"), "draining"); }));
  EXPECT_EQ(Inspect(MakeRequest()).error_code(), grpc::StatusCode::UNAVAILABLE);
  detector_->Release();

  v1::InspectStreamResponse reply;
  EXPECT_TRUE(stream->Read(&reply));
  EXPECT_TRUE(reply.has_result());
  EXPECT_FALSE(stream->Read(&reply));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  const grpc::Status idle_status = idle->Finish();
  EXPECT_EQ(idle_status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(idle_status.error_message(), HasSubstr("draining"));
  stopper.join();
}

TEST_F(ServiceTest, AStreamThatDrainsSaysSoToPrograms) {
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
  stream->Write(MakeConfiguration());
  stream->Write(MakeFrame("0"));
  v1::InspectStreamResponse reply;
  ASSERT_TRUE(stream->Read(&reply));
  server_->RequestStop();
  std::thread stopper([this] { server_->Shutdown(); });

  EXPECT_FALSE(stream->Read(&reply));
  const grpc::Status status = stream->Finish();
  stopper.join();

  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ErrorOf(status).reason(), v1::ERROR_REASON_DRAINING);
  const auto info = DetailOf<rpc::ErrorInfo>(status, "google.rpc.ErrorInfo");
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->reason(), "DRAINING");
  EXPECT_EQ(info->domain(), "inspection.bayespfl");
}

TEST_F(ServiceTest, WithoutReplicasTheProbeAsksForARestart) {
  detector_->FailCalls(1000);
  detector_->AllowRebuilds(0);

  const grpc::Status status = Inspect(MakeRequest());
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE) << "another server may have the model";
  EXPECT_EQ(ErrorOf(status).reason(), v1::ERROR_REASON_NO_REPLICA);
  EXPECT_TRUE(Eventually([this] { return absl::StrContains(Http("/livez"), "could not be rebuilt"); }));
  EXPECT_THAT(Http("/readyz", 503), HasSubstr("could not be rebuilt"));
  grpc::health::v1::HealthCheckResponse health;
  EXPECT_TRUE(Eventually([&] {
    grpc::ClientContext context;
    EXPECT_TRUE(grpc::health::v1::Health::NewStub(channel_)->Check(&context, {}, &health).ok());
    return health.status() == grpc::health::v1::HealthCheckResponse::NOT_SERVING;
  }));
  EXPECT_THAT(Http("/metrics"), HasSubstr("bayespfl_replica_failures_total{outcome=\"lost\"} 1\n"));
}

}  // namespace
}  // namespace bayespfl::server
