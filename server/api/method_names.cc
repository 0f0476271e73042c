#include "server/api/method_names.h"

#include "bayespfl/admin/v1/model_admin.grpc.pb.h"
#include "bayespfl/admin/v1/server_admin.grpc.pb.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "google/protobuf/descriptor.h"
#include "inference/grpc_service.grpc.pb.h"

namespace bayespfl::server {
namespace {

// `service` is linked in.
void AddMethods(const char* service, std::vector<std::string>& names) {
  const google::protobuf::ServiceDescriptor* const descriptor =
      google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(service);
  for (int i = 0; i < descriptor->method_count(); ++i) names.push_back(descriptor->method(i)->name());
}

}  // namespace

std::vector<std::string> InspectionMethods() {
  std::vector<std::string> names;
  AddMethods(inspection::v1::InspectionService::service_full_name(), names);
  AddMethods(inference::GRPCInferenceService::service_full_name(), names);
  return names;
}

std::map<std::string, std::string, std::less<>> ServicesByMethod() {
  std::map<std::string, std::string, std::less<>> services;
  for (const char* service :
       {inspection::v1::InspectionService::service_full_name(), inference::GRPCInferenceService::service_full_name()}) {
    std::vector<std::string> methods;
    AddMethods(service, methods);
    for (const std::string& method : methods) services[method] = service;
  }
  return services;
}

std::vector<std::string> AdminMethods() {
  std::vector<std::string> names;
  AddMethods(admin::v1::ModelAdminService::service_full_name(), names);
  AddMethods(admin::v1::ServerAdminService::service_full_name(), names);
  return names;
}

}  // namespace bayespfl::server
