// Numbers in single precision, in which synthetic parts are made.
//
// Two draws never stand in one expression or in the arguments of one call, whose order is the compiler's choice: each
// has a statement of its own, so that a seed means the same scene everywhere.
#ifndef BAYESPFL_MODEL_SYNTHETIC_REAL_H_
#define BAYESPFL_MODEL_SYNTHETIC_REAL_H_

#include <numbers>

#include "model/training_data/draws.h"

namespace bayespfl::synthetic {

inline constexpr float kPi = std::numbers::pi_v<float>;

// low..high, uniformly.
inline float Real(double low, double high, Draws& draws) { return static_cast<float>(draws.Uniform(low, high)); }

}  // namespace bayespfl::synthetic

#endif  // BAYESPFL_MODEL_SYNTHETIC_REAL_H_
