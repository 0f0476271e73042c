// Whether a result that was computed again is the recorded one.
#ifndef BAYESPFL_MODEL_VERDICT_COMPARISON_H_
#define BAYESPFL_MODEL_VERDICT_COMPARISON_H_

#include <string>
#include <vector>

#include "model/verdict/inspection.h"

namespace bayespfl {

// What two computations of one fp32 model may differ by: another batch, another machine, another number of threads.
inline constexpr float kScoreTolerance = 1e-5F;
// Pixels whose value lies that close to the mask threshold may fall on either side of it.
inline constexpr double kAreaTolerance = 1e-3;

enum class Agreement {
  kEqual,            // every number to the bit, and the verdict
  kWithinTolerance,  // scores and areas within the tolerances above, and the same verdict
  kDifferent,
};

// "equal to the bit", "within the documented tolerance", "different".
std::string AgreementText(Agreement agreement);

struct Comparison {
  Agreement agreement = Agreement::kEqual;
  std::vector<std::string> numbers;  // that differ, with both values: "score 0.71 -> 0.7100001"
  // What is not as it was when the result was recorded, and may be why: picture, model, thresholds, precision, seed,
  // samples, object, machine (kernels, device), program. Told whether or not a number differs.
  std::vector<std::string> conditions;
};

// Compares a recorded result with one of the same picture now. Thread-safe.
Comparison Compare(const Inspection& recorded, const Inspection& now);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_VERDICT_COMPARISON_H_
