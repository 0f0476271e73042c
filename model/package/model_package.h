// A model package: the folder a model lives in.
//
//   config.json            sizes, stage, preprocessing, names, thresholds, provenance (model_config.h)
//   clip.safetensors       CLIP's weights under OpenAI's key names
//   bayespfl.safetensors   the Bayes-PFL weights under the reference's key names
//   <vocabulary>           CLIP's merges file
//   calibration.json       optional: thresholds per category (calibration.h); may also lie elsewhere
#ifndef BAYESPFL_MODEL_PACKAGE_MODEL_PACKAGE_H_
#define BAYESPFL_MODEL_PACKAGE_MODEL_PACKAGE_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "model/package/calibration.h"
#include "model/package/model_config.h"
#include "model/package/precision.h"
#include "model/package/safetensors.h"

namespace bayespfl {

inline constexpr char kCalibrationFileName[] = "calibration.json";

struct PackageOptions {
  std::string calibration_file = {};  // must exist; empty: the package's own calibration.json, if it has one
  bool ignore_calibration = false;    // as if there were none: for tools that make one
  std::optional<Precision> precision = std::nullopt;  // as if config.json said so; absent: as it says
};

// Immutable after Open(). The weight files stay mapped as long as the package lives.
struct ModelPackage {
  std::string dir;     // as given to Open()
  ModelConfig config;  // with the precision that counts: PackageOptions::precision where there is one
  std::unique_ptr<const SafetensorsFile> clip;
  std::unique_ptr<const SafetensorsFile> bayespfl;
  std::string vocabulary_path;
  std::optional<Calibration> calibration;
  std::string digest;  // SHA-256 (hexadecimal) over name, size and content of the files, in the order above

  // SHA-256 (hexadecimal) over what decides scores and maps: the weights, the vocabulary and config.json but for names,
  // version, threshold and provenance, with the precision that counts. A calibration is only good for the package with
  // the digest that it names.
  std::string computation_digest;

  // Configured version + "+" + the first 12 digits of the digest; in less than fp32 also + "+" + the precision.
  std::string version() const;

  // NotFound: the folder or one of its files; as ReadFile() says for one that cannot be read. InvalidArgument:
  // config.json or the calibration. DataLoss: a weight file. FailedPrecondition: the calibration was made with another
  // package or in another precision. The message names the file and the key, tensor or offset. Tensors are matched with
  // the configuration when the model is built.
  static absl::StatusOr<ModelPackage> Open(const std::string& dir, const PackageOptions& options = {});
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_PACKAGE_MODEL_PACKAGE_H_
