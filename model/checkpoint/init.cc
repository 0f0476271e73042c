#include "model/checkpoint/init.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <map>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/sha256.h"
#include "model/checkpoint/clip_input.h"
#include "model/checkpoint/dtype_conversion.h"
#include "model/checkpoint/initial_weights.h"
#include "model/checkpoint/torch_writer.h"
#include "model/package/safetensors_writer.h"
#include "model/package/staged_folder.h"
#include "model/package/tensor_catalogue.h"

namespace bayespfl {
namespace {

constexpr int64_t kVocabularySize = 49408;
constexpr int64_t kContextLength = 77;

struct Architecture {
  absl::string_view name;
  int64_t embed_dim;
  TowerConfig vision;
  int64_t patch_size;
  int64_t pretrain_image_size;
  TowerConfig text;
  int64_t image_size;
  bool small = false;  // learns from nothing (initial_weights.h): there are no weights of CLIP's in this size
};

// Sizes of the published models (Radford et al. 2021, table 20), image sizes as Bayes-PFL runs them, and two that CLIP
// was never trained in.
constexpr std::array<Architecture, 4> kArchitectures = {{
    {"vit-l-14-336", 768, {1024, 24, 16}, 14, 336, {768, 12, 12}, 518},
    {"vit-b-16", 512, {768, 12, 12}, 16, 224, {512, 12, 8}, 384},
    {"compact", 64, {192, 8, 3}, 12, 120, {64, 3, 1}, 240, /*small=*/true},
    {"tiny", 32, {48, 8, 4}, 14, 42, {32, 4, 4}, 56},
}};

const Architecture* Find(absl::string_view name) {
  return std::find_if(kArchitectures.begin(), kArchitectures.end(),
                      [&](const Architecture& architecture) { return architecture.name == name; });
}

absl::StatusOr<ModelConfig> Configure(const InitOptions& options) {
  const Architecture* const found = Find(options.architecture);
  if (found == kArchitectures.end()) {
    return absl::InvalidArgumentError(absl::StrCat("architecture \"", options.architecture, "\" is not one of ",
                                                   absl::StrJoin(KnownArchitectures(), ", ")));
  }
  ModelConfig config;
  config.name = absl::StrCat(found->name, "-untrained");
  config.version = absl::StrCat("seed-", options.seed);
  config.embed_dim = found->embed_dim;
  config.vision = found->vision;
  config.patch_size = found->patch_size;
  config.pretrain_image_size = found->pretrain_image_size;
  for (int64_t i = 1; i <= 4; ++i) config.tapped_layers.push_back(found->vision.layers * i / 4);
  config.text = found->text;
  config.context_length = kContextLength;
  config.vocabulary_size = kVocabularySize;
  config.prompts = 3;
  config.context_rows = 5;
  config.state_rows = 5;
  config.flow_steps = 10;
  config.rca_heads = 4;
  config.encoder_width = found->vision.width / 2;
  config.image_size = found->image_size;
  SetClipInput(config);
  config.vocabulary_file = options.vocabulary_file;
  return config;
}

using ValuesOf = InitialValues (*)(const std::string&, const ModelConfig&);

// The tensors of one weight file. The numbers of `catalogue`'s canonical names, from `first_number` on, key the draws.
std::vector<NamedTensor> DrawnTensors(const TensorCatalogue& catalogue, const ModelConfig& config, ValuesOf values_of,
                                      uint64_t seed, uint32_t first_number) {
  std::vector<NamedTensor> tensors;
  for (const auto& [name, spec] : catalogue) {
    const std::string canonical = CanonicalName(name);
    const auto number =
        first_number + static_cast<uint32_t>(std::distance(catalogue.begin(), catalogue.find(canonical)));
    size_t elements = 1;
    for (const int64_t length : spec.shape) elements *= static_cast<size_t>(length);
    const TensorInfo info{spec.half ? DType::kF16 : DType::kF32, spec.shape};
    const InitialValues values = values_of(canonical, config);
    tensors.push_back({name, info, canonical, [=] {
                         std::vector<uint8_t> bytes(elements * sizeof(float));
                         std::vector<float> drawn(elements);
                         FillInitial(values, config, seed, number, absl::MakeSpan(drawn));
                         std::memcpy(bytes.data(), drawn.data(), bytes.size());
                         // Initial weights are far inside fp16's range.
                         ConvertDType(DType::kF32, info.dtype, bytes).IgnoreError();
                         return bytes;
                       }});
  }
  return tensors;
}

absl::StatusOr<std::string> WriteSafetensors(const std::string& path, const std::vector<NamedTensor>& tensors) {
  std::map<std::string, TensorInfo> infos;
  std::map<std::string, const NamedTensor*> by_name;
  for (const NamedTensor& tensor : tensors) {
    infos.emplace(tensor.name, tensor.info);
    by_name.emplace(tensor.name, &tensor);
  }
  auto writer = SafetensorsWriter::Create(path, infos);
  if (!writer.ok()) return writer.status();
  for (const std::string& name : (*writer)->order()) {
    if (absl::Status status = (*writer)->Append(by_name.at(name)->bytes()); !status.ok()) return status;
  }
  return (*writer)->Finish();
}

absl::Status WritePackage(const InitOptions& options, ModelConfig config, const std::vector<NamedTensor>& clip,
                          const std::vector<NamedTensor>& bayespfl, StagedFolder& folder) {
  for (const auto& [file, tensors] :
       {std::pair("clip.safetensors", &clip), std::pair("bayespfl.safetensors", &bayespfl)}) {
    absl::StatusOr<std::string> digest = WriteSafetensors(folder.Path(file), *tensors);
    if (!digest.ok()) return digest.status();
    config.file_digests[file] = *std::move(digest);
  }
  config.file_digests[options.vocabulary_file] = Sha256Hex(options.vocabulary);
  if (absl::Status status = folder.Write(options.vocabulary_file, options.vocabulary); !status.ok()) return status;
  const PackageProvenance provenance = {{"made_by", absl::StrCat("bayespfl-model init ", BAYESPFL_VERSION)},
                                        {"description", "Untrained: random weights. Its scores mean nothing."},
                                        {"seed", absl::StrCat(options.seed)}};
  return folder.Write("config.json", FormatModelConfig(config, provenance));
}

absl::Status WriteUpstream(const ModelConfig& config, const std::vector<NamedTensor>& clip,
                           const std::vector<NamedTensor>& bayespfl, const StagedFolder& folder) {
  if (absl::Status status = WriteTorchScriptClip(folder.Path("clip.pt"), clip, config.pretrain_image_size,
                                                 config.context_length, config.vocabulary_size);
      !status.ok()) {
    return status;
  }
  return WriteStateDictionary(folder.Path("bayespfl.pth"), bayespfl);
}

}  // namespace

std::vector<std::string> KnownArchitectures() {
  std::vector<std::string> names;
  for (const Architecture& architecture : kArchitectures) names.emplace_back(architecture.name);
  return names;
}

absl::StatusOr<ModelConfig> InitModel(const InitOptions& options) {
  const absl::StatusOr<ModelConfig> config = Configure(options);
  if (!config.ok()) return config.status();
  auto folder = StagedFolder::Create(options.output_dir, options.overwrite);
  if (!folder.ok()) return folder.status();
  const TensorCatalogue clip_catalogue = ClipTensors(*config);
  const bool small = Find(options.architecture)->small;
  const std::vector<NamedTensor> clip =
      DrawnTensors(clip_catalogue, *config, small ? InitialSmallClipValues : InitialClipValues, options.seed, 0);
  const std::vector<NamedTensor> bayespfl =
      DrawnTensors(BayesPflTensors(*config), *config, small ? InitialSmallBayesPflValues : InitialBayesPflValues,
                   options.seed, static_cast<uint32_t>(clip_catalogue.size()));
  absl::Status status = options.as_upstream ? WriteUpstream(*config, clip, bayespfl, **folder)
                                            : WritePackage(options, *config, clip, bayespfl, **folder);
  if (status.ok()) status = (*folder)->Commit();
  if (!status.ok()) return status;
  return config;
}

}  // namespace bayespfl
