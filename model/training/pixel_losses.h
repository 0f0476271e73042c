// Focal loss (Lin et al. 2017, gamma = 2) and dice loss (Milletari et al. 2016) of one layer's maps.
//
// Maps have so many pixels that these two were three quarters of a step between small towers. Both begin with the same
// probabilities, and their gradients are known in closed form: computed together they take less than half the time that
// LibTorch needs for their formulas.
#ifndef BAYESPFL_MODEL_TRAINING_PIXEL_LOSSES_H_
#define BAYESPFL_MODEL_TRAINING_PIXEL_LOSSES_H_

#include "model/libtorch.h"

namespace bayespfl {

struct PixelLossTerms {
  torch::Tensor focal;  // scalar
  torch::Tensor dice;   // scalar
};

// The losses against one batch's marks, of as many maps as there are. Immutable; safe from many threads.
class PixelLosses {
 public:
  // `positive` [N, S, S] (bool): y, the pixels that show a defect.
  explicit PixelLosses(const torch::Tensor& positive);

  // `difference` [N, S, S]: the abnormal text's logits less the normal one's. With p the probability of an anomaly and
  // p_y that of the pixel's own class, over all pixels of the batch,
  //   focal  mean over positive pixels + mean over negative pixels of -(1 - p_y)^2 ln(p_y + 1e-8): both classes weigh
  //          alike however few pixels one of them has, and one that has none costs nothing
  //   dice   1 - (2 sum(p y) + 1e-5) / (sum(p) + sum(y) + 1e-5)
  // Gradients reach `difference`; they have none of their own.
  PixelLossTerms Of(const torch::Tensor& difference) const;

 private:
  class Function;

  // [N, S, S], of the maps' type.
  torch::Tensor positive_;  // 1 where y, else 0
  torch::Tensor negative_;  // the other way round
  torch::Tensor sign_;      // 1 where y, else -1
  torch::Tensor weight_;    // 1 / number of the pixel's own class
  torch::Tensor marked_;    // scalar: sum(y)
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_PIXEL_LOSSES_H_
