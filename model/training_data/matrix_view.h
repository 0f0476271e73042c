// Pictures and masks as OpenCV's matrices, without a copy.
#ifndef BAYESPFL_MODEL_TRAINING_DATA_MATRIX_VIEW_H_
#define BAYESPFL_MODEL_TRAINING_DATA_MATRIX_VIEW_H_

#include <cstdint>
#include <opencv2/core/mat.hpp>
#include <vector>

#include "model/image/image.h"

namespace bayespfl {

// Valid while `picture` is neither resized nor gone.
inline cv::Mat MatrixView(RgbImage& picture) { return {picture.height, picture.width, CV_8UC3, picture.pixels.data()}; }

// Of a mask [height, width].
inline cv::Mat MatrixView(std::vector<uint8_t>& mask, int width, int height) {
  return {height, width, CV_8UC1, mask.data()};
}

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_DATA_MATRIX_VIEW_H_
