// Pictures for the requests of tests.
#ifndef BAYESPFL_TESTS_SERVER_PICTURES_H_
#define BAYESPFL_TESTS_SERVER_PICTURES_H_

#include <cstdint>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <string>
#include <vector>

namespace bayespfl::server {

// A file of random pixels; `extension` (".jpg") names its format.
inline std::string EncodePicture(const std::string& extension, int width = 40, int height = 30) {
  cv::Mat picture(height, width, CV_8UC3);
  cv::randu(picture, 0, 255);
  std::vector<uint8_t> bytes;
  cv::imencode(extension, picture, bytes);
  return {bytes.begin(), bytes.end()};
}

inline std::string EncodePng(int width = 40, int height = 30) { return EncodePicture(".png", width, height); }

}  // namespace bayespfl::server

#endif  // BAYESPFL_TESTS_SERVER_PICTURES_H_
