#include "model/package/model_config.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace bayespfl {
namespace {

using nlohmann::json;

constexpr int kSchemaVersion = 1;
constexpr int64_t kMaxSize = 1 << 20;  // no width, length or count of a real model comes near
constexpr int kMaxPackageSamples = 64;

// Reads one JSON object key by key; remembers the first thing that is wrong, so that callers read straight on.
class ObjectReader {
 public:
  ObjectReader(const json* object, std::string path, absl::Status* status)
      : object_(object), path_(std::move(path)), status_(status) {}

  ObjectReader Object(const std::string& key) {
    const json* value = Find(key);
    if (value != nullptr && !value->is_object()) {
      Fail(key, "must be an object");
      value = nullptr;
    }
    return {value, Path(key), status_};
  }

  int64_t Integer(const std::string& key, int64_t low, int64_t high) {
    const json* value = Find(key);
    if (value == nullptr) return low;
    if (!value->is_number_integer() || *value < low || *value > high) {
      Fail(key, absl::StrCat("must be an integer in ", low, "..", high, ", not ", Shown(*value)));
      return low;
    }
    return value->get<int64_t>();
  }

  float Number(const std::string& key, double low, double high) {
    const json* value = Find(key);
    return value == nullptr ? 0.0F : CheckedNumber(key, *value, low, high);
  }

  std::string String(const std::string& key) {
    const json* value = Find(key);
    if (value == nullptr) return {};
    if (!value->is_string() || value->get_ref<const std::string&>().empty()) {
      Fail(key, absl::StrCat("must be a non-empty string, not ", Shown(*value)));
      return {};
    }
    return value->get<std::string>();
  }

  std::array<float, 3> Triple(const std::string& key, double low, double high) {
    std::array<float, 3> result = {};
    const json* value = Find(key);
    if (value == nullptr) return result;
    if (!value->is_array() || value->size() != 3) {
      Fail(key, "must be an array of 3 numbers");
      return result;
    }
    for (size_t i = 0; i < result.size(); ++i) result[i] = CheckedNumber(key, (*value)[i], low, high);
    return result;
  }

  std::vector<int64_t> Integers(const std::string& key, int64_t low, int64_t high) {
    std::vector<int64_t> result;
    const json* value = Find(key);
    if (value == nullptr) return result;
    const bool good = value->is_array() && std::all_of(value->begin(), value->end(), [&](const json& item) {
                        return item.is_number_integer() && item >= low && item <= high;
                      });
    if (!good) {
      Fail(key, absl::StrCat("must be an array of integers in ", low, "..", high));
      return result;
    }
    return value->get<std::vector<int64_t>>();
  }

  std::map<std::string, std::string> StringMap(const std::string& key) {
    std::map<std::string, std::string> result;
    const json* value = Find(key);
    if (value == nullptr) return result;
    for (const auto& [name, words] : value->items()) {
      if (!words.is_string()) {
        Fail(key, "must map strings to strings");
        return {};
      }
      result.emplace(name, words.get<std::string>());
    }
    return result;
  }

  bool Has(const std::string& key) const { return object_ != nullptr && object_->contains(key); }
  void Ignore(const std::string& key) { seen_.insert(key); }

  void Fail(const std::string& key, absl::string_view what) {
    if (status_->ok()) *status_ = absl::InvalidArgumentError(absl::StrCat("config.json: \"", Path(key), "\" ", what));
  }

  // Call last: what was not read is unknown.
  void Done() {
    if (object_ == nullptr) return;
    for (const auto& [key, value] : object_->items()) {
      if (!seen_.contains(key)) Fail(key, "is not a known key");
    }
  }

 private:
  std::string Path(const std::string& key) const { return path_.empty() ? key : absl::StrCat(path_, ".", key); }

  static std::string Shown(const json& value) {
    return value.dump(-1, ' ', true, json::error_handler_t::replace).substr(0, 60);
  }

  const json* Find(const std::string& key) {
    seen_.insert(key);
    if (object_ == nullptr) return nullptr;
    const auto found = object_->find(key);
    if (found == object_->end()) {
      Fail(key, "is missing");
      return nullptr;
    }
    return &*found;
  }

  float CheckedNumber(const std::string& key, const json& value, double low, double high) {
    const double number = value.is_number() ? value.get<double>() : std::nan("");
    if (!(number >= low && number <= high)) {
      Fail(key, absl::StrCat("must be a number in ", low, "..", high, ", not ", Shown(value)));
      return 0.0F;
    }
    return static_cast<float>(number);
  }

