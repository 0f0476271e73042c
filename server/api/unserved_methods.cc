#include "server/api/unserved_methods.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace bayespfl::server {
namespace {

constexpr absl::string_view kModels =
    "models are loaded and unloaded by bayespfl.admin.v1.ModelAdminService on the port of administration (admin_port)";
constexpr absl::string_view kLogs =
    "the log level is set by bayespfl.admin.v1.ServerAdminService/SetLogLevel on the port of administration "
    "(admin_port)";
constexpr absl::string_view kTraces = "traces are set up with otlp_endpoint and trace_sample_ratio";
constexpr absl::string_view kTensors = "send tensors in the request, as raw_input_contents or contents";

struct Unserved {
  absl::string_view method;
  absl::string_view instead;
};
constexpr std::array<Unserved, 10> kUnserved = {{{"RepositoryModelLoad", kModels},
                                                 {"RepositoryModelUnload", kModels},
                                                 {"SystemSharedMemoryStatus", kTensors},
                                                 {"SystemSharedMemoryRegister", kTensors},
                                                 {"SystemSharedMemoryUnregister", kTensors},
                                                 {"CudaSharedMemoryStatus", kTensors},
                                                 {"CudaSharedMemoryRegister", kTensors},
                                                 {"CudaSharedMemoryUnregister", kTensors},
                                                 {"TraceSetting", kTraces},
                                                 {"LogSettings", kLogs}}};

}  // namespace

std::string WhyUnserved(absl::string_view path) {
  if (absl::ConsumePrefix(&path, "/inference.GRPCInferenceService/")) {
    const auto* const known = std::find_if(kUnserved.begin(), kUnserved.end(),
                                           [path](const Unserved& unserved) { return unserved.method == path; });
    if (known != kUnserved.end()) {
      return absl::StrCat(known->method, " is not served here: ", known->instead, "; docs/kserve.md lists the calls");
    }
  }
  return "this port has no such method; server reflection lists those that it has";
}

}  // namespace bayespfl::server
