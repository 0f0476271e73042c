#include "model/training/trained_package.h"

#include <memory>
#include <utility>

#include "absl/types/span.h"
#include "base/files.h"
#include "base/sha256.h"
#include "model/package/limits.h"
#include "model/package/staged_folder.h"
#include "model/package/tensor_catalogue.h"
#include "model/training/tensor_file.h"

namespace bayespfl {
namespace {

constexpr char kClipFile[] = "clip.safetensors";
constexpr char kWeightsFile[] = "bayespfl.safetensors";

// The tensors of the source under all their names, with the trained values.
TensorMap UnderAllNames(const ModelPackage& source, const TensorMap& parameters) {
  TensorMap tensors;
  for (const auto& [name, spec] : BayesPflTensors(source.config)) {
    if (source.bayespfl->Find(name) == nullptr) continue;
    const auto trained = parameters.find(CanonicalName(name));
    if (trained != parameters.end()) tensors.emplace(name, trained->second);
  }
  return tensors;
}

absl::string_view Text(absl::Span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

ModelConfig ConfigOf(const ModelPackage& source, const TrainedPackageOptions& options) {
  ModelConfig config = source.config;
  config.name = options.name;
  config.version = options.version;
  config.stage = options.stage;
  config.mask_threshold.reset();
  config.file_digests.clear();
  return config;
}

}  // namespace

absl::StatusOr<ModelConfig> WriteTrainedPackage(const ModelPackage& source, const TensorMap& parameters,
                                                const TrainedPackageOptions& options) {
  ModelConfig config = ConfigOf(source, options);
  if (auto checked = ParseModelConfig(FormatModelConfig(config, {})); !checked.ok()) return checked.status();
  auto folder = StagedFolder::Create(options.output_dir, options.overwrite);
  if (!folder.ok()) return folder.status();
  const absl::StatusOr<std::string> vocabulary = ReadFile(source.vocabulary_path, kMaxVocabularyBytes);
  if (!vocabulary.ok()) return vocabulary.status();

  for (const auto& [file, content] : {std::pair(std::string(kClipFile), Text(source.clip->bytes())),
                                      std::pair(config.vocabulary_file, absl::string_view(*vocabulary))}) {
    if (absl::Status status = (*folder)->Write(file, content); !status.ok()) return status;
    config.file_digests[file] = Sha256Hex(content);
  }
  absl::StatusOr<std::string> digest = WriteTensors((*folder)->Path(kWeightsFile), UnderAllNames(source, parameters));
  if (!digest.ok()) return digest.status();
  config.file_digests[kWeightsFile] = *std::move(digest);
  absl::Status status = (*folder)->Write("config.json", FormatModelConfig(config, options.provenance));
  if (status.ok()) status = (*folder)->Commit();
  if (!status.ok()) return status;
  return config;
}

}  // namespace bayespfl
