#include "tests/model/image/encoded_pictures.h"

#include <algorithm>
#include <cstddef>
#include <opencv2/imgcodecs.hpp>
#include <random>
#include <stdexcept>

#include "gtest/gtest.h"
#include "model/image/decode.h"

namespace bayespfl::testing {
namespace {

void MutateOnce(std::mt19937& random, std::vector<uint8_t>& file) {
  const auto position = static_cast<std::ptrdiff_t>(random() % file.size());
  const auto at = file.begin() + position;
  switch (random() % 8) {
    case 0:
      file.erase(at, file.end());
      break;
    case 1:
      file.insert(at, static_cast<uint8_t>(random()));
      break;
    case 2:
      file.erase(at);
      break;
    case 3:
      *at = 0xff;
      break;
    case 4:
      *at = static_cast<uint8_t>(*at ^ (1U << (random() % 8)));
      break;
    default:
      // Headers are short but decide most, so half of the changes go there.
      file[random() % 2 == 0 ? random() % std::min<size_t>(file.size(), 64) : static_cast<size_t>(position)] =
          static_cast<uint8_t>(random());
  }
}

}  // namespace

cv::Mat NoisyPicture(int width, int height, int type) {
  cv::Mat picture(height, width, type);
  cv::RNG random(12345);
  const double range = picture.depth() == CV_16U ? 65536.0 : 256.0;
  random.fill(picture, cv::RNG::UNIFORM, 0.0, range);
  // Smooth in its left half, so that run lengths and dictionaries have something to find.
  picture.colRange(0, width / 2).setTo(cv::Scalar(range / 4, range / 2, range / 8, range / 3));
  return picture;
}

std::vector<uint8_t> Encode(const std::string& extension, const cv::Mat& picture, const std::vector<int>& parameters) {
  std::vector<uint8_t> file;
  if (!cv::imencode(extension, picture, file, parameters)) throw std::runtime_error("cannot encode " + extension);
  return file;
}

std::vector<uint8_t> ExpectedRgb(const cv::Mat& picture) {
  std::vector<uint8_t> expected;
  const int channels = picture.channels();
  for (int y = 0; y < picture.rows; ++y) {
    for (int x = 0; x < picture.cols; ++x) {
      for (const int c : {2, 1, 0}) {
        const int at = x * channels + (channels == 1 ? 0 : c);
        const bool wide = picture.depth() == CV_16U;
        expected.push_back(wide ? static_cast<uint8_t>(picture.ptr<uint16_t>(y)[at] / 257.0 + 0.5)
                                : picture.ptr<uint8_t>(y)[at]);
      }
    }
  }
  return expected;
}

void ExpectSurvivesMutations(const std::vector<uint8_t>& file, int count,
                             const std::function<void(std::vector<uint8_t>&)>& repair) {
  std::mt19937 random(2024);
  ImageLimits limits;
  limits.max_pixels = 1'000'000;
  ::testing::internal::CaptureStderr();  // the libraries comment on broken files
  for (int i = 0; i < count; ++i) {
    std::vector<uint8_t> mutated = file;
    const auto changes = 1 + random() % 4;
    for (unsigned j = 0; j < changes && !mutated.empty(); ++j) MutateOnce(random, mutated);
    if (repair != nullptr) repair(mutated);

    const absl::StatusOr<RgbImage> image = DecodeImage(mutated, limits);

    if (image.ok()) {
      EXPECT_GT(image->width, 0);
      EXPECT_EQ(image->pixels.size(), image->pixel_count() * 3);
    } else {
      EXPECT_EQ(image.status().code(), absl::StatusCode::kInvalidArgument) << image.status();
    }
  }
  ::testing::internal::GetCapturedStderr();
}

}  // namespace bayespfl::testing
