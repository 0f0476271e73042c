// How far the numbers of an evaluation depend on the draws: the same data set, evaluated once with each of some seeds.
#ifndef BAYESPFL_MODEL_EVALUATION_SEED_SPREAD_H_
#define BAYESPFL_MODEL_EVALUATION_SEED_SPREAD_H_

#include <optional>
#include <string>

#include "absl/types/span.h"
#include "model/evaluation/evaluation.h"

namespace bayespfl {

// Mean and standard deviation (n - 1 in the denominator) of every number of the tables, over runs of the same data set
// and model that differ in EvaluationSetting::seed alone, which each must have. A number that is undefined in some run
// is undefined. Requires two runs or more.
SeedSpread SpreadOver(absl::Span<const Evaluation> runs);

// "97.53 ± 0.12", in percent; "–" for no number.
std::string SpreadText(const std::optional<SpreadNumber>& number);

// "0, 1, 2".
std::string SeedList(const SeedSpread& spread);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_EVALUATION_SEED_SPREAD_H_
