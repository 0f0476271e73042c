#include "server/api/kserve_models.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/api/kserve_tensor.h"
#include "server/api/kserve_translate.h"
#include "server/api/status.h"

namespace bayespfl::server {
namespace {

using ModelIndex = inference::RepositoryIndexResponse::ModelIndex;
using TensorMetadata = inference::ModelMetadataResponse::TensorMetadata;

constexpr char kPlatform[] = "bayespfl_safetensors";
constexpr char kBackend[] = "bayespfl";

void SetTensor(absl::string_view name, absl::string_view datatype, int rank, TensorMetadata& tensor) {
  tensor.set_name(std::string(name));
  tensor.set_datatype(std::string(datatype));
  for (int i = 0; i < rank; ++i) tensor.add_shape(-1);
}

inference::DataType DataTypeOf(absl::string_view datatype) {
  if (datatype == "BYTES") return inference::TYPE_STRING;
  if (datatype == "FP32") return inference::TYPE_FP32;
  if (datatype == "UINT64") return inference::TYPE_UINT64;
  return datatype == "UINT8" ? inference::TYPE_UINT8 : inference::TYPE_INVALID;
}

// `tensor` is a ModelInput or a ModelOutput.
template <typename Tensor>
void SetConfigured(const TensorMetadata& metadata, Tensor& tensor) {
  tensor.set_name(metadata.name());
  tensor.set_data_type(DataTypeOf(metadata.datatype()));
  *tensor.mutable_dims() = metadata.shape();
}

void SetState(const ModelStatus& model, const Pipeline& pipeline, ModelIndex& entry) {
  if (model.info.has_value()) {
    const absl::Status serves = pipeline.FindModel(model.name).status();
    entry.set_version(model.info->version);
    entry.set_state(serves.ok() ? "READY" : "UNAVAILABLE");
    entry.set_reason(std::string(serves.message()));
  } else if (model.state == ModelState::kLoading) {
    entry.set_state("LOADING");
  } else {
    // The message may hold paths of the server's, which are the administration's to see.
    const absl::string_view code = CodeName(static_cast<grpc::StatusCode>(model.last_load.code()));
    entry.set_state("UNAVAILABLE");
    entry.set_reason(absl::StrCat("it could not be loaded: ", code, "; the server's log says more"));
  }
}

}  // namespace

inference::ModelMetadataResponse MetadataToProto(const ServedModel& model) {
  inference::ModelMetadataResponse response;
  response.set_name(model.name());
  response.add_versions(model.info().version);
  response.set_platform(kPlatform);
  SetTensor(kImageInput, "BYTES", 1, *response.add_inputs());
  SetTensor(kCategoryInput, "BYTES", 1, *response.add_inputs());
  for (const OutputSpec& spec : kOutputs) {
    SetTensor(spec.name, spec.datatype, spec.map ? 3 : 1, *response.add_outputs());
  }
  return response;
}

inference::ModelConfig ConfigToProto(const ServedModel& model) {
  const inference::ModelMetadataResponse metadata = MetadataToProto(model);
  inference::ModelConfig config;
  config.set_name(metadata.name());
  config.set_platform(metadata.platform());
  config.set_backend(kBackend);
  config.set_max_batch_size(0);
  for (const TensorMetadata& input : metadata.inputs()) SetConfigured(input, *config.add_input());
  for (const TensorMetadata& output : metadata.outputs()) SetConfigured(output, *config.add_output());
  return config;
}

inference::RepositoryIndexResponse IndexToProto(const std::vector<ModelStatus>& models, const Pipeline& pipeline,
                                                bool ready_only) {
  inference::RepositoryIndexResponse response;
  for (const ModelStatus& model : models) {
    ModelIndex entry;
    entry.set_name(model.name);
    SetState(model, pipeline, entry);
    if (!ready_only || entry.state() == "READY") *response.add_models() = std::move(entry);
  }
  return response;
}

}  // namespace bayespfl::server
