#include "model/training_data/augmentation.h"

#include <cstddef>
#include <cstdint>
#include <utility>

#include "model/training_data/geometry.h"

namespace bayespfl {
namespace {

constexpr double kProbability = 0.5;  // of each of the five
constexpr double kRotationLimit = 30;
constexpr double kToneLimit = 0.2;
constexpr double kLeastNoise = 10;
constexpr double kMostNoise = 50;
constexpr double kJitterLimit = 0.2;

// 3, 5 or 7, alike.
int DrawBoxSize(Draws& draws) { return 3 + 2 * static_cast<int>(draws.Below(3)); }

// Of 3..7, and an even number becomes the next odd one.
int DrawGaussianSize(Draws& draws) { return static_cast<int>(draws.Between(3, 7)) | 1; }

ColourJitter DrawJitter(Draws& draws) {
  ColourJitter jitter;
  jitter.brightness = draws.Uniform(1 - kJitterLimit, 1 + kJitterLimit);
  jitter.contrast = draws.Uniform(1 - kJitterLimit, 1 + kJitterLimit);
  jitter.saturation = draws.Uniform(1 - kJitterLimit, 1 + kJitterLimit);
  jitter.hue = draws.Uniform(-kJitterLimit, kJitterLimit);
  for (size_t last = jitter.order.size() - 1; last > 0; --last) {
    std::swap(jitter.order[last], jitter.order[static_cast<size_t>(draws.Below(static_cast<int64_t>(last) + 1))]);
  }
  return jitter;
}

}  // namespace

Augmentation DrawAugmentation(Draws& draws) {
  Augmentation augmentation;
  if (draws.Chance(kProbability)) augmentation.rotation = draws.Uniform(-kRotationLimit, kRotationLimit);
  if (draws.Chance(kProbability)) augmentation.quarter_turns = static_cast<int>(draws.Below(4));
  if (draws.Chance(kProbability)) {
    BrightnessContrast& tone = augmentation.tone.emplace();
    tone.alpha = 1 + draws.Uniform(-kToneLimit, kToneLimit);
    tone.beta = draws.Uniform(-kToneLimit, kToneLimit);
  }
  if (draws.Chance(kProbability)) augmentation.noise_variance = draws.Uniform(kLeastNoise, kMostNoise);
  if (draws.Chance(kProbability)) {
    switch (draws.Below(3)) {
      case 0:
        augmentation.last = BoxBlur{DrawBoxSize(draws)};
        break;
      case 1:
        augmentation.last = DrawJitter(draws);
        break;
      default:
        augmentation.last = GaussianBlur{DrawGaussianSize(draws)};
        break;
    }
  }
  return augmentation;
}

void Augment(const Augmentation& augmentation, const Draws& noise, LabelledPicture& labelled) {
  RgbImage& picture = labelled.picture;
  if (augmentation.rotation.has_value()) Rotate(*augmentation.rotation, labelled);
  TurnQuarters(augmentation.quarter_turns, labelled);
  if (augmentation.tone.has_value()) {
    ChangeBrightnessAndContrast(augmentation.tone->alpha, augmentation.tone->beta, picture);
  }
  if (augmentation.noise_variance.has_value()) AddNoise(*augmentation.noise_variance, noise, picture);
  if (const auto* box = std::get_if<BoxBlur>(&augmentation.last)) BlurBox(box->size, picture);
  if (const auto* jitter = std::get_if<ColourJitter>(&augmentation.last)) JitterColours(*jitter, picture);
  if (const auto* gaussian = std::get_if<GaussianBlur>(&augmentation.last)) BlurGaussian(gaussian->size, picture);
}

}  // namespace bayespfl
