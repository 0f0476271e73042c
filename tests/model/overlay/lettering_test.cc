#include "model/overlay/lettering.h"

#include <string>

#include "gtest/gtest.h"

namespace bayespfl::overlay_internal {
namespace {

TEST(DrawableTextTest, SpellsLatinLettersAndReplacesTheRest) {
  EXPECT_EQ(DrawableText("gr\xC3\xB6\xC3\x9F"
                         "e \xC3\x84 \xC3\xA9"),
            "groesse Ae e");
  EXPECT_EQ(DrawableText("\xE8\x9E\xBA\xE6\xAF\x8D nut\n"), "?? nut?");
}

TEST(FitTest, CutsWithDotsWhatIsTooWide) {
  const Lettering whole{.words = "perforated sheet", .scale = 0.5};

  const Lettering cut = Fit(whole, 60);

  EXPECT_EQ(Fit(whole, whole.Width()).words, whole.words);
  EXPECT_LE(cut.Width(), 60);
  EXPECT_GT(cut.Width(), 45);
  EXPECT_EQ(cut.words.substr(cut.words.size() - 3), "...");
  EXPECT_EQ(whole.words.rfind(cut.words.substr(0, cut.words.size() - 3), 0), 0U);
}

}  // namespace
}  // namespace bayespfl::overlay_internal
