#include "model/package/model_config.h"

#include <algorithm>
#include <functional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/shortest_decimal.h"
#include "model/package/json_object_reader.h"
#include "model/package/limits.h"
#include "nlohmann/json.hpp"

namespace bayespfl {
namespace {

constexpr char kFileName[] = "config.json";
constexpr int kSchemaVersion = 1;

struct KindName {
  ModelKind kind;
  absl::string_view name;
};
constexpr std::array<KindName, 1> kKinds = {{{ModelKind::kBayesPfl, "bayes-pfl"}}};
constexpr KindName kDefaultKind = kKinds[0];

absl::string_view NameOf(ModelKind kind) {
  for (const KindName& known : kKinds) {
    if (known.kind == kind) return known.name;
  }
  return "";
}

ModelKind ReadKind(JsonObjectReader& root) {
  if (!root.Has("kind")) return kDefaultKind.kind;
  const std::string name = root.String("kind");
  for (const KindName& known : kKinds) {
    if (known.name == name) return known.kind;
  }
  const auto quoted = [](std::string* out, const KindName& known) { absl::StrAppend(out, "\"", known.name, "\""); };
  root.Fail("kind",
            absl::StrCat("is not a known kind of model; the known ones are: ", absl::StrJoin(kKinds, ", ", quoted)));
  return kDefaultKind.kind;
}

TowerConfig ReadTower(JsonObjectReader& reader) {
  return {.width = reader.Integer("width", 1, kMaxDimension),
          .layers = reader.Integer("layers", 1, 1024),
          .heads = reader.Integer("heads", 1, 1024)};
}

void ReadArchitecture(JsonObjectReader architecture, ModelConfig& config) {
  config.embed_dim = architecture.Integer("embed_dim", 1, kMaxDimension);
  JsonObjectReader vision = architecture.Object("vision");
  config.vision = ReadTower(vision);
  config.patch_size = vision.Integer("patch_size", 1, 1024);
  config.pretrain_image_size = vision.Integer("pretrain_image_size", 1, 8192);
  config.tapped_layers = vision.Integers("tapped_layers", 1, 1024);
  vision.Done();
  JsonObjectReader text = architecture.Object("text");
  config.text = ReadTower(text);
  config.context_length = text.Integer("context_length", 1, 4096);
  config.vocabulary_size = text.Integer("vocabulary_size", 49408, kMaxDimension);
  text.Done();
  JsonObjectReader prompts = architecture.Object("prompts");
  config.prompts = prompts.Integer("count", 1, 256);
  config.context_rows = prompts.Integer("context_rows", 1, 1024);
  config.state_rows = prompts.Integer("state_rows", 1, 1024);
  prompts.Done();
  config.flow_steps = architecture.Integer("flow_steps", 0, 1024);
  config.rca_heads = architecture.Integer("rca_heads", 1, 1024);
  config.encoder_width = architecture.Integer("encoder_width", 1, kMaxDimension);
  architecture.Done();
}

void ReadBehaviour(JsonObjectReader& root, ModelConfig& config) {
  config.stage = static_cast<int>(root.Integer("stage", 1, 2));
  JsonObjectReader input = root.Object("input");
  config.image_size = input.Integer("image_size", 1, 8192);
  config.mean = input.Triple("mean", -10, 10);
  config.stddev = input.Triple("std", 1e-6, 10);
  input.Done();
  JsonObjectReader sampling = root.Object("sampling");
  config.samples = static_cast<int>(sampling.Integer("samples", 1, kMaxSamples));
  const std::string iad_sampling = sampling.String("iad_sampling");
  if (iad_sampling != "request" && iad_sampling != "first")
    sampling.Fail("iad_sampling", "must be \"request\" or \"first\"");
  config.iad_per_request = iad_sampling != "first";
  sampling.Done();
  config.map_smoothing_sigma = static_cast<float>(root.Number("map_smoothing_sigma", 0, 256));
  if (root.Has("thresholds")) {
    JsonObjectReader thresholds = root.Object("thresholds");
    config.mask_threshold = static_cast<float>(thresholds.Number("mask", 0, 1));
    thresholds.Done();
  }
  config.category_names = root.StringMap("category_names");
  config.vocabulary_file = root.String("vocabulary");
  if (config.vocabulary_file.find('/') != std::string::npos || config.vocabulary_file.starts_with('.')) {
    root.Fail("vocabulary", "must be the name of a file inside the package");
  }
  if (root.Has("file_digests")) config.file_digests = root.StringMap("file_digests");
  if (root.Has("provenance")) root.Ignore("provenance");
}

// What must hold between keys.
absl::Status CheckConsistency(const ModelConfig& config) {
  const auto fail = [](auto... what) { return absl::InvalidArgumentError(absl::StrCat("config.json: ", what...)); };
  if (config.embed_dim != config.text.width) {
    return fail("\"architecture.embed_dim\" (", config.embed_dim, ") must equal \"architecture.text.width\" (",
                config.text.width, "): samples are added to prompt rows");
  }
  if (config.vision.width % config.vision.heads != 0)
    return fail("\"architecture.vision.width\" must be a multiple of its heads");
  if (config.text.width % config.text.heads != 0)
    return fail("\"architecture.text.width\" must be a multiple of its heads");
  if (config.text.width % config.rca_heads != 0)
    return fail("\"architecture.text.width\" must be a multiple of \"architecture.rca_heads\"");
  if (config.image_size % config.patch_size != 0)
    return fail("\"input.image_size\" must be a multiple of the patch size ", config.patch_size);
  if (config.pretrain_image_size % config.patch_size != 0) {
    return fail("\"architecture.vision.pretrain_image_size\" must be a multiple of the patch size ", config.patch_size);
  }
  const bool four_ascending =
      config.tapped_layers.size() == 4 &&
      std::is_sorted(config.tapped_layers.begin(), config.tapped_layers.end(), std::less_equal<>()) &&
      config.tapped_layers.back() <= config.vision.layers;
  if (!four_ascending) {
    return fail("\"architecture.vision.tapped_layers\" must be four ascending layers in 1..", config.vision.layers);
  }
  // The shortest prompt is start, "X", end: its end-of-text stands at position 2.
  if (config.context_rows + config.state_rows + 2 > config.context_length) {
    return fail("\"architecture.text.context_length\" (", config.context_length, ") leaves no room for ",
                config.context_rows + config.state_rows, " prompt rows");
  }
  return absl::OkStatus();
}

using OrderedJson = nlohmann::ordered_json;

OrderedJson FormatTriple(const std::array<float, 3>& triple) {
  return {ShortestDecimal(triple[0]), ShortestDecimal(triple[1]), ShortestDecimal(triple[2])};
}

OrderedJson FormatStrings(const std::map<std::string, std::string>& strings) {
  OrderedJson object = OrderedJson::object();
  for (const auto& [key, value] : strings) object[key] = value;
  return object;
}

OrderedJson FormatArchitecture(const ModelConfig& config) {
  OrderedJson architecture;
  architecture["embed_dim"] = config.embed_dim;
  architecture["vision"] = {{"width", config.vision.width},
                            {"layers", config.vision.layers},
                            {"heads", config.vision.heads},
                            {"patch_size", config.patch_size},
                            {"pretrain_image_size", config.pretrain_image_size},
                            {"tapped_layers", config.tapped_layers}};
  architecture["text"] = {{"width", config.text.width},
                          {"layers", config.text.layers},
                          {"heads", config.text.heads},
                          {"context_length", config.context_length},
                          {"vocabulary_size", config.vocabulary_size}};
  architecture["prompts"] = {
      {"count", config.prompts}, {"context_rows", config.context_rows}, {"state_rows", config.state_rows}};
  architecture["flow_steps"] = config.flow_steps;
  architecture["rca_heads"] = config.rca_heads;
  architecture["encoder_width"] = config.encoder_width;
  return architecture;
}

}  // namespace

std::string FormatModelConfig(const ModelConfig& config, const PackageProvenance& provenance) {
  OrderedJson root;
  root["schema_version"] = kSchemaVersion;
  root["kind"] = NameOf(config.kind);
  root["name"] = config.name;
  root["version"] = config.version;
  root["architecture"] = FormatArchitecture(config);
  root["stage"] = config.stage;
  root["input"] = {
      {"image_size", config.image_size}, {"mean", FormatTriple(config.mean)}, {"std", FormatTriple(config.stddev)}};
  root["sampling"] = {{"samples", config.samples}, {"iad_sampling", config.iad_per_request ? "request" : "first"}};
  root["map_smoothing_sigma"] = ShortestDecimal(config.map_smoothing_sigma);
  if (config.precision != Precision::kFp32) root[kPrecisionKey] = PrecisionName(config.precision);
  if (config.mask_threshold) root["thresholds"] = {{"mask", ShortestDecimal(*config.mask_threshold)}};
  root["category_names"] = FormatStrings(config.category_names);
  root["vocabulary"] = config.vocabulary_file;
  if (!config.file_digests.empty()) root["file_digests"] = FormatStrings(config.file_digests);
  for (const auto& [key, value] : provenance) root["provenance"][key] = value;
  return root.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

absl::StatusOr<ModelConfig> ParseModelConfig(absl::string_view json_text) {
  const absl::StatusOr<nlohmann::json> document = ParseJsonObject(json_text, kFileName);
  if (!document.ok()) return document.status();
  absl::Status status;
  ModelConfig config;
  JsonObjectReader root(&*document, kFileName, "", &status);
  root.Integer("schema_version", kSchemaVersion, kSchemaVersion);
  config.kind = ReadKind(root);
  config.name = root.String("name");
  config.version = root.String("version");
  ReadArchitecture(root.Object("architecture"), config);
  ReadBehaviour(root, config);
  config.precision = ReadPrecision(root);
  root.Done();
  if (status.ok()) status = CheckConsistency(config);
  if (!status.ok()) return status;
  return config;
}

absl::StatusOr<PackageProvenance> ReadProvenance(absl::string_view json_text) {
  if (const auto checked = ParseJsonObject(json_text, kFileName); !checked.ok()) return checked.status();
  const OrderedJson document = OrderedJson::parse(json_text);
  PackageProvenance provenance;
  const auto found = document.find("provenance");
  if (found == document.end() || !found->is_object()) return provenance;
  for (const auto& [key, value] : found->items()) {
    provenance.emplace_back(key, value.is_string() ? value.get<std::string>() : value.dump());
  }
  return provenance;
}

absl::StatusOr<std::string> ComputationText(absl::string_view json_text, std::optional<Precision> precision) {
  absl::StatusOr<nlohmann::json> document = ParseJsonObject(json_text, kFileName);
  if (!document.ok()) return document.status();
  for (const char* key : {"name", "version", "thresholds", "file_digests", "provenance"}) document->erase(key);
  const auto kind = document->find("kind");
  if (kind != document->end() && *kind == std::string(kDefaultKind.name)) document->erase(kind);
  if (precision.has_value()) (*document)[kPrecisionKey] = std::string(PrecisionName(*precision));
  const auto usual = document->find(kPrecisionKey);
  if (usual != document->end() && *usual == std::string(PrecisionName(Precision::kFp32))) document->erase(usual);
  return document->dump();  // keys sorted, no white space
}

}  // namespace bayespfl
