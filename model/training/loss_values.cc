#include "model/training/loss_values.h"

#include <vector>

namespace bayespfl {
namespace {

double Value(const torch::Tensor& term) { return term.defined() ? term.item<double>() : 0; }

double Sum(const std::vector<torch::Tensor>& terms) {
  double sum = 0;
  for (const torch::Tensor& term : terms) sum += Value(term);
  return sum;
}

}  // namespace

LossValues ValuesOf(const LossTerms& terms) {
  return {.cross_entropy = Value(terms.cross_entropy),
          .focal = Sum(terms.focal),
          .dice = Sum(terms.dice),
          .kl = Value(terms.kl_context) + Value(terms.kl_normal) + Value(terms.kl_abnormal),
          .orthogonality = Value(terms.orthogonality),
          .auxiliary = Value(terms.auxiliary),
          .captions = Value(terms.captions),
          .distillation = Value(terms.distillation),
          .total = Value(terms.Total())};
}

LossValues Plus(const LossValues& sum, const LossValues& values) {
  LossValues result = sum;
  for (const LossColumn& column : kLossColumns) result.*column.value += values.*column.value;
  return result;
}

LossValues DividedBy(const LossValues& values, double count) {
  LossValues result = values;
  for (const LossColumn& column : kLossColumns) result.*column.value /= count;
  return result;
}

}  // namespace bayespfl
