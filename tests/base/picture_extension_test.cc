#include "base/picture_extension.h"

#include "gtest/gtest.h"

namespace bayespfl {
namespace {

TEST(PictureExtensionTest, KnowsTheFormatsThatCanBeDecoded) {
  for (const char* file : {"a.jpg", "a.jpeg", "a.png", "a.bmp", "a.tif", "a.tiff", "a.webp"}) {
    EXPECT_TRUE(HasPictureExtension(file)) << file;
  }
}

TEST(PictureExtensionTest, CaseAndFoldersDoNotCount) {
  EXPECT_TRUE(HasPictureExtension("line.1/Frame 7.JPeG"));
  EXPECT_FALSE(HasPictureExtension("frames.png/notes.txt"));
}

TEST(PictureExtensionTest, OnlyTheLastEndingCounts) {
  EXPECT_TRUE(HasPictureExtension("a.txt.png"));
  EXPECT_FALSE(HasPictureExtension("a.png.txt"));
  EXPECT_FALSE(HasPictureExtension("a.pngx"));
}

TEST(PictureExtensionTest, ANameThatIsNothingButAnEndingHasNone) {
  EXPECT_FALSE(HasPictureExtension(".png"));
  EXPECT_FALSE(HasPictureExtension("png"));
  EXPECT_FALSE(HasPictureExtension(""));
}

}  // namespace
}  // namespace bayespfl
