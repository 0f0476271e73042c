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
  return {.cross_entropy = sum.cross_entropy + values.cross_entropy,
          .focal = sum.focal + values.focal,
          .dice = sum.dice + values.dice,
          .kl = sum.kl + values.kl,
          .orthogonality = sum.orthogonality + values.orthogonality,
          .auxiliary = sum.auxiliary + values.auxiliary,
          .captions = sum.captions + values.captions,
          .distillation = sum.distillation + values.distillation,
          .total = sum.total + values.total};
}

LossValues DividedBy(const LossValues& values, double count) {
  return {.cross_entropy = values.cross_entropy / count,
          .focal = values.focal / count,
          .dice = values.dice / count,
          .kl = values.kl / count,
          .orthogonality = values.orthogonality / count,
          .auxiliary = values.auxiliary / count,
          .captions = values.captions / count,
          .distillation = values.distillation / count,
          .total = values.total / count};
}

}  // namespace bayespfl
