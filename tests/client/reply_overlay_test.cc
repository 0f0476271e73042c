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

template <typename Encoding, typename Map>
void SetMap(const cv::Mat& pixels, Encoding encoding, Map& map) {
  map.set_encoding(encoding);
  map.set_width(static_cast<uint32_t>(pixels.cols));
  map.set_height(static_cast<uint32_t>(pixels.rows));
  map.set_data(Encoded(pixels));
}

// A reply about a picture of 8 x 6 pixels, defective in its right half.
inspection::v1::InspectResponse Reply(const cv::Mat& picture) {
  cv::Mat map(6, 8, CV_8UC1, cv::Scalar(0));
  map(cv::Rect(4, 0, 4, 6)) = 255;
  inspection::v1::InspectResponse reply;
  reply.set_category("nut");
  reply.set_verdict(inspection::v1::VERDICT_FAIL);
  reply.set_decided_by(inspection::v1::DECISION_RULE_SCORE);
  reply.set_score(0.9F);
  reply.set_map_score(0.8F);
  reply.mutable_thresholds()->set_mask(0.5F);
  SetMap(map, inspection::v1::MAP_ENCODING_PNG8, *reply.mutable_anomaly_map());
  SetMap(map, inspection::v1::MASK_ENCODING_PNG8, *reply.mutable_mask());
  reply.mutable_inspected_picture()->set_encoding(inspection::v1::PICTURE_ENCODING_PNG);
  reply.mutable_inspected_picture()->set_data(Encoded(picture));
  return reply;
}

inspection::v1::InspectResponse GrayReply() { return Reply(cv::Mat(6, 8, CV_8UC3, cv::Scalar::all(9))); }

TEST(ReplyOverlayTest, DrawsWhatTheReplySaysOnThePictureAsItWasInspected) {
  const cv::Mat picture(6, 8, CV_8UC3, cv::Scalar(18, 117, 195));
  PixelMap map{.width = 8, .height = 6, .values = std::vector<float>(48)};
  std::vector<uint8_t> inside(48);
  for (size_t i = 0; i < 48; ++i) {
    inside[i] = i % 8 < 4 ? 0 : 1;
    map.values[i] = inside[i];
  }

  const auto overlay = ReplyOverlay(Reply(picture));

  ASSERT_TRUE(overlay.ok()) << overlay.status();
  const auto expected = DrawOverlay(Decoded(Encoded(picture)), map, {.width = 8, .height = 6, .values = inside},
                                    {.category = "nut",
                                     .decision = {.verdict = Verdict::kFail, .rule = DecisionRule::kScore},
                                     .score = 0.9F,
                                     .map_score = 0.8F,
                                     .mask_threshold = 0.5F});
  EXPECT_EQ(Decoded(*overlay).pixels, expected.value().pixels);
}

TEST(ReplyOverlayTest, SaysWhyTheInspectedPictureCannotBeRead) {
  inspection::v1::InspectResponse damaged = GrayReply();
  damaged.mutable_inspected_picture()->set_data("no picture");
  inspection::v1::InspectResponse absent = GrayReply();
  absent.clear_inspected_picture();

  const absl::Status status = ReplyOverlay(damaged).status();

  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("no overlay: the inspected picture of the reply: unsupported image format"));
  EXPECT_EQ(ReplyOverlay(absent).status().message(), "no overlay: the reply carries no inspected picture");
}

TEST(ReplyOverlayTest, RefusesRepliesWithoutMapOrMask) {
  inspection::v1::InspectResponse no_map = GrayReply();
  no_map.clear_anomaly_map();
  inspection::v1::InspectResponse no_mask = GrayReply();
  no_mask.clear_mask();

  EXPECT_TRUE(absl::IsInvalidArgument(ReplyOverlay(no_map).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ReplyOverlay(no_mask).status()));
}

}  // namespace
}  // namespace bayespfl::client
