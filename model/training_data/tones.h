// Changes of a picture's samples that leave every part where it is: the functions of albumentations 1.3.1 with given
// parameters, for 8 bits. The reference hands them pictures in the order B, G, R, which they take for R, G, B; where
// that matters, so it is done here: what is said of red and blue is exchanged. All are thread-safe.
#ifndef BAYESPFL_MODEL_TRAINING_DATA_TONES_H_
#define BAYESPFL_MODEL_TRAINING_DATA_TONES_H_

#include <array>

#include "model/image/image.h"
#include "model/training_data/draws.h"

namespace bayespfl {

// v -> alpha v + 255 beta, in single precision, held to 0..255 and cut to a whole number.
void ChangeBrightnessAndContrast(double alpha, double beta, RgbImage& picture);

// Adds a normal draw of deviation sqrt(variance) to every sample of every channel, held to 0..255 and cut (not rounded:
// half a step darker on average) to a whole number. Draws are taken in the order of `pixels`.
void AddNoise(double variance, Draws draws, RgbImage& picture);

// Steps of ColourJitter::order.
enum class JitterStep { kBrightness, kContrast, kSaturation, kHue };

struct ColourJitter {
  double brightness = 1;  // factor
  double contrast = 1;    // factor of the distance to the mean of the gray picture
  double saturation = 1;  // factor of the distance to the pixel's gray
  double hue = 0;         // part of a full turn, -0.5..0.5
  std::array<JitterStep, 4> order = {JitterStep::kBrightness, JitterStep::kContrast, JitterStep::kSaturation,
                                     JitterStep::kHue};
};
void JitterColours(const ColourJitter& jitter, RgbImage& picture);

// The mean over size x size pixels, rounded; size is odd. Beyond the border the picture is reflected about its border
// pixels.
void BlurBox(int size, RgbImage& picture);

// A Gaussian of size x size pixels and the deviation 0.3 ((size - 1) / 2 - 1) + 0.8; size is odd. At 3, 5 and 7 OpenCV
// has kernels of its own for that: {1 2 1} / 4, {1 4 6 4 1} / 16, {1 3.5 7 9 7 3.5 1} / 32. Border as above.
void BlurGaussian(int size, RgbImage& picture);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_DATA_TONES_H_
