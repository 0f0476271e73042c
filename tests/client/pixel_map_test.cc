#include "client/cpp/pixel_map.h"

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>

#include "model/image/encode.h"

namespace bayespfl::client {
namespace {

using inspection::v1::PixelMap;

PixelMap MapOf(inspection::v1::MapEncoding encoding, uint32_t width, uint32_t height, std::string data) {
  PixelMap map;
  map.set_encoding(encoding);
  map.set_width(width);
  map.set_height(height);
  map.set_data(std::move(data));
  return map;
}

std::string Png(const cv::Mat& pixels) {
  std::vector<uchar> png;
  cv::imencode(".png", pixels, png);
  return {png.begin(), png.end()};
}

TEST(PixelMapTest, ReadsEveryEncoding) {
  const cv::Mat bytes = (cv::Mat_<uchar>(1, 3) << 0, 51, 255);
  const cv::Mat words = (cv::Mat_<uint16_t>(1, 3) << 0, 13107, 65535);
  const std::vector<float> floats = {0.0F, 0.2F, 1.0F};
  std::string raw(sizeof(float) * 3, '\0');
  std::memcpy(raw.data(), floats.data(), raw.size());

  for (const PixelMap& map : {MapOf(inspection::v1::MAP_ENCODING_PNG8, 3, 1, Png(bytes)),
                              MapOf(inspection::v1::MAP_ENCODING_PNG16, 3, 1, Png(words)),
                              MapOf(inspection::v1::MAP_ENCODING_FLOAT32, 3, 1, raw)}) {
    const auto values = DecodePixelMap(map);

    ASSERT_TRUE(values.ok()) << values.status();
    EXPECT_EQ(values->width, 3);
    EXPECT_EQ(values->height, 1);
    EXPECT_THAT(values->values, ::testing::Pointwise(::testing::FloatNear(1e-6F), floats));
  }
}

TEST(PixelMapTest, RefusesWhatDoesNotFit) {
  const std::string png = Png(cv::Mat(2, 3, CV_8UC1, cv::Scalar(1)));
  const std::string colour = Png(cv::Mat(2, 3, CV_8UC3, cv::Scalar::all(1)));

  for (const PixelMap& map :
       {PixelMap(), MapOf(inspection::v1::MAP_ENCODING_PNG8, 2, 3, png),
        MapOf(inspection::v1::MAP_ENCODING_PNG16, 3, 2, png), MapOf(inspection::v1::MAP_ENCODING_PNG8, 3, 2, colour),
        MapOf(inspection::v1::MAP_ENCODING_PNG8, 3, 2, "no png"), MapOf(inspection::v1::MAP_ENCODING_PNG8, 3, 2, ""),
        MapOf(inspection::v1::MAP_ENCODING_PNG8, 3, 2, png.substr(0, png.size() / 2)),
        MapOf(inspection::v1::MAP_ENCODING_FLOAT32, 3, 2, "short"),
        MapOf(inspection::v1::MAP_ENCODING_FLOAT32, 4000000000U, 4000000000U, "short"),
        MapOf(static_cast<inspection::v1::MapEncoding>(9), 3, 2, png)}) {
    EXPECT_TRUE(absl::IsInvalidArgument(DecodePixelMap(map).status())) << map.ShortDebugString();
  }
}

inspection::v1::Mask MaskOf(inspection::v1::MaskEncoding encoding, uint32_t width, uint32_t height, std::string data) {
  inspection::v1::Mask mask;
  mask.set_encoding(encoding);
  mask.set_width(width);
  mask.set_height(height);
  mask.set_data(std::move(data));
  return mask;
}

TEST(MaskTest, ReadsBothPngEncodings) {
  const std::vector<uint8_t> inside = {0, 255, 255, 0, 0, 255};
  const std::string bytes = EncodePng(PngSamples::kGray8, 3, 2, inside).value();
  const std::string bits = EncodePng(PngSamples::kGray1, 3, 2, inside).value();

  for (const auto& wire : {MaskOf(inspection::v1::MASK_ENCODING_PNG8, 3, 2, bytes),
                           MaskOf(inspection::v1::MASK_ENCODING_PNG1, 3, 2, bits)}) {
    const auto mask = DecodeMask(wire);

    ASSERT_TRUE(mask.ok()) << mask.status();
    EXPECT_EQ(mask->width, 3);
    EXPECT_EQ(mask->height, 2);
    EXPECT_EQ(mask->values, inside);
  }
}

TEST(MaskTest, ReadsRunLengthsAsTheyAreWritten) {
  std::mt19937 random(7);
  for (const int density : {0, 1, 50, 99, 100}) {
    std::vector<uint8_t> inside(size_t{61} * 47);
    for (uint8_t& pixel : inside) pixel = static_cast<int>(random() % 100) < density ? 1 : 0;

    const auto mask = DecodeMask(MaskOf(inspection::v1::MASK_ENCODING_COCO_RLE, 61, 47, EncodeCocoRle(61, 47, inside)));

    ASSERT_TRUE(mask.ok()) << mask.status();
    EXPECT_EQ(mask->width, 61);
    EXPECT_EQ(mask->height, 47);
    EXPECT_EQ(mask->values, inside) << density << " %";
  }
}

TEST(MaskTest, ReadsWhatTheDataSetsOwnToolsWrite) {
  // 2 x 3 pixels: 1 outside, 2 inside, 3 outside, column by column.
  const auto mask = DecodeMask(MaskOf(inspection::v1::MASK_ENCODING_COCO_RLE, 2, 3, "123"));

  ASSERT_TRUE(mask.ok()) << mask.status();
  EXPECT_EQ(mask->values, (std::vector<uint8_t>{0, 0, 1, 0, 1, 0}));
}

TEST(MaskTest, RefusesWhatDoesNotFit) {
  const std::string png = Png(cv::Mat(2, 3, CV_8UC1, cv::Scalar(1)));

  for (const auto& mask : {inspection::v1::Mask(), MaskOf(inspection::v1::MASK_ENCODING_PNG8, 2, 3, png),
                           MaskOf(inspection::v1::MASK_ENCODING_PNG8, 3, 2, "no png"),
                           MaskOf(inspection::v1::MASK_ENCODING_COCO_RLE, 3, 2, "07"),
                           MaskOf(inspection::v1::MASK_ENCODING_COCO_RLE, 3, 2, "05"),
                           MaskOf(inspection::v1::MASK_ENCODING_COCO_RLE, 3, 2, "0 6"),
                           MaskOf(inspection::v1::MASK_ENCODING_COCO_RLE, 3, 2, "0o"),
                           MaskOf(inspection::v1::MASK_ENCODING_COCO_RLE, 1 << 20, 1 << 20, "0"),
                           MaskOf(static_cast<inspection::v1::MaskEncoding>(9), 3, 2, png)}) {
    EXPECT_TRUE(absl::IsInvalidArgument(DecodeMask(mask).status())) << mask.ShortDebugString();
  }
}

}  // namespace
}  // namespace bayespfl::client
