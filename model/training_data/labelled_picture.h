// What a network is trained on, before it is brought to the network's size.
#ifndef BAYESPFL_MODEL_TRAINING_DATA_LABELLED_PICTURE_H_
#define BAYESPFL_MODEL_TRAINING_DATA_LABELLED_PICTURE_H_

#include <cstdint>
#include <vector>

#include "model/image/image.h"

namespace bayespfl {

struct LabelledPicture {
  RgbImage picture = {};
  // [height, width] of the picture, row-major: 255 where it is anomalous, else 0.
  std::vector<uint8_t> mask = {};
  bool anomalous = false;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_DATA_LABELLED_PICTURE_H_
