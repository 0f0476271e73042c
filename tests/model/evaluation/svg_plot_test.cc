#include "model/evaluation/svg_plot.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bayespfl {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const PlotFrame kFrame = {.title = "ROC", .x_label = "false positives", .y_label = "true positives"};

// The path of the first element with the class.
std::string PathOf(const std::string& svg, const std::string& css) {
  const std::string begin = "<path class=\"" + css + "\" d=\"";
  const size_t at = svg.find(begin);
  if (at == std::string::npos) return "";
  return svg.substr(at + begin.size(), svg.find('"', at + begin.size()) - at - begin.size());
}

TEST(EscapeMarkupTest, EscapesWhatEndsTextAndAttributes) {
  EXPECT_EQ(EscapeMarkup("<b>&\"x'"), "&lt;b&gt;&amp;&quot;x&#39;");
  EXPECT_EQ(EscapeMarkup("metal nut ü"), "metal nut ü");
}

TEST(CurvePlotTest, DrawsEachSeriesWithItsLegend) {
  const std::string svg = CurvePlot(kFrame, {{"first", {{0, 0}, {1, 1}}}, {"second", {{0, 1}, {1, 0}}}}, false);
  EXPECT_THAT(svg, AllOf(HasSubstr(">ROC</text>"), HasSubstr(">false positives</text>"),
                         HasSubstr(">true positives</text>"), HasSubstr(">first</text>"), HasSubstr(">second</text>"),
                         Not(HasSubstr("undefined")), Not(HasSubstr("class=\"chance\""))));
  // The plot's corners, in the units of the view box.
  EXPECT_EQ(PathOf(svg, "line-0"), "M44.0 206.0L310.0 28.0");
  EXPECT_EQ(PathOf(svg, "line-1"), "M44.0 28.0L310.0 206.0");
}

TEST(CurvePlotTest, ScalesToTheEndOfTheAxis) {
  PlotFrame frame = kFrame;
  frame.x_max = 0.3;
  const std::string svg = CurvePlot(frame, {{"first", {{0, 0}, {0.3, 1}}}}, false);
  EXPECT_EQ(PathOf(svg, "line-0"), "M44.0 206.0L310.0 28.0");
  EXPECT_THAT(svg, HasSubstr(">0.3</text>"));
}

TEST(CurvePlotTest, DrawsChanceWhereItIsAskedFor) {
  EXPECT_EQ(PathOf(CurvePlot(kFrame, {}, true), "chance"), "M44.0 206.0L310.0 28.0");
}

TEST(CurvePlotTest, SaysThatACurveIsUndefined) {
  EXPECT_THAT(CurvePlot(kFrame, {{"first", {}}}, false),
              AllOf(HasSubstr(">undefined</text>"), Not(HasSubstr("first"))));
}

TEST(CurvePlotTest, KeepsASeriesStyleWhenOneBeforeItIsEmpty) {
  const std::string svg = CurvePlot(kFrame, {{"first", {}}, {"second", {{0, 0}, {1, 1}}}}, false);
  EXPECT_THAT(svg, AllOf(HasSubstr("line-1"), Not(HasSubstr("line-0")), Not(HasSubstr("undefined"))));
}

TEST(CurvePlotTest, LeavesOutPointsThatNobodyCouldSeeButNeverTheEnds) {
  std::vector<CurvePoint> points;
  for (int i = 0; i <= 100000; ++i) points.push_back({i / 100000.0, i / 100000.0});
  const std::string path = PathOf(CurvePlot(kFrame, {{"first", points}}, false), "line-0");
  EXPECT_LT(path.size(), 60000U);
  EXPECT_THAT(path, AllOf(::testing::StartsWith("M44.0 206.0L"), ::testing::EndsWith("L310.0 28.0")));
}

TEST(CurvePlotTest, EscapesEveryText) {
  const PlotFrame frame = {.title = "<t>", .x_label = "<x>", .y_label = "<y>"};
  const std::string svg = CurvePlot(frame, {{"<l>", {{0, 0}, {1, 1}}}}, false);
  for (const char* text : {"<t>", "<x>", "<y>", "<l>"}) EXPECT_THAT(svg, Not(HasSubstr(text)));
  for (const char* text : {"&lt;t&gt;", "&lt;x&gt;", "&lt;y&gt;", "&lt;l&gt;"}) EXPECT_THAT(svg, HasSubstr(text));
}

TEST(HistogramPlotTest, HeightsAreSharesOfTheirOwnClass) {
  // One value against three, all in one bin each: the same height.
  const std::string svg = HistogramPlot(kFrame, {0.0}, {1.0, 1.0, 1.0});
  EXPECT_THAT(PathOf(svg, "bar-0"), ::testing::StartsWith("M44.0 206.0V28.0H"));
  EXPECT_THAT(PathOf(svg, "bar-1"), ::testing::EndsWith("V28.0H310.0V206.0Z"));
  EXPECT_THAT(svg, AllOf(HasSubstr(">normal (1)</text>"), HasSubstr(">anomalous (3)</text>")));
}

TEST(HistogramPlotTest, StretchesItsHeightToTheHighestBar) {
  std::vector<double> spread;
  for (int i = 0; i < 25; ++i) spread.push_back((i + 0.5) / 25);  // 4 % in each bin
  EXPECT_THAT(HistogramPlot(kFrame, spread, spread), HasSubstr(">0.1</text>"));
  EXPECT_THAT(HistogramPlot(kFrame, {0.1, 0.9}, {}), HasSubstr(">0.5</text>"));
}

TEST(HistogramPlotTest, LeavesOutAClassWithoutValues) {
  const std::string svg = HistogramPlot(kFrame, {}, {0.5});
  EXPECT_THAT(svg, AllOf(Not(HasSubstr("bar-0")), Not(HasSubstr(">normal (")), HasSubstr("anomalous (1)")));
}

}  // namespace
}  // namespace bayespfl
