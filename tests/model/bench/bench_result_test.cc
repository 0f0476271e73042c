#include "model/bench/bench_result.h"

#include <limits>

#include "gtest/gtest.h"

namespace bayespfl {
namespace {

// A run whose stages take 1, 2, 3, 4 and 5 times `unit` seconds.
BenchRun Run(double unit) {
  return {.seconds = {.preprocess = unit,
                      .vision = 2 * unit,
                      .prompts = 3 * unit,
                      .detect = 4 * unit,
                      .postprocess = 5 * unit},
          .processor_seconds = 100 * unit};
}

CaseResult Case(int frames, int samples, const BenchForm& form, std::vector<BenchRun> runs) {
  CaseResult result = {.measured = {.frames = frames, .samples = samples, .form = form}, .runs = std::move(runs)};
  result.flop.vision.linear = 600;
  result.flop.prompts.linear = 300;
  result.flop.detect.logits = 60;
  return result;
}

const BenchForm kShared = {.kernels = {}, .prompts = PromptForm::kShared};

// Two batches, each in two forms.
SizeResult Size() {
  SizeResult size;
  size.peak = {1000, 4000, 2000};
  size.gemms = {{.form = LinearForm::kTorch, .rates = {500, 700, 600}},
                {.form = LinearForm::kOneDnn, .rates = {800, 100, 100}}};
  size.cases = {Case(1, 2, BenchForm(), {Run(1), Run(9), Run(2)}), Case(1, 2, kShared, {Run(1), Run(1), Run(3)}),
                Case(4, 2, BenchForm(), {Run(8)}), Case(4, 2, kShared, {Run(2)})};
  return size;
}

TEST(MedianTest, IsTheMiddleOrTheMeanOfTheTwo) {
  EXPECT_EQ(Median({5}), 5);
  EXPECT_EQ(Median({9, 1, 2}), 2);
  EXPECT_EQ(Median({4, 1, 100, 2}), 3);
}

TEST(FiguresTest, TimesAreMediansAndTheTotalIsTheirSum) {
  const CaseFigures figures = FiguresOf(Size(), 0);
  EXPECT_EQ(figures.seconds.preprocess, 2);
  EXPECT_EQ(figures.seconds.vision, 4);
  EXPECT_EQ(figures.seconds.prompts, 6);
  EXPECT_EQ(figures.seconds.detect, 8);
  EXPECT_EQ(figures.seconds.postprocess, 10);
  EXPECT_EQ(figures.total_seconds, 30);
  EXPECT_EQ(figures.processor_seconds, 200);
}

TEST(FiguresTest, ARateIsOperationsOverTime) {
  const CaseFigures figures = FiguresOf(Size(), 0);
  EXPECT_DOUBLE_EQ(figures.rate.vision, 600.0 / 4);
  EXPECT_DOUBLE_EQ(figures.rate.prompts, 300.0 / 6);
  EXPECT_DOUBLE_EQ(figures.rate.detect, 60.0 / 8);
  EXPECT_DOUBLE_EQ(figures.rate.total, 960.0 / 30);
}

TEST(FiguresTest, SharesAreOfTheMedianPeakAndOfTheFastestForm) {
  EXPECT_EQ(GemmRate(Size(), Precision::kFp32), 600);
  const CaseFigures figures = FiguresOf(Size(), 0);
  EXPECT_DOUBLE_EQ(figures.peak_share.vision, 150.0 / 2000);
  EXPECT_DOUBLE_EQ(figures.peak_share.total, 32.0 / 2000);
  EXPECT_DOUBLE_EQ(figures.gemm_share.prompts, 50.0 / 600);
  EXPECT_DOUBLE_EQ(figures.gemm_share.total, 32.0 / 600);
}

TEST(FiguresTest, AFormIsComparedWithThePlainOneOfItsOwnBatch) {
  const SizeResult size = Size();
  EXPECT_EQ(FiguresOf(size, 0).speed_up.total, 1);
  EXPECT_EQ(FiguresOf(size, 1).speed_up.total, 2);
  EXPECT_EQ(FiguresOf(size, 2).speed_up.vision, 1);
  EXPECT_EQ(FiguresOf(size, 3).speed_up.vision, 4);
}

TEST(FiguresTest, ABatchGivesItsFramesInItsTime) {
  EXPECT_DOUBLE_EQ(FiguresOf(Size(), 0).frames_per_second, 1.0 / 30);
  EXPECT_DOUBLE_EQ(FiguresOf(Size(), 3).frames_per_second, 4.0 / 30);
}

TEST(FiguresTest, AMatrixProductIsComparedWithinItsPrecision) {
  SizeResult size = Size();
  size.gemms.push_back({.form = LinearForm::kTorch, .precision = Precision::kBf16, .rates = {9000}});
  EXPECT_EQ(GemmRate(size, Precision::kFp32), 600);
  EXPECT_EQ(GemmRate(size, Precision::kBf16), 9000);
  size.cases[1].measured.form.precision = Precision::kBf16;
  EXPECT_DOUBLE_EQ(FiguresOf(size, 1).gemm_share.vision, 600.0 / 2 / 9000);
}

struct Agreement {
  Precision precision = Precision::kFp32;
  Difference difference = {};
  bool agrees = false;
};

TEST(FiguresTest, EveryPrecisionHasItsTolerance) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  for (const Agreement& expected : std::vector<Agreement>{{Precision::kFp32, {1e-5, 1, 0}, true},
                                                          {Precision::kFp32, {1.01e-5, 0, 1}, false},
                                                          {Precision::kFp32, {kInfinity, 0, 1}, false},
                                                          {Precision::kBf16, {5e-3, 2e-2, 0}, true},
                                                          {Precision::kBf16, {5.1e-3, 0, 1}, false},
                                                          {Precision::kBf16, {0, 2.1e-2, 1}, false},
                                                          {Precision::kFp16, {2e-3, 5e-3, 0}, true},
                                                          {Precision::kFp16, {2.1e-3, 0, 1}, false},
                                                          {Precision::kFp16, {0, 5.1e-3, 1}, false},
                                                          {Precision::kInt8, {2e-2, 1, 0.99}, true},
                                                          {Precision::kInt8, {2.1e-2, 0, 1}, false},
                                                          {Precision::kInt8, {0, 0, 0.989}, false},
                                                          {Precision::kInt8, {0, 0, kNaN}, false}}) {
    BenchReport report;
    report.sizes = {Size(), Size()};
    report.sizes[1].cases[3].measured.form.precision = expected.precision;
    report.sizes[1].cases[3].difference = expected.difference;
    SCOPED_TRACE(PrecisionName(expected.precision));
    EXPECT_EQ(FiguresOf(report.sizes[1], 3).agrees, expected.agrees) << expected.difference.score;
    EXPECT_EQ(AllAgree(report), expected.agrees);
  }
}

}  // namespace
}  // namespace bayespfl
