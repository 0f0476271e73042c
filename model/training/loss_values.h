// The losses of a step, or their means over an epoch, as plain numbers.
#ifndef BAYESPFL_MODEL_TRAINING_LOSS_VALUES_H_
#define BAYESPFL_MODEL_TRAINING_LOSS_VALUES_H_

#include "model/training/training_loss.h"

namespace bayespfl {

// With their weights, summed over layers; 0 for terms that the stage does not have.
struct LossValues {
  double cross_entropy = 0;
  double focal = 0;
  double dice = 0;
  double kl = 0;  // of all three distributions
  double orthogonality = 0;
  double total = 0;

  bool operator==(const LossValues&) const = default;
};

// Waits for the device.
LossValues ValuesOf(const LossTerms& terms);

// sum + values, term by term.
LossValues Plus(const LossValues& sum, const LossValues& values);

// values / count, term by term.
LossValues DividedBy(const LossValues& values, double count);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_LOSS_VALUES_H_
