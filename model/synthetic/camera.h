// A line camera over a belt: what it makes of the light it gets.
#ifndef BAYESPFL_MODEL_SYNTHETIC_CAMERA_H_
#define BAYESPFL_MODEL_SYNTHETIC_CAMERA_H_

#include <array>

#include "model/image/image.h"
#include "model/synthetic/field.h"
#include "model/training_data/draws.h"

namespace bayespfl::synthetic {

// Rows of the picture follow each other in time, columns are the sensor's pixels.
struct Camera {
  bool gray = true;          // one channel, as most line cameras have
  float gain = 1;            // of the light
  float black = 0.02F;       // what no light gives, 0..1
  float range = 0.9F;        // from there to what light of 1 gives: small is a picture of low contrast
  float gamma = 1;           // exponent
  float vignette = 0;        // share of light that the corners lack
  float slope_x = 0;         // light at the right edge over that at the left one, less 1
  float slope_y = 0;         // below over above
  float column_pattern = 0;  // deviation of the sensor pixels' gains: streaks along the belt
  float row_flicker = 0;     // deviation of the lines' exposures
  float blur_x = 0;          // deviation of the lens's blur, pixels
  float blur_y = 0;          // and along the belt, where motion adds
  float noise = 0.01F;       // deviation of a sample at half the range, 0..1; half of it at no light
  Draws samples;             // of patterns and noise

  explicit Camera(const Draws& draws) : samples(draws) {}
};

// A camera that is set for this light: the mean comes out at 0.25..0.6 of the range, or lower where bright parts would
// saturate else.
Camera DrawCamera(const std::array<Field, 3>& light, Draws& draws);

// What the camera makes of light in the middle of the picture, 0..255, but for noise and blur.
float GrayLevel(const Camera& camera, float light);

RgbImage TakePicture(const Camera& camera, std::array<Field, 3> light);

}  // namespace bayespfl::synthetic

#endif  // BAYESPFL_MODEL_SYNTHETIC_CAMERA_H_
