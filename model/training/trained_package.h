// What a training run leaves: a model package like the one that it started from, with other weights.
#ifndef BAYESPFL_MODEL_TRAINING_TRAINED_PACKAGE_H_
#define BAYESPFL_MODEL_TRAINING_TRAINED_PACKAGE_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "model/network/weights.h"
#include "model/package/model_package.h"

namespace bayespfl {

struct TrainedPackageOptions {
  std::string output_dir = {};                        // must not exist, or be empty
  int stage = 2;                                      // which the weights are of: 1 or 2
  bool towers = false;                                // the parameters have the towers too
  std::string name = {};                              // of the package
  std::string version = {};                           // chosen by its maker
  PackageProvenance provenance = {};                  // how it was made
  std::map<std::string, std::string> documents = {};  // contents of further files by name, for people
};

// Writes the package, which appears whole or not at all; returns its configuration. The vocabulary is the source's, and
// so are CLIP's weights unless the towers learned too: then all of them are written in half precision, which the model
// rounds the greater part of them to in any case. Every tensor that the source has under a name of BayesPflTensors() is
// there, also those that no result depends on and the second and third names of shared ones: fp32, with the values that
// `parameters` (LoadParameters()' names) has under its first name. A calibration and a mask threshold are left behind:
// they were of other weights. InvalidArgument: a configuration that a server would refuse, an empty name for example.
// Else as StagedFolder.
absl::StatusOr<ModelConfig> WriteTrainedPackage(const ModelPackage& source, const TensorMap& parameters,
                                                const TrainedPackageOptions& options);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_TRAINED_PACKAGE_H_
