#include "server/api/method_names.h"

#include "bayespfl/admin/v1/model_admin.grpc.pb.h"
#include "bayespfl/admin/v1/server_admin.grpc.pb.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "google/protobuf/descriptor.h"
#include "inference/grpc_service.grpc.pb.h"

namespace bayespfl::server {
namespace {

// `message` stands in the file of the service, which is linked in for its sake.
void AddMethods(const google::protobuf::Descriptor& message, const char* service, std::vector<std::string>& names) {
  const google::protobuf::ServiceDescriptor* const descriptor = message.file()->pool()->FindServiceByName(service);
  for (int i = 0; i < descriptor->method_count(); ++i) names.push_back(descriptor->method(i)->name());
}

void AddInspection(std::vector<std::string>& names) {
  AddMethods(*inspection::v1::InspectRequest::descriptor(), inspection::v1::InspectionService::service_full_name(),
             names);
}

void AddKserve(std::vector<std::string>& names) {
  AddMethods(*inference::ModelInferRequest::descriptor(), inference::GRPCInferenceService::service_full_name(), names);
}

}  // namespace

std::vector<std::string> InspectionMethods() {
  std::vector<std::string> names;
  AddInspection(names);
  AddKserve(names);
  return names;
}

std::map<std::string, std::string, std::less<>> ServicesByMethod() {
  std::vector<std::string> ours;
  AddInspection(ours);
  std::vector<std::string> kserve;
  AddKserve(kserve);
  std::map<std::string, std::string, std::less<>> services;
  for (const std::string& method : ours) services[method] = inspection::v1::InspectionService::service_full_name();
  for (const std::string& method : kserve) services[method] = inference::GRPCInferenceService::service_full_name();
  return services;
}

std::vector<std::string> AdminMethods() {
  std::vector<std::string> names;
  AddMethods(*admin::v1::LoadModelRequest::descriptor(), admin::v1::ModelAdminService::service_full_name(), names);
  AddMethods(*admin::v1::SetLogLevelRequest::descriptor(), admin::v1::ServerAdminService::service_full_name(), names);
  return names;
}

}  // namespace bayespfl::server
