// A model package: the folder a model lives in.
//
//   config.json            sizes, stage, preprocessing, names, thresholds, provenance (model_config.h)
//   clip.safetensors       CLIP's weights under OpenAI's key names
//   bayespfl.safetensors   the Bayes-PFL weights under the reference's key names
//   <vocabulary>           CLIP's merges file
#ifndef BAYESPFL_MODEL_PACKAGE_MODEL_PACKAGE_H_
#define BAYESPFL_MODEL_PACKAGE_MODEL_PACKAGE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "model/package/model_config.h"
#include "model/package/safetensors.h"

namespace bayespfl {

// Immutable after Open(). The weight files stay mapped as long as the package lives.
struct ModelPackage {
  ModelConfig config;
  std::unique_ptr<const SafetensorsFile> clip;
  std::unique_ptr<const SafetensorsFile> bayespfl;
  std::string vocabulary_path;
  std::string digest;  // SHA-256 (hexadecimal) over name, size and content of the four files, in the order above

  // Configured version + "+" + the first 12 digits of the digest.
  std::string version() const { return config.version + "+" + digest.substr(0, 12); }

  // NotFound: the folder or one of its files. InvalidArgument: config.json. DataLoss: a weight file. The message names
  // the file and the key, tensor or offset. Tensors are matched with the configuration when the model is built.
  static absl::StatusOr<ModelPackage> Open(const std::string& dir);
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_PACKAGE_MODEL_PACKAGE_H_
