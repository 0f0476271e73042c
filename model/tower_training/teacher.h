// A frozen network whose features a tower learns to give: what it knows of pictures comes from more of them than a
// small training set has.
#ifndef BAYESPFL_MODEL_TOWER_TRAINING_TEACHER_H_
#define BAYESPFL_MODEL_TOWER_TRAINING_TEACHER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "model/libtorch.h"

namespace bayespfl {

// A TorchScript module that takes pictures [N, 3, S, S] (RGB, normalised as the model's package says) and gives maps of
// features [N, C, h, w]. The file is a program: LibTorch interprets it, so it must come from somebody who is trusted.
// Immutable; one thread at a time.
class Teacher {
 public:
  // `image_size` S. InvalidArgument: no TorchScript file, or it does not give such maps; the message names the file.
  // NotFound: no such file.
  static absl::StatusOr<std::unique_ptr<const Teacher>> Load(const std::string& file, int64_t image_size,
                                                             torch::Device device);
  virtual ~Teacher() = default;

  // [N, C, h, w] fp32, without gradient.
  virtual torch::Tensor Features(const torch::Tensor& images) const = 0;
  // C.
  virtual int64_t channels() const = 0;
  // SHA-256 of the file, hexadecimal.
  virtual const std::string& digest() const = 0;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TOWER_TRAINING_TEACHER_H_
