// Light on a part.
#ifndef BAYESPFL_MODEL_SYNTHETIC_LIGHT_H_
#define BAYESPFL_MODEL_SYNTHETIC_LIGHT_H_

#include <array>

#include "model/synthetic/part.h"
#include "model/training_data/draws.h"

namespace bayespfl::synthetic {

// How inspection lights parts.
enum class Lighting {
  kLamp,       // from one side: slopes towards it are bright
  kDome,       // from everywhere: flat is bright, slopes are darker
  kDarkField,  // flat from all sides: slopes are bright
};

struct Light {
  Lighting kind = Lighting::kLamp;
  std::array<float, 3> direction = {0, 0, 1};  // of the lamp, to it; unit length, the camera is at (0, 0, 1)
  float ambient = 0.4F;                        // share of light without a direction
  float shininess = 30;                        // exponent of the lamp's reflection
  float shadow = 6;                            // length of the shadow that objects cast, pixels
};

Light DrawLight(Draws& draws);

// What the camera's lens gets of each channel, about 0..1.5; flat matt parts give their colour.
std::array<Field, 3> Illuminate(const Part& part, const Light& light);

}  // namespace bayespfl::synthetic

#endif  // BAYESPFL_MODEL_SYNTHETIC_LIGHT_H_
