#include "model/overlay/output_names.h"

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

using ::testing::SizeIs;
namespace fs = std::filesystem;

TEST(OutputNamesTest, FollowTheInputsFolders) {
  OutputNames names("out");

  const OutputFiles files = names.For("nuts/001.png");

  EXPECT_EQ(files.overlay, fs::path("out/nuts/001_overlay.png"));
  EXPECT_EQ(files.mask, fs::path("out/nuts/001_mask.png"));
}

TEST(OutputNamesTest, NumberWhatWouldCollide) {
  OutputNames names("out");

  EXPECT_EQ(names.For("a.png").mask, fs::path("out/a_mask.png"));
  EXPECT_EQ(names.For("a-2.png").mask, fs::path("out/a-2_mask.png"));
  EXPECT_EQ(names.For("a.jpg").mask, fs::path("out/a-3_mask.png"));
  EXPECT_EQ(names.For("A.png").mask, fs::path("out/A-4_mask.png"));  // the same file on some systems
}

TEST(OutputNamesTest, NeverLeaveTheFolder) {
  for (const char* name : {"../a.png", "/etc/a.png", "x/../../../a.png", "../../..", "..", "/", "", ".", "./../.png"}) {
    OutputNames names("out");

    const fs::path mask = names.For(name).mask;

    const fs::path inside = mask.lexically_normal().lexically_relative("out");
    EXPECT_FALSE(inside.empty()) << name;
    EXPECT_NE(*inside.begin(), fs::path("..")) << name << " became " << mask;
  }
}

TEST(OutputNamesTest, ReplaceControlCharactersAndBackslashes) {
  OutputNames names("out");

  EXPECT_EQ(names.For("a\n\x1b\\b.png").mask, fs::path("out/a___b_mask.png"));
}

TEST(OutputNamesTest, CutLongNamesBetweenCharacters) {
  OutputNames names("out");
  std::string name = "x";
  for (int i = 0; i < 120; ++i) name += "\xC3\xA4";  // 241 bytes

  const std::string first = names.For(name + ".png").mask.filename().string();
  const std::string second = names.For(name + "y.png").mask.filename().string();

  EXPECT_THAT(first, SizeIs(199 + 9));
  EXPECT_NE(first, second);
}

TEST(OutputNamesTest, SpareTheInputsThemselves) {
  const testing::TemporaryFolder temporary;
  const fs::path folder = temporary.path();
  OutputNames names(folder);
  names.Protect(folder / "a.png");
  names.Protect(folder / "." / "a_mask.png");

  EXPECT_EQ(names.For("a.png").mask, folder / "a-2_mask.png");
}

}  // namespace
}  // namespace bayespfl
