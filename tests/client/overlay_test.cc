#include "client/cpp/overlay.h"

#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

namespace bayespfl::client {
namespace {

const cv::Scalar kGray(120, 120, 120);

// A gray picture; the map is 1 in `hot` and 0 elsewhere, the mask is `hot`.
struct Scene {
  explicit Scene(cv::Size size, cv::Rect hot_area = {})
      : picture(size, CV_8UC3, kGray), map(size, CV_32FC1, cv::Scalar(0)), mask(size, CV_8UC1, cv::Scalar(0)) {
    map(hot_area) = 1.0F;
    mask(hot_area) = 255;
  }
  cv::Mat Render(float threshold = 0.5F) const {
    const auto overlay = RenderOverlay(
        picture, map, mask, {.category = "metal nut", .score = 0.9F, .map_score = 0.8F, .mask_threshold = threshold});
    EXPECT_TRUE(overlay.ok()) << overlay.status();
    return overlay.ok() ? *overlay : cv::Mat();
  }
  cv::Mat picture;
  cv::Mat map;
  cv::Mat mask;
};

cv::Vec3b Inferno(int level) {
  const cv::Mat gray(1, 1, CV_8UC1, cv::Scalar(level));
  cv::Mat colour;
  cv::applyColorMap(gray, colour, cv::COLORMAP_INFERNO);
  return colour.at<cv::Vec3b>(0);
}

int Lightness(const cv::Vec3b& pixel) { return pixel[0] + pixel[1] + pixel[2]; }

TEST(LayoutTest, KeepsTheParts) {
  for (const cv::Size size : {cv::Size(1, 1), cv::Size(224, 224), cv::Size(2000, 2000), cv::Size(8192, 64),
                              cv::Size(64, 8192), cv::Size(640, 480)}) {
    const OverlayLayout layout = LayOut(size);
    const cv::Rect canvas(cv::Point(), layout.size);

    EXPECT_EQ(layout.picture.size(), size * layout.enlargement) << size;
    for (const cv::Rect& part : {layout.picture, layout.bar, layout.caption}) EXPECT_EQ(part & canvas, part) << size;
    EXPECT_TRUE((layout.picture & layout.bar).empty());
    EXPECT_TRUE((layout.picture & layout.caption).empty());
    EXPECT_TRUE((layout.bar & layout.caption).empty());
    EXPECT_GE(layout.bar.height, 64) << size;
  }
}

TEST(LayoutTest, EnlargesSmallPicturesOnly) {
  EXPECT_EQ(LayOut({224, 224}).enlargement, 2);
  EXPECT_EQ(LayOut({56, 56}).enlargement, 8);
  EXPECT_EQ(LayOut({512, 512}).enlargement, 1);
}

TEST(LayoutTest, GrowsLinesAndLettersWithThePicture) {
  const OverlayLayout small = LayOut({224, 224});
  const OverlayLayout large = LayOut({2048, 2048});

  EXPECT_EQ(small.unit, 1);
  EXPECT_EQ(large.unit, 4);
  EXPECT_EQ(large.caption.height, 4 * small.caption.height);
  EXPECT_EQ(large.bar.width, 4 * small.bar.width);
}

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
  Scene scene({64, 64});
  const OverlayLayout layout = LayOut({64, 64});
  const auto overlay =
      RenderOverlay(scene.picture, scene.map, scene.mask,
                    {.category = std::string(256, 'W'), .score = 1.0F, .map_score = 1.0F, .mask_threshold = 0.0F});

  ASSERT_TRUE(overlay.ok()) << overlay.status();
  const cv::Mat caption = (*overlay)(layout.caption);
  const auto& background = caption.at<cv::Vec3b>(0, 0);
  cv::Mat ink;
  cv::inRange(caption, background, background, ink);
  ink = ~ink;
  EXPECT_GT(cv::countNonZero(ink), 300);
  EXPECT_EQ(cv::countNonZero(ink.col(0)) + cv::countNonZero(ink.col(ink.cols - 1)), 0);
}

TEST(OverlayTest, StretchesMapsOfTheModelsSizeAndTakesGrayPictures) {
  const cv::Mat picture(600, 800, CV_8UC1, cv::Scalar(120));
  cv::Mat map(16, 16, CV_32FC1, cv::Scalar(0));
  map(cv::Rect(8, 0, 8, 16)) = 1.0F;

  const auto overlay = RenderOverlay(picture, map, map > 0.5, {});

  ASSERT_TRUE(overlay.ok()) << overlay.status();
  EXPECT_EQ(overlay->size(), LayOut({800, 600}).size);
  EXPECT_EQ(overlay->at<cv::Vec3b>(300, 100), cv::Vec3b(120, 120, 120));
  EXPECT_GT(overlay->at<cv::Vec3b>(300, 700)[2], 200);  // bright and warm
}

TEST(OverlayTest, RefusesOtherMatrices) {
  const Scene scene({64, 64});
  const cv::Mat deep(64, 64, CV_16UC1, cv::Scalar(0));

  EXPECT_TRUE(absl::IsInvalidArgument(RenderOverlay({}, scene.map, scene.mask, {}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(RenderOverlay(deep, scene.map, scene.mask, {}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(RenderOverlay(scene.picture, scene.mask, scene.mask, {}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(RenderOverlay(scene.picture, scene.map, scene.map, {}).status()));
}

TEST(OverlayPngTest, RefusesUnreadablePicturesAndRepliesWithoutMaps) {
  std::vector<uchar> png;
  cv::imencode(".png", cv::Mat(4, 4, CV_8UC3, kGray), png);

  EXPECT_TRUE(absl::IsInvalidArgument(OverlayPng("no picture", {}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(OverlayPng("", {}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(OverlayPng(std::string(png.begin(), png.end()), {}).status()));
}

TEST(DrawableTextTest, SpellsLatinLettersAndReplacesTheRest) {
  EXPECT_EQ(DrawableText("gr\xC3\xB6\xC3\x9F"
                         "e \xC3\x84 \xC3\xA9"),
            "groesse Ae e");
  EXPECT_EQ(DrawableText("\xE8\x9E\xBA\xE6\xAF\x8D nut\n"), "?? nut?");
}

}  // namespace
}  // namespace bayespfl::client
