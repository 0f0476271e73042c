// config.json of a model package: the project's own schema, version 1 (docs/models.md describes every key).
#ifndef BAYESPFL_MODEL_PACKAGE_MODEL_CONFIG_H_
#define BAYESPFL_MODEL_PACKAGE_MODEL_CONFIG_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/package/precision.h"

namespace bayespfl {

inline constexpr int kMaxSamples = 64;  // R: draws of the prompt distributions per frame

// One transformer's sizes.
struct TowerConfig {
  int64_t width = 0;   // channels; a multiple of heads
  int64_t layers = 0;  // residual blocks
  int64_t heads = 0;   // attention heads (never stored in weight files)
};

// What computes a package; the name in config.json's "kind".
enum class ModelKind {
  kBayesPfl,  // "bayes-pfl", also when there is no such key
};

struct ModelConfig {
  ModelKind kind = ModelKind::kBayesPfl;
  std::string name;     // of the package, e.g. "bayespfl-demo"
  std::string version;  // of the package, chosen by its maker

  int64_t embed_dim = 0;               // E; equals text.width
  TowerConfig vision;                  // D_v
  int64_t patch_size = 0;              // p, pixels
  int64_t pretrain_image_size = 0;     // S0, pixels; a multiple of p
  std::vector<int64_t> tapped_layers;  // four 1-based blocks, ascending, whose patch tokens are used
  TowerConfig text;                    // D_t
  int64_t context_length = 0;          // rows of the text positional embedding
  int64_t vocabulary_size = 0;         // rows of the token embedding
  int64_t prompts = 0;                 // B
  int64_t context_rows = 0;            // P
  int64_t state_rows = 0;              // Q
  int64_t flow_steps = 0;              // K
  int64_t rca_heads = 0;               // heads of the residual cross-attention
  int64_t encoder_width = 0;           // H, hidden width of the encoders and of the fusion

  int stage = 2;                     // 1 or 2: which image head gives the score
  int64_t image_size = 0;            // S, pixels; a multiple of p
  std::array<float, 3> mean = {};    // of RGB in 0..1
  std::array<float, 3> stddev = {};  // > 0

  Precision precision = Precision::kFp32;  // of the large matrix products

  int samples = 10;                     // R when the request does not say; 1..kMaxSamples
  bool iad_per_request = true;          // "iad_sampling": "request" (true) or "first" (the reference's habit)
  float map_smoothing_sigma = 0;        // pixels at image_size; 0: off
  std::optional<float> mask_threshold;  // on the smoothed map, 0..1; absent: the package is not calibrated
  std::map<std::string, std::string> category_names;  // data-set names -> words used in the prompt
  std::string vocabulary_file;                        // file name inside the package
  std::map<std::string, std::string> file_digests;    // SHA-256 of files of the package, where its maker noted them

  int64_t grid() const { return image_size / patch_size; }                    // G
  int64_t pretrain_grid() const { return pretrain_image_size / patch_size; }  // G0
};

// Parses and checks config.json's text. InvalidArgument names the key (dotted path) and what is wrong with it; unknown
// keys are errors too, except below "provenance"; for an unknown kind it names the known ones.
absl::StatusOr<ModelConfig> ParseModelConfig(absl::string_view json_text);

// What is noted about where a model comes from; any keys.
using PackageProvenance = std::vector<std::pair<std::string, std::string>>;

// What a config.json says under "provenance", in its order; what is no text as JSON. Empty: nothing. InvalidArgument:
// not a JSON object.
absl::StatusOr<PackageProvenance> ReadProvenance(absl::string_view json_text);

// The text of a config.json that ParseModelConfig() reads back as `config`, indented, with a line break at the end.
std::string FormatModelConfig(const ModelConfig& config, const PackageProvenance& provenance);

// What of config.json decides scores and maps, in one spelling: everything but "name", "version", "thresholds",
// "file_digests" and "provenance", keys sorted, no white space; "kind" and "precision" are left out when they say what
// their absence means. With `precision` it is the text of a package that says that one. InvalidArgument: not a JSON
// object.
absl::StatusOr<std::string> ComputationText(absl::string_view json_text,
                                            std::optional<Precision> precision = std::nullopt);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_PACKAGE_MODEL_CONFIG_H_
