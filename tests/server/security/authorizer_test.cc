#include "server/security/authorizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/security/audit_log.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr absl::string_view kInspect = "/bayespfl.inspection.v1.InspectionService/Inspect";
constexpr absl::string_view kAdmin = "/bayespfl.admin.v1.ModelAdminService/LoadModel";

// Lines of text without their time.
Logger LoggerTo(std::ostream& stream, const std::string& level) {
  return *CreateLogger({.level = level, .format = "text", .write = [&stream](absl::string_view line) {
                          stream << line.substr(line.find(' ') + 1);
                        }});
}

TEST(AccessTest, OnlyHealthIsOpenAndWhatIsUnknownIsAdministrative) {
  EXPECT_EQ(AccessOf("/grpc.health.v1.Health/Check"), Access::kOpen);
  EXPECT_EQ(AccessOf("/grpc.health.v1.Health/Watch"), Access::kOpen);
  EXPECT_EQ(AccessOf(kInspect), Access::kInspect);
  EXPECT_EQ(AccessOf("/inference.GRPCInferenceService/ModelInfer"), Access::kInspect);
  EXPECT_EQ(AccessOf("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"), Access::kInspect);
  EXPECT_EQ(AccessOf(kAdmin), Access::kAdmin);
  EXPECT_EQ(AccessOf("/grpc.health.v1.HealthX/Check"), Access::kAdmin);
  EXPECT_EQ(AccessOf("grpc.health.v1.Health/Check"), Access::kAdmin);
  EXPECT_EQ(AccessOf(""), Access::kAdmin);
}

TEST(BearerTokenTest, TakesTheFormOfRfc6750Only) {
  EXPECT_EQ(BearerToken("Bearer abc"), "abc");
  EXPECT_EQ(BearerToken("bEARER  abc"), "abc");
  EXPECT_FALSE(BearerToken("Bearer").has_value());
  EXPECT_FALSE(BearerToken("Bearer ").has_value());
  EXPECT_FALSE(BearerToken("Basic abc").has_value());
  EXPECT_FALSE(BearerToken("abc").has_value());
  EXPECT_FALSE(BearerToken("").has_value());
}

class AuthorizerTest : public ::testing::Test {
 protected:
  absl::Status Authorize(absl::string_view method, const std::vector<std::string>& headers) const {
    const std::vector<absl::string_view> views(headers.begin(), headers.end());
    return authorizer_.Authorize(method, views);
  }
  static std::string Bearer(const NewToken& token) { return absl::StrCat("Bearer ", token.token); }

  const testing::TemporaryFolder folder_;
  const NewToken inspect_ = *MakeToken("line-3", Role::kInspect);
  const NewToken admin_ = *MakeToken("robot", Role::kAdmin);
  const std::unique_ptr<TokenStore> tokens_ =
      *TokenStore::Load(folder_.Write("tokens", absl::StrCat(inspect_.entry, "\n", admin_.entry, "\n")));
  std::ostringstream log_;
  const AuditLog audit_{LoggerTo(log_, "error")};
  mutable std::vector<absl::StatusCode> refused_;
  const Authorizer authorizer_{*tokens_, audit_, [this](absl::StatusCode code) { refused_.push_back(code); }};
};

TEST_F(AuthorizerTest, RolesDecide) {
  EXPECT_TRUE(Authorize(kInspect, {Bearer(inspect_)}).ok());
  EXPECT_TRUE(Authorize(kInspect, {Bearer(admin_)}).ok());
  EXPECT_TRUE(Authorize(kAdmin, {Bearer(admin_)}).ok());
  EXPECT_TRUE(Authorize("/grpc.health.v1.Health/Check", {}).ok());
  EXPECT_THAT(refused_, IsEmpty());
  EXPECT_EQ(log_.str(), "");
}

TEST_F(AuthorizerTest, HighPriorityIsNoRoleOfAdministration) {
  const NewToken high = *MakeToken("rework", Role::kInspectHigh);
  folder_.Write("tokens", high.entry);
  ASSERT_TRUE(tokens_->Reload().ok());

  EXPECT_TRUE(Authorize(kInspect, {Bearer(high)}).ok());
  EXPECT_EQ(Authorize(kAdmin, {Bearer(high)}).code(), absl::StatusCode::kPermissionDenied);
}

TEST(CheckHighPriorityTest, NeedsTheRoleOrAHigherOne) {
  const absl::Status refused = CheckHighPriority(Caller{.name = "line-3", .role = Role::kInspect});

  EXPECT_EQ(refused.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(refused.message(), "high priority needs the role inspect-high; the token of line-3 has the role inspect");
  EXPECT_TRUE(CheckHighPriority(Caller{.name = "rework", .role = Role::kInspectHigh}).ok());
  EXPECT_TRUE(CheckHighPriority(Caller{.name = "robot", .role = Role::kAdmin}).ok());
}

// Its token may have been taken back between the check of the call and this one.
TEST(CheckHighPriorityTest, NobodyHasNoRole) {
  EXPECT_EQ(CheckHighPriority(std::nullopt).code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(AuthorizerTest, WithoutOneKnownTokenCallsAreUnauthenticated) {
  const std::vector<std::vector<std::string>> bad = {
      {}, {"Bearer nobody"}, {inspect_.token}, {"Basic " + inspect_.token}, {Bearer(inspect_), Bearer(inspect_)}};
  for (const std::vector<std::string>& headers : bad) {
    const absl::Status status = Authorize(kInspect, headers);
    EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated) << ::testing::PrintToString(headers);
    EXPECT_THAT(std::string(status.message()), HasSubstr(std::string(kInspect)));
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr(inspect_.token)));
  }
  EXPECT_EQ(refused_.size(), bad.size());
  EXPECT_EQ(log_.str(), "");  // anybody can cause these
}

TEST_F(AuthorizerTest, ARefusedRoleIsAuditedWhateverTheLogLevel) {
  const absl::Status status = Authorize(kAdmin, {Bearer(inspect_)});

  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(status.message()), HasSubstr(std::string(kAdmin)));
  EXPECT_THAT(refused_, ElementsAre(absl::StatusCode::kPermissionDenied));
  EXPECT_EQ(log_.str(),
            absl::StrCat("info audit who=line-3 role=inspect method=", kAdmin, " code=PERMISSION_DENIED\n"));
}

TEST_F(AuthorizerTest, AMethodNameCannotForgeALogLine) {
  (void)Authorize("/x/\nforged\"", {Bearer(inspect_)});

  EXPECT_THAT(log_.str(), HasSubstr("method=\"/x/\\nforged\\\"\""));
}

TEST(AuditLogTest, WritesOneLineWithEveryField) {
  std::ostringstream text;
  const AuditLog log(LoggerTo(text, "warning"));

  log.Write({.who = "robot",
             .role = "admin",
             .peer = "ipv4:10.0.0.7:1",
             .method = kAdmin,
             .outcome = "OK",
             .target = "/models/b\nc"});

  EXPECT_EQ(text.str(),
            "info audit who=robot role=admin peer=ipv4:10.0.0.7:1 "
            "method=/bayespfl.admin.v1.ModelAdminService/LoadModel target=\"/models/b\\nc\" code=OK\n");
}

TEST(AuditLogTest, IsSilentWhenTheLogIsOff) {
  std::ostringstream text;
  const AuditLog log(LoggerTo(text, "off"));

  log.Write({.who = "robot", .role = "", .peer = "", .method = kAdmin, .outcome = "OK", .target = ""});

  EXPECT_EQ(text.str(), "");
}

}  // namespace
}  // namespace bayespfl::server
