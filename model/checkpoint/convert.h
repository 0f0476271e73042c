// Makes a model package of the weight files that people have.
#ifndef BAYESPFL_MODEL_CHECKPOINT_CONVERT_H_
#define BAYESPFL_MODEL_CHECKPOINT_CONVERT_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/checkpoint/architecture.h"
#include "model/package/model_config.h"
#include "model/package/safetensors.h"

namespace bayespfl {

struct ConvertOptions {
  std::string clip_path;     // OpenAI's .pt, or OpenCLIP's .pt or .safetensors
  std::string weights_path;  // the authors' .pth, or .safetensors
  std::string output_dir;    // must not exist, or be empty, unless `overwrite`
  bool overwrite = false;    // replace a package that is there, in one step
  ArchitectureOptions architecture;
  int64_t image_size = 518;        // S, pixels
  int samples = 10;                // R
  int stage = 0;                   // 1 or 2; 0: as the file's path says (StageFromPath)
  std::optional<DType> precision;  // of every stored weight; empty: as in the source
  std::string name;                // of the package; empty: the output folder's name
  absl::string_view vocabulary;    // content of CLIP's merges file; borrowed
  std::string vocabulary_file;     // its name in the package
};

// The stage of a checkpoint, as the reference finds it: if the whole path contains "epoch_post", the number after the
// last "_" of the file's name without its ending; otherwise 2. InvalidArgument: that is no 1 and no 2.
absl::StatusOr<int> StageFromPath(absl::string_view path);

// Reads both files tensor by tensor (the memory in use is that of a few tensors, and of the mapped file for a
// safetensors source), checks every tensor against the inferred configuration and writes the package, which appears
// whole or not at all. Returns its configuration.
// NotFound: a source. DataLoss: a source that is damaged, hostile or no such model, with every tensor that is missing,
// left over or of a wrong shape. InvalidArgument: options that do not fit. AlreadyExists: the output. OutOfRange: a
// weight that the precision cannot hold. Else the code of the errno: the disk.
absl::StatusOr<ModelConfig> ConvertPackage(const ConvertOptions& options);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_CHECKPOINT_CONVERT_H_
