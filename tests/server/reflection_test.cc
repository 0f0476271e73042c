// Server reflection as grpcurl uses it. A program of its own: one that has compiled in the health service's messages
// would lend the server a descriptor that it may lack.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/unknown_field_set.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/server/raw_call.h"
#include "tests/server/service_fixture.h"

namespace bayespfl::server {
namespace {

using ::testing::Contains;
using ::testing::UnorderedElementsAre;

// Fields of grpc.reflection.v1alpha, whose header gRPC does not install.
constexpr char kListServicesRequest = '\x3A';          // ServerReflectionRequest.list_services = 7, a string
constexpr char kFileContainingSymbolRequest = '\x22';  // ServerReflectionRequest.file_containing_symbol = 4, a string
constexpr int kFileDescriptorResponse = 4;             // ServerReflectionResponse.file_descriptor_response
constexpr int kListServicesResponse = 6;               // ServerReflectionResponse.list_services_response
constexpr int kOnlyField = 1;  // of FileDescriptorResponse, ListServiceResponse, ServiceResponse

// The strings and messages in the field `number` of a message.
std::vector<std::string> FieldsOf(const std::string& message, int number) {
  google::protobuf::UnknownFieldSet fields;
  EXPECT_TRUE(fields.ParseFromString(message));
  std::vector<std::string> values;
  for (int i = 0; i < fields.field_count(); ++i) {
    if (fields.field(i).number() == number) values.push_back(fields.field(i).length_delimited());
  }
  return values;
}

class ReflectionTest : public ServiceTest {
 protected:
  // ServerReflectionResponse, serialized, to a request with that one field; `text` is shorter than 128 bytes.
  std::string Ask(char field, const std::string& text) {
    const std::string request =
        absl::StrCat(std::string(1, field), std::string(1, static_cast<char>(text.size())), text);
    grpc::ClientContext context;
    const RawReply reply =
        RawCall(channel_, context, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", request);
    EXPECT_TRUE(reply.status.ok()) << reply.status.error_message();
    return reply.message;
  }

  std::vector<std::string> ListServices() {
    std::vector<std::string> names;
    for (const std::string& list : FieldsOf(Ask(kListServicesRequest, "*"), kListServicesResponse)) {
      for (const std::string& service : FieldsOf(list, kOnlyField))
        names.push_back(FieldsOf(service, kOnlyField).at(0));
    }
    return names;
  }

  // The services in the files that describe `symbol`.
  std::vector<std::string> DescribedWith(const std::string& symbol) {
    std::vector<std::string> names;
    for (const std::string& files : FieldsOf(Ask(kFileContainingSymbolRequest, symbol), kFileDescriptorResponse)) {
      for (const std::string& bytes : FieldsOf(files, kOnlyField)) {
        google::protobuf::FileDescriptorProto file;
        EXPECT_TRUE(file.ParseFromString(bytes));
        for (const auto& service : file.service()) names.push_back(absl::StrCat(file.package(), ".", service.name()));
      }
    }
    return names;
  }
};

TEST_F(ReflectionTest, ListsTheServices) {
  EXPECT_THAT(ListServices(),
              UnorderedElementsAre("bayespfl.inspection.v1.InspectionService", "inference.GRPCInferenceService",
                                   "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"));
}

TEST_F(ReflectionTest, DescribesEveryServiceThatItLists) {
  for (const std::string& name : ListServices()) EXPECT_THAT(DescribedWith(name), Contains(name));
}

TEST_F(ReflectionTest, DescribesNoServiceThatThereIsNot) {
  EXPECT_THAT(DescribedWith("bayespfl.inspection.v1.NoSuchService"), ::testing::IsEmpty());
}

}  // namespace
}  // namespace bayespfl::server
