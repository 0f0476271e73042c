// Makes untrained models of known sizes: to train, and to try what real weights cost without having them.
#ifndef BAYESPFL_MODEL_CHECKPOINT_INIT_H_
#define BAYESPFL_MODEL_CHECKPOINT_INIT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/package/model_config.h"

namespace bayespfl {

struct InitOptions {
  std::string architecture;  // one of KnownArchitectures()
  uint64_t seed = 0;
  std::string output_dir;
  bool overwrite = false;
  // Write clip.pt and bayespfl.pth, the upstream file formats, instead of a package.
  bool as_upstream = false;
  absl::string_view vocabulary;  // content of CLIP's merges file; borrowed
  std::string vocabulary_file;   // its name in the package
};

// "vit-l-14-336" is the published configuration; "vit-b-16" a smaller CLIP; "compact" (192 wide, 8 blocks, 240 pixels)
// is for towers of one's own (docs/training.md); "tiny" is for tests.
std::vector<std::string> KnownArchitectures();

// The same seed gives the same weights, whatever the format: CLIP's matrices in fp16 and the rest in fp32, as OpenAI
// stores them. Takes about a second per 20 million weights. InvalidArgument: an unknown architecture.
// AlreadyExists, NotFound, or the code of an errno: the output, as StagedFolder says.
absl::StatusOr<ModelConfig> InitModel(const InitOptions& options);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_CHECKPOINT_INIT_H_
