// Picture files for tests, written without a library.
#ifndef BAYESPFL_TESTS_SUPPORT_BMP_H_
#define BAYESPFL_TESTS_SUPPORT_BMP_H_

#include <string>

#include "model/image/image.h"

namespace bayespfl::testing {

// The picture as an uncompressed BMP of 24 bits a pixel: a decoder gives the same pixels back.
std::string Bmp(const RgbImage& image);

}  // namespace bayespfl::testing

#endif  // BAYESPFL_TESTS_SUPPORT_BMP_H_
