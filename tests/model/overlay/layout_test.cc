#include "model/overlay/layout.h"

#include <opencv2/core.hpp>

#include "gtest/gtest.h"

namespace bayespfl::overlay_internal {
namespace {

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

}  // namespace
}  // namespace bayespfl::overlay_internal
