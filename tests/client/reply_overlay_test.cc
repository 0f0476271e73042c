#include "client/cpp/reply_overlay.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>

#include "model/image/decode.h"
#include "model/overlay/overlay.h"

namespace bayespfl::client {
namespace {

using ::testing::HasSubstr;

std::string Encoded(const cv::Mat& pixels) {
  std::vector<uchar> bytes;
  cv::imencode(".png", pixels, bytes);
  return {bytes.begin(), bytes.end()};
}

RgbImage Decoded(const std::string& bytes) {
  const auto picture = DecodeImage({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  EXPECT_TRUE(picture.ok()) << picture.status();
  return picture.value_or(RgbImage());
}

void SetMap(const cv::Mat& pixels, inspection::v1::PixelMap& map) {
  map.set_encoding(inspection::v1::MAP_ENCODING_PNG8);
  map.set_width(static_cast<uint32_t>(pixels.cols));
  map.set_height(static_cast<uint32_t>(pixels.rows));
  map.set_data(Encoded(pixels));
}

// A reply about a picture of 8 x 6 pixels, defective in its right half.
inspection::v1::InspectResponse Reply() {
  cv::Mat map(6, 8, CV_8UC1, cv::Scalar(0));
  map(cv::Rect(4, 0, 4, 6)) = 255;
  inspection::v1::InspectResponse reply;
  reply.set_category("nut");
  reply.set_score(0.9F);
  reply.set_map_score(0.8F);
  reply.set_mask_threshold(0.5F);
  SetMap(map, *reply.mutable_anomaly_map());
  SetMap(map, *reply.mutable_mask());
  return reply;
}

TEST(ReplyOverlayTest, DrawsWhatTheReplySaysOnThePictureAsItWasInspected) {
  // 16-bit samples: decoders differ in how they round them.
  const std::string file = Encoded(cv::Mat(6, 8, CV_16UC3, cv::Scalar(4660, 30000, 50000)));
  PixelMap map{.width = 8, .height = 6, .values = std::vector<float>(48)};
  std::vector<uint8_t> inside(48);
  for (size_t i = 0; i < 48; ++i) {
    inside[i] = i % 8 < 4 ? 0 : 1;
    map.values[i] = inside[i];
  }

  const auto overlay = ReplyOverlay(file, Reply());

  ASSERT_TRUE(overlay.ok()) << overlay.status();
  const auto expected = DrawOverlay(Decoded(file), map, {.width = 8, .height = 6, .values = inside},
                                    {.category = "nut", .score = 0.9F, .map_score = 0.8F, .mask_threshold = 0.5F});
  EXPECT_EQ(Decoded(*overlay).pixels, expected.value().pixels);
}

TEST(ReplyOverlayTest, SaysWhyAPictureCannotBeRead) {
  const absl::Status status = ReplyOverlay("no picture", Reply()).status();

  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("no overlay: unsupported image format"));
  EXPECT_TRUE(absl::IsInvalidArgument(ReplyOverlay("", Reply()).status()));
}

TEST(ReplyOverlayTest, RefusesRepliesWithoutMapOrMask) {
  const std::string file = Encoded(cv::Mat(6, 8, CV_8UC3, cv::Scalar::all(9)));
  inspection::v1::InspectResponse no_map = Reply();
  no_map.clear_anomaly_map();
  inspection::v1::InspectResponse no_mask = Reply();
  no_mask.clear_mask();

  EXPECT_TRUE(absl::IsInvalidArgument(ReplyOverlay(file, no_map).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ReplyOverlay(file, no_mask).status()));
}

}  // namespace
}  // namespace bayespfl::client
