#include "model/overlay/overlay.h"

#include <cmath>
#include <cstdint>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "model/overlay/layout.h"
#include "model/overlay/painting.h"

namespace bayespfl {
namespace {

using overlay_internal::LayOut;
using overlay_internal::OverlayLayout;

const cv::Scalar kGray(120, 120, 120);

// A gray picture; the map is 1 in `hot` and 0 elsewhere, the mask is `hot`. Matrices of colours are R, G, B.
struct Scene {
  explicit Scene(cv::Size size, cv::Rect hot_area = {})
      : picture(size, CV_8UC3, kGray), map(size, CV_32FC1, cv::Scalar(0)), mask(size, CV_8UC1, cv::Scalar(0)) {
    map(hot_area) = 1.0F;
    mask(hot_area) = 255;
  }
  cv::Mat Render(const OverlayText& text) const {
    const RgbImage image{.width = picture.cols, .height = picture.rows, .pixels = {picture.datastart, picture.dataend}};
    const PixelMap values{
        .width = map.cols, .height = map.rows, .values = std::vector<float>(map.begin<float>(), map.end<float>())};
    const MaskView inside{.width = mask.cols, .height = mask.rows, .values = {mask.data, mask.total()}};
    const auto overlay = DrawOverlay(image, values, inside, text);
    EXPECT_TRUE(overlay.ok()) << overlay.status();
    if (!overlay.ok()) return {};
    return overlay_internal::Borrow(*overlay).clone();
  }
  cv::Mat Render(float threshold = 0.5F) const {
    return Render({.category = "metal nut", .score = 0.9F, .map_score = 0.8F, .mask_threshold = threshold});
  }
  cv::Mat picture;
  cv::Mat map;
  cv::Mat mask;
};

cv::Vec3b Inferno(int level) {
  const cv::Mat gray(1, 1, CV_8UC1, cv::Scalar(level));
  cv::Mat bgr;
  cv::applyColorMap(gray, bgr, cv::COLORMAP_INFERNO);
  const auto& pixel = bgr.at<cv::Vec3b>(0);
  return {pixel[2], pixel[1], pixel[0]};
}

int Lightness(const cv::Vec3b& pixel) { return pixel[0] + pixel[1] + pixel[2]; }

TEST(OverlayTest, LeavesGoodAreasAsTheyAre) {
  const Scene scene({512, 512}, {200, 200, 100, 100});

  const cv::Mat overlay = scene.Render();

  EXPECT_EQ(overlay.at<cv::Vec3b>(20, 20), cv::Vec3b(120, 120, 120));
  EXPECT_EQ(overlay.at<cv::Vec3b>(400, 250), cv::Vec3b(120, 120, 120));
}

TEST(OverlayTest, BlendsTheMapsColoursInProportion) {
  Scene scene({512, 512});
  scene.map = 0.5F;

  const cv::Mat overlay = scene.Render();

  const cv::Vec3b colour = Inferno(128);
  const auto& pixel = overlay.at<cv::Vec3b>(256, 256);
  for (int c = 0; c < 3; ++c) EXPECT_NEAR(pixel[c], 0.6 * 120 + 0.4 * colour[c], 3);
}

TEST(OverlayTest, OutlinesTheMaskInBlackAndWhite) {
  const Scene scene({512, 512}, {200, 200, 100, 100});

  const cv::Mat overlay = scene.Render();

  const int y = 250;  // across the left edge, far from corners
  EXPECT_LT(Lightness(overlay.at<cv::Vec3b>(y, 200)), 180);
  EXPECT_GT(Lightness(overlay.at<cv::Vec3b>(y, 199)), 560);
  EXPECT_GT(Lightness(overlay.at<cv::Vec3b>(y, 201)), 560);
  EXPECT_EQ(overlay.at<cv::Vec3b>(y, 190), cv::Vec3b(120, 120, 120));
  EXPECT_EQ(overlay.at<cv::Vec3b>(y, 220), overlay.at<cv::Vec3b>(y, 250));  // inside: colours only
}

TEST(OverlayTest, OutlinesHolesToo) {
  Scene scene({512, 512}, {100, 100, 300, 300});
  scene.mask(cv::Rect(200, 200, 100, 100)) = 0;

  const cv::Mat overlay = scene.Render();

  EXPECT_LT(Lightness(overlay.at<cv::Vec3b>(250, 199)), 180);
}

TEST(OverlayTest, DrawsTheColourBarFromZeroToOne) {
  const Scene scene({512, 512});
  const OverlayLayout layout = LayOut({512, 512});

  const cv::Mat overlay = scene.Render(0.5F);

  const int x = layout.bar.x + layout.bar.width / 2;
  EXPECT_EQ(overlay.at<cv::Vec3b>(layout.bar.y, x), Inferno(255));
  EXPECT_EQ(overlay.at<cv::Vec3b>(layout.bar.br().y - 1, x), Inferno(0));
}

TEST(OverlayTest, MarksTheThresholdOnTheBar) {
  const OverlayLayout layout = LayOut({512, 512});
  const int x = layout.bar.x + layout.bar.width / 2;
  for (const float threshold : {0.0F, 0.25F, 0.9F, 1.0F}) {
    const cv::Mat overlay = Scene({512, 512}).Render(threshold);

    const int y = layout.bar.y + static_cast<int>(std::lround((1.0 - threshold) * (layout.bar.height - 1)));
    EXPECT_EQ(overlay.at<cv::Vec3b>(y, x), cv::Vec3b(0, 0, 0)) << threshold;
    EXPECT_EQ(overlay.at<cv::Vec3b>(y - 1, x), cv::Vec3b(255, 255, 255)) << threshold;
    EXPECT_GT(Lightness(overlay.at<cv::Vec3b>(y, layout.bar.x - 4)), 600) << threshold;  // the arrow
  }
}

TEST(OverlayTest, WritesACaptionThatStaysInside) {
  const OverlayLayout layout = LayOut({64, 64});

  const cv::Mat overlay =
      Scene({64, 64}).Render({.category = std::string(256, 'W'),
                              .decision = {.verdict = Verdict::kReview, .rule = DecisionRule::kRegionArea},
                              .score = 1.0F,
                              .map_score = 1.0F,
                              .mask_threshold = 0.0F});

  const cv::Mat caption = overlay(layout.caption);
  const auto& background = caption.at<cv::Vec3b>(0, 0);
  cv::Mat ink;
  cv::inRange(caption, background, background, ink);
  ink = ~ink;
  EXPECT_GT(cv::countNonZero(ink), 300);
  EXPECT_EQ(cv::countNonZero(ink.col(0)) + cv::countNonZero(ink.col(ink.cols - 1)), 0);
}

// Pixels of the caption that are not as in another one.
int Changed(const cv::Mat& overlay, const cv::Mat& other) {
  const cv::Rect caption = LayOut({512, 512}).caption;
  cv::Mat difference;
  cv::absdiff(overlay(caption), other(caption), difference);
  return cv::countNonZero(difference.reshape(1));
}

TEST(OverlayTest, TheCaptionTellsVerdictAndRule) {
  const Scene scene({512, 512});
  OverlayText text{.category = "nut", .score = 0.9F, .map_score = 0.8F, .mask_threshold = 0.5F};
  const cv::Mat none = scene.Render(text);
  text.decision = {.verdict = Verdict::kPass, .rule = std::nullopt};
  const cv::Mat pass = scene.Render(text);
  text.decision = {.verdict = Verdict::kFail, .rule = DecisionRule::kScore};
  const cv::Mat by_score = scene.Render(text);
  text.decision.rule = DecisionRule::kRegionArea;
  const cv::Mat by_area = scene.Render(text);

  EXPECT_GT(Changed(pass, none), 100);
  EXPECT_GT(Changed(by_score, pass), 100);
  EXPECT_GT(Changed(by_area, by_score), 100);
}

TEST(OverlayTest, ALongCategoryLeavesTheVerdictItsPlace) {
  OverlayText text{.category = std::string(256, 'W'), .score = 1, .map_score = 1, .mask_threshold = 0.5F};
  const cv::Mat none = Scene({512, 512}).Render(text);
  text.decision = {.verdict = Verdict::kReview, .rule = DecisionRule::kRegionArea};
  const cv::Mat review = Scene({512, 512}).Render(text);
  text.category = std::string(200, 'W');
  const cv::Mat shorter = Scene({512, 512}).Render(text);

  EXPECT_GT(Changed(review, none), 100);
  EXPECT_EQ(Changed(shorter, review), 0);
}

TEST(OverlayTest, StretchesMapsOfTheModelsSize) {
  Scene scene({800, 600});
  scene.map = cv::Mat(16, 16, CV_32FC1, cv::Scalar(0));
  scene.map(cv::Rect(8, 0, 8, 16)) = 1.0F;
  scene.mask = scene.map > 0.5;

  const cv::Mat overlay = scene.Render();

  EXPECT_EQ(overlay.size(), LayOut({800, 600}).size);
  EXPECT_EQ(overlay.at<cv::Vec3b>(300, 100), cv::Vec3b(120, 120, 120));
  EXPECT_GT(overlay.at<cv::Vec3b>(300, 700)[0], 200);  // bright and warm
}

TEST(OverlayTest, KeepsTheOrderOfThePicturesColours) {
  Scene scene({512, 512});
  scene.picture = cv::Scalar(200, 100, 50);

  EXPECT_EQ(scene.Render().at<cv::Vec3b>(256, 256), cv::Vec3b(200, 100, 50));
}

TEST(OverlayTest, WithoutAMaskThereIsNoOutline) {
  Scene scene({512, 512});
  scene.mask = cv::Mat();

  const cv::Mat overlay = scene.Render();

  const cv::Mat shown = overlay(LayOut({512, 512}).picture).clone();
  EXPECT_EQ(cv::countNonZero(shown.reshape(1) != 120), 0);
}

TEST(OverlayTest, RefusesWhatDoesNotFit) {
  const RgbImage picture{.width = 2, .height = 1, .pixels = std::vector<uint8_t>(6)};
  const PixelMap map{.width = 2, .height = 1, .values = {0, 1}};
  const std::vector<uint8_t> mask = {0, 1};
  const auto code = [](const RgbImage& image, const PixelMap& values, const MaskView& inside) {
    return DrawOverlay(image, values, inside, {}).status().code();
  };

  EXPECT_EQ(code(picture, map, {2, 1, mask}), absl::StatusCode::kOk);
  EXPECT_EQ(code({}, map, {2, 1, mask}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({2, 2, picture.pixels}, map, {2, 1, mask}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(picture, {}, {2, 1, mask}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(picture, {2, 2, map.values}, {2, 1, mask}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(picture, map, {2, 2, mask}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(picture, map, {-2, -1, mask}), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace bayespfl
