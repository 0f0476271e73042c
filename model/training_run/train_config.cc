#include "model/training_run/train_config.h"

#include <yaml-cpp/yaml.h>

#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "model/package/limits.h"
#include "model/package/model_config.h"
#include "model/training_data/mosaic.h"
#include "model/training_run/yaml_keys.h"

namespace bayespfl {
namespace {

constexpr size_t kMostBytes = 1 << 20;
constexpr int64_t kAny = int64_t{1} << 31;

YamlKeys::Reader PathReader(const std::filesystem::path& folder, std::filesystem::path& path) {
  return [&folder, &path](const YAML::Node& node) {
    if (!node.IsScalar() || node.Scalar().empty()) return absl::InvalidArgumentError("must be a path");
    path = folder / node.Scalar();
    return absl::OkStatus();
  };
}

YamlKeys::Reader NamesReader(std::vector<std::string>& names) {
  return [&names](const YAML::Node& node) {
    if (!node.IsSequence()) return absl::InvalidArgumentError("must be a list of names: [one, another]");
    for (const YAML::Node& name : node) {
      if (!name.IsScalar() || name.Scalar().empty()) return YamlError(name, "a name is expected here");
      names.push_back(name.Scalar());
    }
    return absl::OkStatus();
  };
}

absl::Status ReadSource(const YAML::Node& node, const std::filesystem::path& folder, TrainingSource& source) {
  int bits = 0;
  const absl::Status read = YamlKeys()
                                .Any("path", PathReader(folder, source.path))
                                .Choice<DatasetLayout>("layout",
                                                       {{"auto", DatasetLayout::kAuto},
                                                        {"mvtec", DatasetLayout::kMvtec},
                                                        {"visa", DatasetLayout::kVisa},
                                                        {"csv", DatasetLayout::kCsv}},
                                                       source.options.layout)
                                .Text("split", source.options.split)
                                .Any("categories", NamesReader(source.options.categories))
                                .Integer("limit", 0, kAny, source.options.limit)
                                .Integer("significant_bits", 9, 16, bits)
                                .Flag("apply_orientation", source.reading.apply_orientation)
                                .Require("path")
                                .ReadFrom(node);
  if (bits != 0) source.reading.significant_bits = bits;
  return read;
}

YamlKeys::Reader SourcesReader(const std::filesystem::path& folder, std::vector<TrainingSource>& sources) {
  return [&folder, &sources](const YAML::Node& node) {
    if (!node.IsSequence() || node.size() == 0) {
      return absl::InvalidArgumentError("must be a list of data sets, each with a path (\"- path: FOLDER\")");
    }
    for (const YAML::Node& one : node) {
      const absl::Status read = ReadSource(one, folder, sources.emplace_back());
      if (!read.ok()) return read;
    }
    return absl::OkStatus();
  };
}

// The first key of the list that is there although the mode has no use for it.
absl::Status RefuseKeys(const YAML::Node& root, const std::vector<const char*>& keys, absl::string_view reason) {
  for (const char* const key : keys) {
    if (root[key]) return YamlError(root[key], absl::StrCat(key, " ", reason));
  }
  return absl::OkStatus();
}

absl::Status CheckMode(const YAML::Node& root, TrainMode mode) {
  if (mode == TrainMode::kStages) {
    return RefuseKeys(root, {"teacher", "learning_rate", "weight_decay", "optimiser", "precision"},
                      "is of \"mode: towers\" alone");
  }
  return RefuseKeys(root, {"cache", "cache_type"},
                    "is not of \"mode: towers\": towers that learn say something else of a picture after every step");
}

absl::Status ReadConfig(const YAML::Node& root, const std::filesystem::path& folder, TrainConfig& config) {
  double mosaic = -1;
  int64_t patience = -1;
  const absl::Status read =
      YamlKeys()
          .Any("model", PathReader(folder, config.model))
          .Choice<TrainMode>("mode", {{"stages", TrainMode::kStages}, {"towers", TrainMode::kTowers}}, config.mode)
          .Integer("image_size", 1, kMaxDimension, config.image_size)
          .Any("output", PathReader(folder, config.output))
          .Text("name", config.name)
          .Text("version", config.version)
          .Any("training", SourcesReader(folder, config.training))
          .Any("validation", SourcesReader(folder, config.validation))
          .Seed("seed", config.seed)
          .Integer("batch_size", 1, 4096, config.batch_size)
          .Integer("epochs", 1, 10'000, config.epochs)
          .Integer("patience", 0, 10'000, patience)
          .Integer("samples", 1, kMaxSamples, config.samples)
          .Choice<AugmentMode>(
              "augment",
              {{"online", AugmentMode::kOnline}, {"frozen", AugmentMode::kFrozen}, {"none", AugmentMode::kNone}},
              config.pictures.augment)
          .Integer("variants", 1, 1000, config.pictures.frozen_variants)
          .Number("mosaic", 0, 1, mosaic)
          .Any("cache", PathReader(folder, config.cache))
          .Choice<FeatureType>(
              "cache_type", {{"fp16", FeatureType::kFp16}, {"bf16", FeatureType::kBf16}, {"fp32", FeatureType::kFp32}},
              config.cache_type)
          .Integer("save_steps", 0, kAny, config.save_steps)
          .Integer("kept_states", 1, 1000, config.kept_states)
          .Text("device", config.device)
          .Integer("threads", 0, 1024, config.threads)
          .Integer("report_pictures", 0, 1000, config.report_pictures)
          .Any("teacher", PathReader(folder, config.towers.teacher))
          .Number("learning_rate", 0, 1, config.towers.learning_rate)
          .Number("weight_decay", 0, 1, config.towers.weight_decay)
          .Choice<bool>("optimiser", {{"adamw", false}, {"muon", true}}, config.towers.muon)
          .Choice<bool>("precision", {{"fp32", false}, {"bf16", true}}, config.towers.bf16_products)
          .Require("model")
          .Require("output")
          .Require("training")
          .Require("validation")
          .ReadFrom(root);
  if (!read.ok()) return read;
  if (mosaic >= 0) config.pictures.mosaic_probability = mosaic;
  config.pictures.seed = config.seed;
  if (patience >= 0) {
    config.patience = patience;
  } else if (config.mode == TrainMode::kTowers) {
    config.patience = config.epochs;
  }
  return CheckMode(root, config.mode);
}

}  // namespace

std::string AugmentText(const TrainingPicturesOptions& pictures) {
  switch (pictures.augment) {
    case AugmentMode::kNone:
      return "none";
    case AugmentMode::kFrozen:
      return absl::StrCat("frozen, variants ", pictures.frozen_variants);
    case AugmentMode::kOnline:
      break;
  }
  return "online";
}

std::string MosaicText(const TrainingPicturesOptions& pictures) {
  return pictures.mosaic_probability.has_value() ? absl::StrCat(*pictures.mosaic_probability)
                                                 : absl::StrCat(kMosaicProbability, " for MVTec's layout, else 0");
}

absl::StatusOr<TrainConfig> ParseTrainConfig(absl::string_view yaml, const std::filesystem::path& folder) {
  YAML::Node root;
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(yaml));
    if (documents.size() > 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", documents[1].Mark().line + 1, ": a second document; a run is one"));
    }
    if (!documents.empty()) root = documents.front();
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(absl::StrCat("line ", error.mark.line + 1, ": no YAML: ", error.msg));
  }
  TrainConfig config;
  const absl::Status read = ReadConfig(root, folder, config);
  if (!read.ok()) return read;
  return config;
}

absl::StatusOr<TrainConfig> ReadTrainConfig(const std::filesystem::path& file) {
  const absl::StatusOr<std::string> text = ReadFile(file, kMostBytes);
  if (!text.ok()) return text.status();
  absl::StatusOr<TrainConfig> config = ParseTrainConfig(*text, file.parent_path());
  if (!config.ok()) {
    return absl::Status(config.status().code(), absl::StrCat(file.string(), ", ", config.status().message()));
  }
  return config;
}

}  // namespace bayespfl
