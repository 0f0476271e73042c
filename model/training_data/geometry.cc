#include "model/training_data/geometry.h"

#include <cstddef>
#include <cstdint>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <utility>
#include <vector>

#include "model/training_data/matrix_view.h"

namespace bayespfl {

void Rotate(double degrees, LabelledPicture& labelled) {
  RgbImage& picture = labelled.picture;
  const cv::Point2f middle(static_cast<float>(picture.width) / 2 - 0.5F, static_cast<float>(picture.height) / 2 - 0.5F);
  const cv::Mat turn = cv::getRotationMatrix2D(middle, degrees, /*scale=*/1.0);
  const cv::Size size(picture.width, picture.height);

  std::vector<uint8_t> pixels(picture.pixels.size());
  cv::Mat turned(picture.height, picture.width, CV_8UC3, pixels.data());
  cv::warpAffine(MatrixView(picture), turned, turn, size, cv::INTER_LINEAR, cv::BORDER_REFLECT_101);
  picture.pixels = std::move(pixels);

  std::vector<uint8_t> mask(labelled.mask.size());
  cv::Mat turned_mask = MatrixView(mask, picture.width, picture.height);
  cv::warpAffine(MatrixView(labelled.mask, picture.width, picture.height), turned_mask, turn, size, cv::INTER_NEAREST,
                 cv::BORDER_REFLECT_101);
  labelled.mask = std::move(mask);
}

void TurnQuarters(int quarters, LabelledPicture& labelled) {
  if (quarters == 0) return;
  const cv::RotateFlags turn = quarters == 1   ? cv::ROTATE_90_COUNTERCLOCKWISE
                               : quarters == 2 ? cv::ROTATE_180
                                               : cv::ROTATE_90_CLOCKWISE;
  RgbImage& from = labelled.picture;
  RgbImage to{quarters == 2 ? from.width : from.height, quarters == 2 ? from.height : from.width,
              std::vector<uint8_t>(from.pixels.size())};
  std::vector<uint8_t> mask(labelled.mask.size());
  cv::Mat picture_matrix = MatrixView(to);
  cv::Mat mask_matrix = MatrixView(mask, to.width, to.height);
  cv::rotate(MatrixView(from), picture_matrix, turn);
  cv::rotate(MatrixView(labelled.mask, from.width, from.height), mask_matrix, turn);
  from = std::move(to);
  labelled.mask = std::move(mask);
}

}  // namespace bayespfl
