#include "model/checkpoint/convert.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/sha256.h"
#include "model/checkpoint/checkpoint.h"
#include "model/checkpoint/clip_input.h"
#include "model/checkpoint/dtype_conversion.h"
#include "model/checkpoint/upstream_names.h"
#include "model/package/finite.h"
#include "model/package/problem_list.h"
#include "model/package/safetensors_writer.h"
#include "model/package/staged_folder.h"
#include "model/package/tensor_catalogue.h"

namespace bayespfl {
namespace {

constexpr size_t kMaxListedProblems = 20;

// A source file and the package's names for what it holds.
struct Source {
  std::unique_ptr<Checkpoint> checkpoint;
  NameMap names;
  Tensors tensors;  // under the package's names, with the source's types
};

absl::StatusOr<Source> OpenSource(const std::string& path, NameMap (*names_of)(const Tensors&)) {
  auto checkpoint = Checkpoint::Open(path);
  if (!checkpoint.ok()) return checkpoint.status();
  Source source{*std::move(checkpoint), {}, {}};
  source.names = names_of(source.checkpoint->tensors());
  for (const auto& [name, upstream] : source.names) {
    source.tensors.emplace(name, source.checkpoint->tensors().at(upstream));
  }
  return source;
}

absl::Status WithPath(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

absl::Status CheckTensors(const Source& source, const TensorCatalogue& catalogue) {
  const std::vector<std::string> problems = CompareWithCatalogue(catalogue, source.tensors);
  if (problems.empty()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(source.checkpoint->path(), " does not hold what its sizes ask for:\n  ",
                                          absl::StrJoin(FirstProblems(problems, kMaxListedProblems), "\n  ")));
}

// Copies all tensors of a source into a file of the package; returns the file's SHA-256.
absl::StatusOr<std::string> WriteTensors(const Source& source, std::optional<DType> precision,
                                         const std::string& path) {
  Tensors stored = source.tensors;
  if (precision) {
    for (auto& [name, info] : stored) info.dtype = *precision;
  }
  auto writer = SafetensorsWriter::Create(path, stored);
  if (!writer.ok()) return writer.status();
  std::vector<uint8_t> bytes;
  for (const std::string& name : (*writer)->order()) {
    absl::Status status = source.checkpoint->Read(source.names.at(name), bytes);
    if (status.ok() && !AllFinite(source.tensors.at(name).dtype, bytes)) {
      status = absl::DataLossError(absl::StrCat("tensor ", name, " holds infinities or NaNs"));
    }
    if (!status.ok()) return WithPath(source.checkpoint->path(), status);
    status = ConvertDType(source.tensors.at(name).dtype, stored.at(name).dtype, bytes);
    if (!status.ok())
      return WithPath(source.checkpoint->path(),
                      absl::OutOfRangeError(absl::StrCat("tensor ", name, " ", status.message())));
    if (status = (*writer)->Append(bytes); !status.ok()) return status;
  }
  return (*writer)->Finish();
}

absl::Status SetBehaviour(const ConvertOptions& options, ModelConfig& config) {
  config.name = options.name;
  if (config.name.empty()) {
    const std::filesystem::path path = std::filesystem::path(options.output_dir).lexically_normal();
    config.name = (path.has_filename() ? path : path.parent_path()).filename().string();
  }
  config.version = std::string("1");
  config.stage = options.stage;
  if (config.stage == 0) {
    const absl::StatusOr<int> stage = StageFromPath(options.weights_path);
    if (!stage.ok()) return stage.status();
    config.stage = *stage;
  }
  config.image_size = options.image_size;
  SetClipInput(config);
  config.samples = options.samples;
  config.vocabulary_file = options.vocabulary_file;
  // Everything a server would refuse, said now.
  return ParseModelConfig(FormatModelConfig(config, {})).status();
}

absl::StatusOr<PackageProvenance> DescribeSources(const ConvertOptions& options) {
  PackageProvenance provenance = {{"made_by", absl::StrCat("bayespfl-model convert ", BAYESPFL_VERSION)}};
  for (const auto& [key, path] : {std::pair("clip", options.clip_path), std::pair("weights", options.weights_path)}) {
    const absl::StatusOr<std::string> digest = Sha256OfFile(path);
    if (!digest.ok()) return digest.status();
    provenance.emplace_back(absl::StrCat(key, "_file"), std::filesystem::path(path).filename().string());
    provenance.emplace_back(absl::StrCat(key, "_sha256"), *digest);
  }
  return provenance;
}

}  // namespace

absl::StatusOr<int> StageFromPath(absl::string_view path) {
  constexpr int kDefaultStage = 2;
  if (!absl::StrContains(path, "epoch_post")) return kDefaultStage;
  const std::string stem = std::filesystem::path(std::string(path)).stem().string();
  int stage = 0;
  const size_t mark = stem.rfind('_');
  if (mark == std::string::npos || !absl::SimpleAtoi(absl::string_view(stem).substr(mark + 1), &stage) ||
      (stage != 1 && stage != 2)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the path ", path, " contains \"epoch_post\" but does not end in _1 or _2: its stage must be given (--stage)"));
  }
  return stage;
}

absl::StatusOr<ModelConfig> ConvertPackage(const ConvertOptions& options) {
  auto folder = StagedFolder::Create(options.output_dir, options.overwrite);
  if (!folder.ok()) return folder.status();
  const absl::StatusOr<Source> clip = OpenSource(options.clip_path, ClipNames);
  if (!clip.ok()) return clip.status();
  const absl::StatusOr<Source> weights = OpenSource(options.weights_path, BayesPflNames);
  if (!weights.ok()) return weights.status();

  absl::StatusOr<ModelConfig> config = InferArchitecture(clip->tensors, weights->tensors, options.architecture);
  if (!config.ok()) return config.status();
  if (absl::Status status = SetBehaviour(options, *config); !status.ok()) return status;
  if (absl::Status status = CheckTensors(*clip, ClipTensors(*config)); !status.ok()) return status;
  if (absl::Status status = CheckTensors(*weights, BayesPflTensors(*config)); !status.ok()) return status;
  const absl::StatusOr<PackageProvenance> provenance = DescribeSources(options);
  if (!provenance.ok()) return provenance.status();

  for (const auto& [file, source] :
       {std::pair("clip.safetensors", &*clip), std::pair("bayespfl.safetensors", &*weights)}) {
    absl::StatusOr<std::string> digest = WriteTensors(*source, options.precision, (*folder)->Path(file));
    if (!digest.ok()) return digest.status();
    config->file_digests[file] = *std::move(digest);
  }
  config->file_digests[options.vocabulary_file] = Sha256Hex(options.vocabulary);
  if (absl::Status status = (*folder)->Write(options.vocabulary_file, options.vocabulary); !status.ok()) return status;
  const std::string text = FormatModelConfig(*config, *provenance);
  if (absl::Status status = (*folder)->Write("config.json", text); !status.ok()) return status;
  if (absl::Status status = (*folder)->Commit(); !status.ok()) return status;
  return config;
}

}  // namespace bayespfl
