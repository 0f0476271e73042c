// Turns of a picture together with its mask.
#ifndef BAYESPFL_MODEL_TRAINING_DATA_GEOMETRY_H_
#define BAYESPFL_MODEL_TRAINING_DATA_GEOMETRY_H_

#include "model/training_data/labelled_picture.h"

namespace bayespfl {

// The longest side that Rotate() takes, pixels: OpenCV's own limit.
inline constexpr int kMaxRotatedSide = 32'766;

// Turns by `degrees` about the picture's middle, (width / 2 - 0.5, height / 2 - 0.5); positive is counter-clockwise.
// The size stays: corners leave the picture, and what comes in is its reflection about the border pixels
// (d c b | a b c d | c b a). The picture is interpolated linearly, the mask takes the nearest pixel. Requires sides up
// to kMaxRotatedSide. Thread-safe.
void Rotate(double degrees, LabelledPicture& labelled);

// Turns counter-clockwise by `quarters` quarter turns, 0..3; odd numbers swap the sides. Thread-safe.
void TurnQuarters(int quarters, LabelledPicture& labelled);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_DATA_GEOMETRY_H_
