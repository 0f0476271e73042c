// The administration port over real sockets: who gets in, and what each call leaves in the log and in its metadata.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "bayespfl/admin/v1/model_admin.grpc.pb.h"
#include "tests/server/security/listed_methods.h"
#include "tests/server/security/secure_server_fixture.h"

namespace bayespfl::server {
namespace {

using admin::v1::ModelAdminService;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Matcher;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kTraceParent[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
constexpr size_t kOverTheLimit = 70'000;  // the port takes 65,536 bytes

std::string PathOf(absl::string_view method) {
  return absl::StrCat("/", ModelAdminService::service_full_name(), "/", method);
}

// The bytes of a request that names a model; all that do have the same.
std::string Named(const std::string& model) {
  admin::v1::LoadModelRequest request;
  request.set_name(model);
  return request.SerializeAsString();
}

class AdminPortTest : public SecureServerTest {
 protected:
  ServerConfig AdminConfig() const {
    for (const char* name : {"a", "b"}) std::filesystem::create_directories(absl::StrCat(folder_.path(), "/", name));
    ServerConfig config = DefaultConfig();
    config.admin_port = 0;
    config.model_root = folder_.path();
    config.models = "a,b";
    return config;
  }
  // From here on clients talk to the administration port.
  void StartAdmin(const ServerConfig& config) {
    Start(config);
    address_ = server_->admin_address();
  }
  void StartWithTokens() {
    ServerConfig config = AdminConfig();
    UseTokens(config);
    StartAdmin(config);
  }

  // The lines of the audit so far; stops the server.
  std::vector<std::string> Audit() {
    std::vector<std::string> lines;
    for (const absl::string_view line : absl::StrSplit(Log(), '\n')) {
      if (absl::StrContains(line, "info audit ")) lines.emplace_back(line);
    }
    return lines;
  }
};

// One line of the audit, of the administrator.
auto Audited(absl::string_view method, absl::string_view end) {
  return AllOf(HasSubstr("info audit who=robot role=admin peer=ipv4:127.0.0.1:"),
               HasSubstr(absl::StrCat(" method=", PathOf(method), end)));
}

TEST_F(AdminPortTest, EveryMethodLeavesOneAuditLineWithItsTargetAndOutcome) {
  StartWithTokens();
  const Client admin = Plain(admin_.token);

  EXPECT_TRUE(admin.Call(PathOf("ListModels"), "").status.ok());
  EXPECT_TRUE(admin.Call(PathOf("LoadModel"), Named("a")).status.ok());
  EXPECT_TRUE(admin.Call(PathOf("SetDefaultModel"), Named("b")).status.ok());
  EXPECT_TRUE(admin.Call(PathOf("UnloadModel"), Named("a")).status.ok());
  EXPECT_EQ(admin.Call(PathOf("UnloadModel"), Named("b")).status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(admin.Call(PathOf("SetDefaultModel"), Named("c")).status.error_code(), grpc::StatusCode::NOT_FOUND);

  EXPECT_THAT(Audit(),
              ElementsAre(Audited("ListModels", " code=OK"), Audited("LoadModel", " target=a code=OK"),
                          Audited("SetDefaultModel", " target=b code=OK"), Audited("UnloadModel", " target=a code=OK"),
                          Audited("UnloadModel", " target=b code=FAILED_PRECONDITION"),
                          Audited("SetDefaultModel", " target=c code=NOT_FOUND")));
}

TEST_F(AdminPortTest, EveryMethodIsForAdministratorsAndAuditedAllowedOrRefused) {
  StartWithTokens();
  const Client admin = Plain(admin_.token);
  const Client inspector = Plain(inspect_.token);
  std::vector<std::string> paths;
  for (const auto* method : ListMethods(admin)) {
    if (absl::StartsWith(method->full_name(), "bayespfl.")) paths.push_back(server::PathOf(*method));
  }
  ASSERT_THAT(paths, SizeIs(8));

  std::vector<Matcher<std::string>> expected;
  for (const std::string& path : paths) {
    // A request that none of them takes, so that nothing comes of it.
    EXPECT_EQ(Plain().Call(path, "\xff\xff").status.error_code(), grpc::StatusCode::UNAUTHENTICATED) << path;
    EXPECT_EQ(inspector.Call(path, "\xff\xff").status.error_code(), grpc::StatusCode::PERMISSION_DENIED) << path;
    EXPECT_EQ(admin.Call(path, "\xff\xff").status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << path;
    expected.push_back(EndsWith(absl::StrCat("who=line-3 role=inspect method=", path, " code=PERMISSION_DENIED")));
    expected.push_back(AllOf(HasSubstr("who=robot role=admin peer=ipv4:127.0.0.1:"),
                             EndsWith(absl::StrCat(" method=", path, " code=INVALID_ARGUMENT"))));
  }

  EXPECT_THAT(Audit(), ElementsAreArray(expected));
}

TEST_F(AdminPortTest, AMessageThatIsNoRequestIsAudited) {
  StartWithTokens();

  for (const char* method : {"ListModels", "LoadModel"}) {
    const grpc::Status status = Plain(admin_.token).Call(PathOf(method), "\xff\xff").status;
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
  }

  EXPECT_THAT(Audit(), ElementsAre(Audited("ListModels", " code=INVALID_ARGUMENT"),
                                   Audited("LoadModel", " code=INVALID_ARGUMENT")));
}

TEST_F(AdminPortTest, AMessageOverTheLimitIsAudited) {
  StartWithTokens();

  const grpc::Status status = Plain(admin_.token).Call(PathOf("LoadModel"), std::string(kOverTheLimit, 'x')).status;

  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
  EXPECT_THAT(Audit(), ElementsAre(Audited("LoadModel", " code=INVALID_ARGUMENT")));
}

TEST_F(AdminPortTest, AnUnknownMethodIsAuditedWithAnEscapedNameOfLimitedLength) {
  StartWithTokens();
  const std::string odd = absl::StrCat("/x/ info audit \"", std::string(2000, 'y'));

  for (const std::string& method : {PathOf("DropModels"), std::string("/other.Service/Method"), odd}) {
    EXPECT_EQ(Plain(admin_.token).Call(method, "").status.error_code(), grpc::StatusCode::UNIMPLEMENTED) << method;
  }

  const std::vector<std::string> lines = Audit();
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_THAT(lines[0], Audited("DropModels", " code=UNIMPLEMENTED"));
  EXPECT_THAT(lines[1], HasSubstr(" method=/other.Service/Method code=UNIMPLEMENTED"));
  EXPECT_THAT(lines[2], HasSubstr(" method=\"/x/ info audit \\\"yyy"));
  EXPECT_LT(lines[2].size(), 1000U);
}

TEST_F(AdminPortTest, ARefusedRoleIsAuditedOnceAndACallWithoutAKnownTokenIsNot) {
  StartWithTokens();

  EXPECT_EQ(Plain(inspect_.token).Call(PathOf("UnloadModel"), Named("a")).status.error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Plain("nobody").Call(PathOf("UnloadModel"), Named("a")).status.error_code(),
            grpc::StatusCode::UNAUTHENTICATED);

  EXPECT_THAT(Audit(), ElementsAre(HasSubstr(absl::StrCat("info audit who=line-3 role=inspect method=",
                                                          PathOf("UnloadModel"), " code=PERMISSION_DENIED"))));
}

TEST_F(AdminPortTest, WithoutTokensTheAuditNamesTheAddress) {
  StartAdmin(AdminConfig());

  (void)Plain().Call(PathOf("LoadModel"), "\xff\xff");
  (void)Plain().Call(PathOf("DropModels"), "");

  EXPECT_THAT(Audit(), ElementsAre(AllOf(HasSubstr("info audit who=peer:127.0.0.1 peer=ipv4:127.0.0.1:"),
                                         HasSubstr("LoadModel code=INVALID_ARGUMENT")),
                                   HasSubstr("DropModels code=UNIMPLEMENTED")));
}

TEST_F(AdminPortTest, ReflectionDescribesTheAdministration) {
  StartWithTokens();

  std::vector<std::string> names;
  for (const auto* method : ListMethods(Plain(admin_.token))) names.push_back(method->full_name());

  EXPECT_THAT(
      names,
      IsSupersetOf(
          {"bayespfl.admin.v1.ModelAdminService.ListModels", "bayespfl.admin.v1.ModelAdminService.LoadModel",
           "bayespfl.admin.v1.ModelAdminService.UnloadModel", "bayespfl.admin.v1.ModelAdminService.SetDefaultModel",
           "bayespfl.admin.v1.ServerAdminService.GetLogLevel", "bayespfl.admin.v1.ServerAdminService.SetLogLevel",
           "bayespfl.admin.v1.ServerAdminService.Drain", "bayespfl.admin.v1.ServerAdminService.GetConfiguration"}));
}

TEST_F(AdminPortTest, ProbesAreNotAudited) {
  StartWithTokens();

  EXPECT_TRUE(Plain().Health().ok());

  EXPECT_THAT(Audit(), IsEmpty());
}

TEST_F(AdminPortTest, OnlyKnownMethodsAreCounted) {
  StartWithTokens();
  (void)Plain(admin_.token).Call(PathOf("LoadModel"), "\xff\xff");
  (void)Plain(admin_.token).Call(PathOf("DropModels"), "");

  EXPECT_THAT(Http("/metrics"),
              AllOf(HasSubstr("bayespfl_requests_total{code=\"INVALID_ARGUMENT\",method=\"LoadModel\"} 1\n"),
                    Not(HasSubstr("DropModels"))));
}

TEST_F(AdminPortTest, ACallJoinsItsCallersTraceAndKeepsItsRequestId) {
  StartWithTokens();
  grpc::ClientContext context;
  Plain(admin_.token).Prepare(context);
  context.AddMetadata("traceparent", kTraceParent);
  context.AddMetadata("x-request-id", "order-17");
  const Client admin = Plain();

  ASSERT_TRUE(RawCall(admin.channel(), context, PathOf("LoadModel"), Named("a")).status.ok());

  const auto& metadata = context.GetServerInitialMetadata();
  ASSERT_EQ(metadata.count("x-request-id"), 1U);
  ASSERT_EQ(metadata.count("traceparent"), 1U);
  EXPECT_EQ(metadata.find("x-request-id")->second, "order-17");
  EXPECT_TRUE(metadata.find("traceparent")->second.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
  const std::string log = Log();
  EXPECT_THAT(log, HasSubstr("debug the call ended method=LoadModel request_id=order-17 "
                             "trace_id=4bf92f3577b34da6a3ce929d0e0e4736 "));
  EXPECT_THAT(log, HasSubstr(absl::StrCat(" request_id=order-17 method=", PathOf("LoadModel"), " target=a code=OK")));
}

TEST_F(AdminPortTest, EveryMethodReturnsATraceAndARequestId) {
  StartWithTokens();
  for (const char* method : {"ListModels", "LoadModel", "SetDefaultModel", "UnloadModel"}) {
    grpc::ClientContext context;
    const Client admin = Plain(admin_.token);
    admin.Prepare(context);

    (void)RawCall(admin.channel(), context, PathOf(method),
                  method == absl::string_view("ListModels") ? "" : Named(".."));

    EXPECT_EQ(context.GetServerInitialMetadata().count("x-request-id"), 1U) << method;
    EXPECT_EQ(context.GetServerInitialMetadata().count("traceparent"), 1U) << method;
  }
}

TEST_F(AdminPortTest, OverTlsTheTokenDecides) {
  ServerConfig config = AdminConfig();
  UseTls(config, identity_);
  UseTokens(config);
  StartAdmin(config);
  const auto load = [](const Client& client) {
    return client.Call(PathOf("LoadModel"), Named("a")).status.error_code();
  };

  EXPECT_EQ(load(Tls(authority_, admin_.token)), grpc::StatusCode::OK);
  EXPECT_EQ(load(Tls(authority_, inspect_.token)), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(load(Tls(authority_)), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(load(Plain(admin_.token)), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(load(Tls(stranger_, admin_.token)), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(AdminPortTest, WithAClientAuthorityCertificateAndTokenAreBothNeeded) {
  ServerConfig config = AdminConfig();
  UseTls(config, identity_);
  UseTokens(config);
  config.tls_client_ca = folder_.Write("ca.pem", authority_.certificate());
  StartAdmin(config);
  const CertificateAndKey known = authority_.Issue("operator", "");
  const auto load = [](const Client& client) {
    return client.Call(PathOf("LoadModel"), Named("a")).status.error_code();
  };

  EXPECT_EQ(load(Tls(authority_, admin_.token)), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(load(Tls(authority_, admin_.token, stranger_.Issue("operator", ""))), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(load(Tls(authority_, "", known)), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(load(Tls(authority_, admin_.token, known)), grpc::StatusCode::OK);
  EXPECT_THAT(Audit(), ElementsAre(Audited("LoadModel", " target=a code=OK")));
}

TEST_F(AdminPortTest, WithoutTokensTheAuditNamesTheClientsCertificate) {
  ServerConfig config = AdminConfig();
  UseTls(config, identity_);
  config.tls_client_ca = folder_.Write("ca.pem", authority_.certificate());
  StartAdmin(config);

  EXPECT_TRUE(Tls(authority_, "", authority_.Issue("operator", "")).Call(PathOf("ListModels"), "").status.ok());

  EXPECT_THAT(Audit(), Contains(HasSubstr("info audit who=tls:operator peer=ipv4:127.0.0.1:")));
}

}  // namespace
}  // namespace bayespfl::server
