#include "model/training/trained_package.h"

#include <memory>
#include <utility>
#include <vector>

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

// Of both towers, in half precision.
TensorMap TowersOf(const ModelPackage& source, const TensorMap& parameters) {
  TensorMap tensors;
  for (const auto& [name, spec] : ClipTensors(source.config)) {
    const auto trained = parameters.find(name);
    if (trained != parameters.end()) tensors.emplace(name, trained->second.detach().to(torch::kFloat16));
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
  auto folder = StagedFolder::Create(options.output_dir, /*replace=*/false);
  if (!folder.ok()) return folder.status();
  const absl::StatusOr<std::string> vocabulary = ReadFile(source.vocabulary_path, kMaxVocabularyBytes);
  if (!vocabulary.ok()) return vocabulary.status();

  std::vector<std::pair<std::string, absl::string_view>> copied = {{config.vocabulary_file, *vocabulary}};
  copied.insert(copied.end(), options.documents.begin(), options.documents.end());
  std::vector<std::pair<std::string, TensorMap>> written = {{kWeightsFile, UnderAllNames(source, parameters)}};
  if (options.towers) {
    written.emplace_back(kClipFile, TowersOf(source, parameters));
  } else {
    copied.emplace_back(kClipFile, Text(source.clip->bytes()));
  }
  for (const auto& [file, content] : copied) {
    if (absl::Status status = (*folder)->Write(file, content); !status.ok()) return status;
    config.file_digests[file] = Sha256Hex(content);
  }
  for (const auto& [file, tensors] : written) {
    absl::StatusOr<std::string> digest = WriteTensors((*folder)->Path(file), tensors);
    if (!digest.ok()) return digest.status();
    config.file_digests[file] = *std::move(digest);
  }
  absl::Status status = (*folder)->Write("config.json", FormatModelConfig(config, options.provenance));
  if (status.ok()) status = (*folder)->Commit();
  if (!status.ok()) return status;
  return config;
}

}  // namespace bayespfl
