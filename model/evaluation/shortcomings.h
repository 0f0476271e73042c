// Whether an evaluation has enough behind it to be taken for an answer.
#ifndef BAYESPFL_MODEL_EVALUATION_SHORTCOMINGS_H_
#define BAYESPFL_MODEL_EVALUATION_SHORTCOMINGS_H_

#include <string>
#include <vector>

#include "model/evaluation/evaluation.h"

namespace bayespfl {

// What stands against it, a sentence each; empty: nothing. Of every category: no normal picture counts, no defective
// one does, or none of its masks marks a pixel of the model's map. Of the whole: more than a tenth of the pictures is
// skipped. Thread-safe.
std::vector<std::string> Shortcomings(const Evaluation& evaluation);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_EVALUATION_SHORTCOMINGS_H_
