#include "client/cpp/pixel_map.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>

#include "absl/strings/str_cat.h"

namespace bayespfl::client {
namespace {

// The wire is little-endian, like every machine this client is built for.
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

constexpr uint32_t kMaxSide = 1 << 20;

// All 0, of the size that the reply names; its bytes must have been found to fit.
bayespfl::PixelMap Empty(const inspection::v1::PixelMap& map) {
  return {.width = static_cast<int>(map.width()),
          .height = static_cast<int>(map.height()),
          .values = std::vector<float>(size_t{map.width()} * map.height())};
}

absl::StatusOr<bayespfl::PixelMap> DecodeFloat(const inspection::v1::PixelMap& map) {
  const uint64_t bytes = uint64_t{map.width()} * map.height() * sizeof(float);
  if (map.data().size() != bytes) {
    return absl::InvalidArgumentError(absl::StrCat("a float map of ", map.width(), " x ", map.height(), " has ",
                                                   map.data().size(), " bytes, not ", bytes));
  }
  bayespfl::PixelMap values = Empty(map);
  std::memcpy(values.values.data(), map.data().data(), map.data().size());
  return values;
}

absl::StatusOr<bayespfl::PixelMap> DecodePng(const inspection::v1::PixelMap& map) {
  const std::vector<uchar> bytes(map.data().begin(), map.data().end());
  cv::Mat pixels;
  try {
    pixels = cv::imdecode(bytes, cv::IMREAD_UNCHANGED);
  } catch (const cv::Exception& e) {
    return absl::InvalidArgumentError(absl::StrCat("a map is no readable PNG: ", e.what()));
  }
  const int depth = map.encoding() == inspection::v1::MAP_ENCODING_PNG16 ? CV_16U : CV_8U;
  if (pixels.type() != CV_MAKETYPE(depth, 1) || pixels.cols != static_cast<int>(map.width()) ||
      pixels.rows != static_cast<int>(map.height())) {
    return absl::InvalidArgumentError("a map is no PNG of the size and depth that the reply names");
  }
  bayespfl::PixelMap values = Empty(map);
  cv::Mat target(values.height, values.width, CV_32FC1, values.values.data());
  pixels.convertTo(target, CV_32F, depth == CV_16U ? 1.0 / 65535 : 1.0 / 255);
  return values;
}

}  // namespace

absl::StatusOr<bayespfl::PixelMap> DecodePixelMap(const inspection::v1::PixelMap& map) {
  if (map.width() < 1 || map.height() < 1 || map.width() > kMaxSide || map.height() > kMaxSide) {
    return absl::InvalidArgumentError("the reply carries no map, or one without a size");
  }
  switch (map.encoding()) {
    case inspection::v1::MAP_ENCODING_FLOAT32:
      return DecodeFloat(map);
    case inspection::v1::MAP_ENCODING_PNG8:
    case inspection::v1::MAP_ENCODING_PNG16:
      return DecodePng(map);
    default:
      return absl::InvalidArgumentError(absl::StrCat("unknown map encoding ", static_cast<int>(map.encoding())));
  }
}

}  // namespace bayespfl::client
