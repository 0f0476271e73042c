#include "tests/server/pictures.h"

#include <cstdint>
#include <random>

#include "model/image/encode.h"
#include "model/image/image.h"

namespace bayespfl::server {
namespace {

RgbImage RandomImage(int width, int height) {
  thread_local std::mt19937 random;
  RgbImage image;
  image.width = width;
  image.height = height;
  image.pixels.resize(3 * image.pixel_count());
  for (uint8_t& sample : image.pixels) sample = static_cast<uint8_t>(random());
  return image;
}

}  // namespace

std::string EncodePng(int width, int height) { return bayespfl::EncodePng(RandomImage(width, height)).value(); }

std::string EncodeJpeg(int width, int height) {
  constexpr int kQuality = 95;
  return bayespfl::EncodeJpeg(RandomImage(width, height), kQuality).value();
}

}  // namespace bayespfl::server
