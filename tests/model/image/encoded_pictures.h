// Pictures and files that the decoder tests share.
#ifndef BAYESPFL_TESTS_MODEL_IMAGE_ENCODED_PICTURES_H_
#define BAYESPFL_TESTS_MODEL_IMAGE_ENCODED_PICTURES_H_

#include <cstdint>
#include <functional>
#include <opencv2/core.hpp>
#include <string>
#include <vector>

#include "model/image/image.h"

namespace bayespfl::testing {

// A picture of noise on a ramp; `type` is CV_8UC1, CV_8UC3, CV_8UC4, CV_16UC1, CV_16UC3 or CV_16UC4.
cv::Mat NoisyPicture(int width, int height, int type);

// Encodes with OpenCV; `extension` as in ".png", `parameters` are pairs of IMWRITE_... and a value.
std::vector<uint8_t> Encode(const std::string& extension, const cv::Mat& picture,
                            const std::vector<int>& parameters = {});

// What the decoder should deliver for a picture stored without loss: RGB, alpha dropped, 16 bits divided by 257.
std::vector<uint8_t> ExpectedRgb(const cv::Mat& picture);

// Calls the decoder on `count` random mutations of `file` (changed, inserted, removed and cut bytes; always the same
// ones) and checks each outcome: a picture of consistent size or InvalidArgument. `repair` may fix checksums after a
// mutation.
void ExpectSurvivesMutations(const std::vector<uint8_t>& file, int count,
                             const std::function<void(std::vector<uint8_t>&)>& repair = nullptr);

}  // namespace bayespfl::testing

#endif  // BAYESPFL_TESTS_MODEL_IMAGE_ENCODED_PICTURES_H_
