#include "tests/server/security/listed_methods.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "google/protobuf/empty.pb.h"
#include "google/protobuf/unknown_field_set.h"

namespace bayespfl::server {
namespace {

std::vector<std::string> ListServices(const Client& client) {
  const std::string list_services("\x3A\x01*", 3);  // ServerReflectionRequest{list_services: "*"}
  const RawReply reply = client.Call(absl::StrCat("/", kReflection, "/ServerReflectionInfo"), list_services);
  EXPECT_TRUE(reply.status.ok()) << reply.status.error_message();
  constexpr int kListServicesResponse = 6;
  std::vector<std::string> names;
  google::protobuf::Empty response;  // every field is unknown to it, so all can be walked over
  EXPECT_TRUE(response.ParseFromString(reply.message));
  const google::protobuf::UnknownFieldSet& fields =
      google::protobuf::Empty::GetReflection()->GetUnknownFields(response);
  for (int i = 0; i < fields.field_count(); ++i) {
    if (fields.field(i).number() != kListServicesResponse) continue;
    google::protobuf::UnknownFieldSet list;
    EXPECT_TRUE(list.ParseFromString(fields.field(i).length_delimited()));
    for (int k = 0; k < list.field_count(); ++k) {
      google::protobuf::UnknownFieldSet service;  // ServiceResponse{name = 1}
      EXPECT_TRUE(service.ParseFromString(list.field(k).length_delimited()));
      names.push_back(service.field(0).length_delimited());
    }
  }
  return names;
}

}  // namespace

std::vector<const google::protobuf::MethodDescriptor*> ListMethods(const Client& client) {
  std::vector<const google::protobuf::MethodDescriptor*> methods;
  for (const std::string& name : ListServices(client)) {
    const auto* service = google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
    if (service == nullptr) {
      ADD_FAILURE() << "no descriptor of " << name;
      continue;
    }
    for (int i = 0; i < service->method_count(); ++i) methods.push_back(service->method(i));
  }
  return methods;
}

std::string PathOf(const google::protobuf::MethodDescriptor& method) {
  return absl::StrCat("/", method.service()->full_name(), "/", method.name());
}

}  // namespace bayespfl::server
