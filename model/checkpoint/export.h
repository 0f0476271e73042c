// A package's Bayes-PFL weights as the authors' own code wants them.
#ifndef BAYESPFL_MODEL_CHECKPOINT_EXPORT_H_
#define BAYESPFL_MODEL_CHECKPOINT_EXPORT_H_

#include <string>

#include "absl/status/status.h"

namespace bayespfl {

struct ExportOptions {
  std::string package_dir;
  std::string output_path;  // a .pth
  bool overwrite = false;   // replace a file that is there, in one step
};

// Writes torch.save's format with every entry of the reference's state dictionary, fp32, which its loader takes
// strictly: also the decoders that no result depends on, and shared tensors under each of their names, which share one
// storage. The file appears whole or not at all. CLIP's weights are not part of it.
// InvalidArgument: the authors' script would take a file of this name for weights of another stage than the package's
// (StageFromPath()). DataLoss: the package lacks an entry; the message names those that are missing. AlreadyExists: the
// file. Else as ModelPackage::Open() or the code of the errno.
absl::Status ExportUpstreamWeights(const ExportOptions& options);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_CHECKPOINT_EXPORT_H_
