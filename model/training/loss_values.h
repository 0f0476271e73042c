// The losses of a step as plain numbers.
#ifndef BAYESPFL_MODEL_TRAINING_LOSS_VALUES_H_
#define BAYESPFL_MODEL_TRAINING_LOSS_VALUES_H_

#include "model/training/epoch_record.h"
#include "model/training/training_loss.h"

namespace bayespfl {

// Waits for the device.
LossValues ValuesOf(const LossTerms& terms);

// sum + values, term by term.
LossValues Plus(const LossValues& sum, const LossValues& values);

// values / count, term by term.
LossValues DividedBy(const LossValues& values, double count);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_LOSS_VALUES_H_
