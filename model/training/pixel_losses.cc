#include "model/training/pixel_losses.h"

#include "torch/csrc/autograd/custom_function.h"

namespace bayespfl {
namespace {

constexpr double kFocalEpsilon = 1e-8;
constexpr double kDiceEpsilon = 1e-5;

// Of a mean over so many pixels, which are counted in integers: a batch may have more than a float can count.
torch::Tensor WeightOf(const torch::Tensor& members) {
  const torch::Tensor count = members.sum(torch::kInt64).to(torch::kFloat64);
  return (count + kFocalEpsilon).reciprocal().to(torch::kFloat32);
}

}  // namespace

// Takes the maps to {focal, dice}. Intermediate maps are changed where they lie: memory that is new costs as much as
// what is computed in it.
class PixelLosses::Function : public torch::autograd::Function<PixelLosses::Function> {
 public:
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context,
                                                const torch::Tensor& difference, const PixelLosses& losses) {
    // The probability of the own class: of two texts' logits the softmax is the sigmoid of their difference. What is
    // left to 1 is that of an anomaly where the pixel is negative.
    const torch::Tensor own = (difference * losses.sign_).sigmoid_();
    torch::Tensor missing = 1 - own;
    const torch::Tensor overlap = (own * losses.positive_).sum();
    const torch::Tensor found = overlap + (missing * losses.negative_).sum();
    const torch::Tensor shifted = own + kFocalEpsilon;
    torch::Tensor logarithm = shifted.log();
    torch::Tensor square = missing.square();
    const torch::Tensor focal = -(square * logarithm).mul_(losses.weight_).sum();
    const torch::Tensor both = found + losses.marked_ + kDiceEpsilon;
    const torch::Tensor ratio = (2 * overlap + kDiceEpsilon) / both;
    if (difference.requires_grad()) {
      // d focal / d own = 2 (1 - own) ln(own + eps) - (1 - own)^2 / (own + eps), and d own / d difference = +-slope.
      torch::Tensor focal_slope = logarithm.mul_(missing).mul_(2).sub_(square.div_(shifted)).mul_(losses.weight_);
      const torch::Tensor& slope = missing.mul_(own);
      focal_slope.mul_(losses.sign_).mul_(slope);
      context->save_for_backward({focal_slope, slope, losses.positive_, both, ratio});
    }
    return {focal, 1 - ratio};
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const torch::autograd::variable_list saved = context->get_saved_variables();
    const torch::Tensor& focal_slope = saved[0];
    const torch::Tensor& slope = saved[1];
    const torch::Tensor& positive = saved[2];
    const torch::Tensor& both = saved[3];
    const torch::Tensor& ratio = saved[4];
    // d dice / d p = (ratio - 2 y) / both, and d p / d difference = slope.
    torch::Tensor gradient = (positive * (-2 * gradients[1] / both)).add_(ratio * gradients[1] / both).mul_(slope);
    gradient.add_(focal_slope * gradients[0]);
    return {gradient, torch::Tensor()};
  }
};

PixelLosses::PixelLosses(const torch::Tensor& positive)
    : positive_(positive.to(torch::kFloat32)),
      negative_(1 - positive_),
      sign_(positive_ - negative_),
      weight_(torch::where(positive, WeightOf(positive), WeightOf(positive.logical_not()))),
      marked_(positive.sum(torch::kInt64).to(torch::kFloat32)) {}

PixelLossTerms PixelLosses::Of(const torch::Tensor& difference) const {
  const torch::autograd::variable_list terms = Function::apply(difference, *this);
  return {.focal = terms[0], .dice = terms[1]};
}

}  // namespace bayespfl
