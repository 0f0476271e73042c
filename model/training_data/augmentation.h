// The random changes of training pictures: those of the reference (albumentations 1.3.1 with its defaults but for the
// limit of the rotation), in its order.
//
//   change                 probability   drawn uniformly from                              default's source in 1.3.1
//   rotation               0.5           -30..30 degrees; linear, mask nearest, reflected   Rotate, limit 30
//   quarter turns          0.5           0, 1, 2, 3 counter-clockwise                       RandomRotate90
//   brightness, contrast   0.5           contrast 0.8..1.2, brightness -0.2..0.2 of 255     RandomBrightnessContrast
//   Gaussian noise         0.5           variance 10..50 (of 0..255), each channel alone    GaussNoise
//   one of                 0.5           each with 1/3                                      OneOf
//     box blur                           size 3, 5, 7                                       Blur, blur_limit (3, 7)
//     colour jitter                      brightness, contrast, saturation 0.8..1.2, hue     ColorJitter
//                                        -0.2..0.2 turns, in one of the 24 orders
//     Gaussian blur                      size 3 with 1/5, 5 and 7 with 2/5 each: the next   GaussianBlur, (3, 7),
//                                        odd number of 3, 4, 5, 6, 7                        sigma_limit 0
//
// "Quarter turns" may draw 0 and then change nothing. What each change computes: geometry.h, tones.h. The reference
// draws from Python's and NumPy's generators; the draws here are others with the same distributions.
#ifndef BAYESPFL_MODEL_TRAINING_DATA_AUGMENTATION_H_
#define BAYESPFL_MODEL_TRAINING_DATA_AUGMENTATION_H_

#include <optional>
#include <variant>

#include "model/training_data/draws.h"
#include "model/training_data/labelled_picture.h"
#include "model/training_data/tones.h"

namespace bayespfl {

struct BrightnessContrast {
  double alpha = 1;  // factor of every sample
  double beta = 0;   // added, in units of 255
};
struct BoxBlur {
  int size = 3;  // pixels
};
struct GaussianBlur {
  int size = 3;  // pixels
};

// The changes of one picture, in the order in which they are made.
struct Augmentation {
  std::optional<double> rotation = std::nullopt;  // degrees, counter-clockwise
  int quarter_turns = 0;
  std::optional<BrightnessContrast> tone = std::nullopt;
  std::optional<double> noise_variance = std::nullopt;
  std::variant<std::monostate, BoxBlur, ColourJitter, GaussianBlur> last = {};
};

// Thread-safe.
Augmentation DrawAugmentation(Draws& draws);

// Makes the changes; `noise` are the draws of the noise. Requires sides up to kMaxRotatedSide. Thread-safe.
void Augment(const Augmentation& augmentation, const Draws& noise, LabelledPicture& labelled);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_DATA_AUGMENTATION_H_
