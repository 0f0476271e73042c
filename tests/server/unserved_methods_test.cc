// What callers of methods that are not there are told.
#include "server/api/unserved_methods.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "inference/grpc_service.pb.h"

namespace bayespfl::server {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string WhyOfKserve(const std::string& method) {
  return WhyUnserved(absl::StrCat("/inference.GRPCInferenceService/", method));
}

TEST(WhyUnservedTest, ChangesOfTheRepositoryAreTheAdministrations) {
  for (const std::string method : {"RepositoryModelLoad", "RepositoryModelUnload"}) {
    EXPECT_THAT(WhyOfKserve(method), AllOf(StartsWith(absl::StrCat(method, " is not served here: ")),
                                           HasSubstr("bayespfl.admin.v1.ModelAdminService"), HasSubstr("admin_port")));
  }
}

TEST(WhyUnservedTest, InPlaceOfSharedMemoryTensorsAreSent) {
  for (const std::string kind : {"System", "Cuda"}) {
    for (const std::string what : {"Status", "Register", "Unregister"}) {
      const std::string method = absl::StrCat(kind, "SharedMemory", what);
      EXPECT_THAT(WhyOfKserve(method), AllOf(StartsWith(method), HasSubstr("raw_input_contents")));
    }
  }
}

TEST(WhyUnservedTest, LogsAndTracesAreSettings) {
  EXPECT_THAT(WhyOfKserve("LogSettings"), HasSubstr("SetLogLevel"));
  EXPECT_THAT(WhyOfKserve("TraceSetting"), HasSubstr("otlp_endpoint"));
}

// A method that is served would be told not to be there as soon as its service were missing.
TEST(WhyUnservedTest, NamesNoMethodThatIsServed) {
  const auto* const service =
      inference::ModelInferRequest::descriptor()->file()->FindServiceByName("GRPCInferenceService");
  ASSERT_NE(service, nullptr);
  for (int i = 0; i < service->method_count(); ++i) {
    EXPECT_THAT(WhyOfKserve(service->method(i)->name()), StartsWith("this port has no such method"));
  }
}

TEST(WhyUnservedTest, OfOthersNothingIsRepeated) {
  for (const std::string path : {"/zebra.Zebra/LogSettings", "/inference.GRPCInferenceService/Zebra", "Zebra", ""}) {
    EXPECT_THAT(WhyUnserved(path), AllOf(HasSubstr("no such method"), Not(HasSubstr("ebra")))) << path;
  }
}

}  // namespace
}  // namespace bayespfl::server