  const json* object_;
  std::string path_;
  absl::Status* status_;
  std::set<std::string> seen_;
};

TowerConfig ReadTower(ObjectReader& reader) {
  return {.width = reader.Integer("width", 1, kMaxSize),
          .layers = reader.Integer("layers", 1, 1024),
          .heads = reader.Integer("heads", 1, 1024)};
}

void ReadArchitecture(ObjectReader architecture, ModelConfig& config) {
  config.embed_dim = architecture.Integer("embed_dim", 1, kMaxSize);
  ObjectReader vision = architecture.Object("vision");
  config.vision = ReadTower(vision);
  config.patch_size = vision.Integer("patch_size", 1, 1024);
  config.pretrain_image_size = vision.Integer("pretrain_image_size", 1, 8192);
  config.tapped_layers = vision.Integers("tapped_layers", 1, 1024);
  vision.Done();
  ObjectReader text = architecture.Object("text");
  config.text = ReadTower(text);
  config.context_length = text.Integer("context_length", 1, 4096);
  config.vocabulary_size = text.Integer("vocabulary_size", 49408, kMaxSize);
  text.Done();
  ObjectReader prompts = architecture.Object("prompts");
  config.prompts = prompts.Integer("count", 1, 256);
  config.context_rows = prompts.Integer("context_rows", 1, 1024);
  config.state_rows = prompts.Integer("state_rows", 1, 1024);
  prompts.Done();
  config.flow_steps = architecture.Integer("flow_steps", 0, 1024);
  config.rca_heads = architecture.Integer("rca_heads", 1, 1024);
  config.encoder_width = architecture.Integer("encoder_width", 1, kMaxSize);
  architecture.Done();
}

void ReadBehaviour(ObjectReader& root, ModelConfig& config) {
  config.stage = static_cast<int>(root.Integer("stage", 1, 2));
  ObjectReader input = root.Object("input");
  config.image_size = input.Integer("image_size", 1, 8192);
  config.mean = input.Triple("mean", -10, 10);
  config.stddev = input.Triple("std", 1e-6, 10);
  input.Done();
  ObjectReader sampling = root.Object("sampling");
  config.samples = static_cast<int>(sampling.Integer("samples", 1, kMaxPackageSamples));
  const std::string iad_sampling = sampling.String("iad_sampling");
  if (iad_sampling != "request" && iad_sampling != "first")
    sampling.Fail("iad_sampling", "must be \"request\" or \"first\"");
  config.iad_per_request = iad_sampling != "first";
  sampling.Done();
  config.map_smoothing_sigma = root.Number("map_smoothing_sigma", 0, 256);
  if (root.Has("thresholds")) {
    ObjectReader thresholds = root.Object("thresholds");
    config.mask_threshold = thresholds.Number("mask", 0, 1);
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

// The double of the shortest decimal that reads back as the same float: 0.6225, not 0.62250000238418579.
double Shortest(float value) {
  std::array<char, 32> text = {};
  const char* const end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  double shortest = value;
  std::from_chars(text.data(), end, shortest);
  return shortest;
}

using OrderedJson = nlohmann::ordered_json;

OrderedJson FormatTriple(const std::array<float, 3>& triple) {
  return {Shortest(triple[0]), Shortest(triple[1]), Shortest(triple[2])};
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

std::string FormatModelConfig(const ModelConfig& config, const Provenance& provenance) {
  OrderedJson root;
  root["schema_version"] = kSchemaVersion;
  root["name"] = config.name;
  root["version"] = config.version;
  root["architecture"] = FormatArchitecture(config);
  root["stage"] = config.stage;
  root["input"] = {
      {"image_size", config.image_size}, {"mean", FormatTriple(config.mean)}, {"std", FormatTriple(config.stddev)}};
  root["sampling"] = {{"samples", config.samples}, {"iad_sampling", config.iad_per_request ? "request" : "first"}};
  root["map_smoothing_sigma"] = Shortest(config.map_smoothing_sigma);
  if (config.mask_threshold) root["thresholds"] = {{"mask", Shortest(*config.mask_threshold)}};
  root["category_names"] = FormatStrings(config.category_names);
  root["vocabulary"] = config.vocabulary_file;
  if (!config.file_digests.empty()) root["file_digests"] = FormatStrings(config.file_digests);
  for (const auto& [key, value] : provenance) root["provenance"][key] = value;
  return root.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

absl::StatusOr<ModelConfig> ParseModelConfig(absl::string_view json_text) {
  const json document = json::parse(json_text.begin(), json_text.end(), nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded() || !document.is_object()) {
    return absl::InvalidArgumentError("config.json: not a JSON object");
  }
  absl::Status status;
  ModelConfig config;
  ObjectReader root(&document, "", &status);
  root.Integer("schema_version", kSchemaVersion, kSchemaVersion);
  config.name = root.String("name");
  config.version = root.String("version");
  ReadArchitecture(root.Object("architecture"), config);
  ReadBehaviour(root, config);
  root.Done();
  if (status.ok()) status = CheckConsistency(config);
  if (!status.ok()) return status;
  return config;
}

}  // namespace bayespfl
