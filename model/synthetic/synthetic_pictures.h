// Synthetic training pictures without a data set on disk: every epoch sees scenes that nobody has seen before.
#ifndef BAYESPFL_MODEL_SYNTHETIC_SYNTHETIC_PICTURES_H_
#define BAYESPFL_MODEL_SYNTHETIC_SYNTHETIC_PICTURES_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "model/package/model_config.h"
#include "model/synthetic/write_set.h"
#include "model/training_data/training_pictures.h"

namespace bayespfl::synthetic {

// Gives scenes as TrainingPictures gives a data set's: picture i of an epoch is of family i modulo their number, and in
// every family the good ones come first. Epoch 0 is what WriteSet() writes under the same options. They are not
// augmented: fresh scenes differ by more than that. Immutable; thread-safe.
class SyntheticPictures final {
 public:
  // `options.threads` does not matter. `config`: of the network that is trained.
  SyntheticPictures(SetOptions options, ModelConfig config);

  // Pictures of an epoch.
  [[nodiscard]] int64_t size() const;
  // OutOfRange: no such index; else the errors of MakeScene().
  absl::StatusOr<PreparedPicture> Get(int64_t index, uint64_t epoch) const;
  // The same before it is brought to the network's size.
  absl::StatusOr<Scene> GetScene(int64_t index, uint64_t epoch) const;

 private:
  [[nodiscard]] const Family& FamilyOf(int64_t index) const;

  SetOptions options_;
  ModelConfig config_;
};

// The words of a prompt for a family: its name with blanks for underscores.
std::string WordsOf(const Family& family);

}  // namespace bayespfl::synthetic

#endif  // BAYESPFL_MODEL_SYNTHETIC_SYNTHETIC_PICTURES_H_
