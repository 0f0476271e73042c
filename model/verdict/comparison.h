// Whether a result that was computed again is the recorded one.
#ifndef BAYESPFL_MODEL_VERDICT_COMPARISON_H_
#define BAYESPFL_MODEL_VERDICT_COMPARISON_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "model/verdict/inspection.h"

namespace bayespfl {

// What two computations of one model may differ by: another batch, another machine, another number of threads. In less
// than fp32 a sum that differs in its last bit may be rounded to another operand further on, and no two processors'
// kernels are closer than each is to fp32.
struct ReplayTolerance {
  float score = 1e-5F;
  // Of the picture. Pixels whose value lies that close to the mask threshold may fall on either side of it.
  double area = 1e-3;
};

// By the name of the precision, as provenance has it; of a name that is not known, or none, as lines are that are older
// than the others: fp32's.
ReplayTolerance ReplayToleranceOf(absl::string_view precision);

enum class Agreement {
  kEqual,            // every number to the bit, and the verdict
  kWithinTolerance,  // scores and areas within the recorded precision's tolerance, and the same verdict
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
