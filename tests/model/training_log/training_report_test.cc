#include "model/training_log/training_report.h"

#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bayespfl {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

EpochRecord Epoch(int64_t number) {
  return {.epoch = number,
          .stage = number > 2 ? 2 : 1,
          .loss = {.cross_entropy = 0.5, .focal = 1.25, .dice = 2.5, .kl = -0.125, .orthogonality = 0.75, .total = 5},
          .validation = {.pixel_ap = 0.4321, .image_ap = 0.8765},
          .kept = number == 2};
}

TEST(TrainingReportTest, HasARowForEachEpochWithItsLossesAndScores) {
  const std::string html = TrainingReportHtml({.title = "run", .epochs = {Epoch(1), Epoch(2), Epoch(3)}});

  EXPECT_THAT(html,
              HasSubstr("<tr><td>2</td><td>1</td><td>5.0000</td><td>0.5000</td><td>1.2500</td><td>2.5000</td>"
                        "<td>-0.1250</td><td>0.7500</td><td>0.4321</td><td>0.8765</td><td>best so far</td></tr>"));
  EXPECT_THAT(html, HasSubstr("<tr><td>3</td><td>2</td><td>5.0000</td><td>0.5000</td><td></td><td></td><td></td>"));
}

// From -0.125 to 0.75.
TEST(TrainingReportTest, ALossBelow0LiesInsideItsPlotWhoseTicksAreShortNumbers) {
  const std::string html = TrainingReportHtml({.title = "run", .epochs = {Epoch(1), Epoch(2)}});

  const size_t plot = html.find("aria-label=\"Of the prompts\"");
  ASSERT_NE(plot, std::string::npos);
  const std::string svg = html.substr(plot, html.find("</svg>", plot) - plot);
  for (const char* tick : {"-0.2", "0", "0.2", "0.4", "0.6", "0.8"}) {
    EXPECT_THAT(svg, HasSubstr(absl::StrCat("text-anchor=\"end\">", tick, "</text>")));
  }
}

TEST(TrainingReportTest, ARunWithoutEpochsAndOneWithoutNumbersArePagesToo) {
  EpochRecord broken = Epoch(1);
  broken.loss.total = std::numeric_limits<double>::quiet_NaN();

  EXPECT_THAT(TrainingReportHtml({.title = "empty"}), HasSubstr("undefined"));
  const std::string html = TrainingReportHtml({.title = "broken", .epochs = {broken}});
  EXPECT_THAT(html.substr(html.find("<svg class=\"plot\"")), Not(HasSubstr("Mnan")));
}

TEST(TrainingReportTest, TextIsEscaped) {
  const std::string html = TrainingReportHtml({.title = "a<b",
                                               .facts = {{"data", "<i>x</i>"}},
                                               .pictures = {{.caption = "\"1\" & 2", .jpeg = "jpeg"}},
                                               .notes = {"1 < 2"}});

  EXPECT_THAT(html, HasSubstr("<title>a&lt;b</title>"));
  EXPECT_THAT(html, HasSubstr("<dd>&lt;i&gt;x&lt;/i&gt;</dd>"));
  EXPECT_THAT(html, HasSubstr("<li>1 &lt; 2</li>"));
  EXPECT_THAT(html, HasSubstr("src=\"data:image/jpeg;base64,anBlZw==\""));
  EXPECT_THAT(html, HasSubstr("&amp; 2</figcaption>"));
}

}  // namespace
}  // namespace bayespfl
