// Four pictures in one, so that a network sees several small defects at once.
#ifndef BAYESPFL_MODEL_TRAINING_DATA_MOSAIC_H_
#define BAYESPFL_MODEL_TRAINING_DATA_MOSAIC_H_

#include <array>

#include "model/training_data/labelled_picture.h"

namespace bayespfl {

// The probability of the reference, for data sets of MVTec's layout.
inline constexpr double kMosaicProbability = 0.4;

// The four side by side, two above and two below, row by row: twice the width and height of the first one, and
// anomalous when one of them is. Pictures of another size than the first are brought to it, bicubic as everywhere
// (model/image/resample.h), their masks by the nearest pixel. Requires non-empty pictures. Thread-safe.
LabelledPicture MakeMosaic(const std::array<LabelledPicture, 4>& parts);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_DATA_MOSAIC_H_
