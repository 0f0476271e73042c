#include "model/bench/bench_case.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/kernels/instruction_set.h"

namespace bayespfl {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ParseNumberListTest, TakesNumbersWithinBounds) {
  EXPECT_THAT(*ParseNumberList("1", "batch", 1, 64), ElementsAre(1));
  EXPECT_THAT(*ParseNumberList("4, 1,64", "batch", 1, 64), ElementsAre(4, 1, 64));
}

TEST(ParseNumberListTest, NamesTheEntryThatIsWrong) {
  for (const char* text : {"0", "65", "-1", "1.5", "two", "", "1,,2", "1,"}) {
    const auto parsed = ParseNumberList(text, "batch", 1, 64);
    EXPECT_THAT(parsed.status().message(), HasSubstr("is no whole number from 1 to 64")) << text;
  }
  EXPECT_THAT(ParseNumberList("1,x,2", "batch", 1, 64).status().message(), HasSubstr("the batch 'x'"));
  EXPECT_THAT(ParseNumberList("2,1,2", "batch", 1, 64).status().message(), HasSubstr("'2' is named twice"));
}

TEST(ParseKernelsListTest, TakesFormsAsTheyAreWritten) {
  const auto parsed = ParseKernelsList("linear=onednn attention=plain maps=plain,linear=onednn, attention=plain");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const NetworkKernels onednn = {.linear = LinearForm::kOneDnn, .attention = std::nullopt, .maps = std::nullopt};
  const NetworkKernels plain = {
      .linear = LinearForm::kTorch, .attention = InstructionSet::kPlain, .maps = std::nullopt};
  const NetworkKernels both = {
      .linear = LinearForm::kOneDnn, .attention = InstructionSet::kPlain, .maps = InstructionSet::kPlain};
  EXPECT_THAT(*parsed, ElementsAre(both, onednn, plain));
  EXPECT_THAT(*ParseKernelsList("auto"), ElementsAre(KernelsChoice()));
}

// A word that the network's own reader would pass over must not measure something else than what was asked for.
TEST(ParseKernelsListTest, RefusesWhatItDoesNotKnow) {
  EXPECT_THAT(ParseKernelsList("fast").status().message(), HasSubstr("'fast' is not \"auto\""));
  EXPECT_THAT(ParseKernelsList("linear=torch atention=avx2").status().message(), HasSubstr("'atention=avx2'"));
  EXPECT_THAT(ParseKernelsList("linear=mkl").status().message(), HasSubstr("linear=mkl"));
  EXPECT_THAT(ParseKernelsList("auto,").status().message(), HasSubstr("without a name"));
  EXPECT_THAT(ParseKernelsList("linear=torch,attention=torch").status().message(), HasSubstr("named twice"));
}

TEST(ParsePromptsListTest, TakesSharedAndWhole) {
  EXPECT_THAT(*ParsePromptsList("whole,shared"), ElementsAre(PromptForm::kWhole, PromptForm::kShared));
  EXPECT_THAT(ParsePromptsList("half").status().message(), AllOf(HasSubstr("'half'"), HasSubstr("\"shared\"")));
  EXPECT_THAT(ParsePromptsList("whole,whole").status().message(), HasSubstr("named twice"));
}

TEST(ParsePrecisionListTest, TakesTheNamesOfPrecisions) {
  EXPECT_THAT(*ParsePrecisionList("int8,fp32, bf16"),
              ElementsAre(Precision::kInt8, Precision::kFp32, Precision::kBf16));
  EXPECT_THAT(ParsePrecisionList("fp8").status().message(), HasSubstr("\"fp8\""));
  EXPECT_THAT(ParsePrecisionList("bf16,bf16").status().message(), HasSubstr("named twice"));
}

TEST(ParsePrecisionListTest, RefusesWhatTheProcessorDoesNotComputeIn) {
  EXPECT_THAT(ParsePrecisionList("fp32,fp16").status().message(), HasSubstr("fp16 is computed on a GPU alone"));
}

TEST(CheckImageSizeTest, TakesMultiplesOfThePatch) {
  ModelConfig config;
  config.patch_size = 14;
  EXPECT_TRUE(CheckImageSize(config, 14).ok());
  EXPECT_TRUE(CheckImageSize(config, 518).ok());
  for (const int size : {0, 7, 15, 517, 8204}) {
    const absl::Status status = CheckImageSize(config, size);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << size;
    EXPECT_THAT(status.message(), HasSubstr("multiples of its patch size 14 up to 8192")) << size;
  }
}

TEST(FormsOfTest, ThePlainFormIsTheFirstAndThereOnce) {
  const NetworkKernels plain;
  const NetworkKernels onednn = {.linear = LinearForm::kOneDnn};
  EXPECT_THAT(*FormsOf({.kernels = {onednn, plain}, .prompts = {PromptForm::kShared, PromptForm::kWhole}}),
              ElementsAre(BenchForm{plain, PromptForm::kWhole}, BenchForm{onednn, PromptForm::kShared},
                          BenchForm{onednn, PromptForm::kWhole}, BenchForm{plain, PromptForm::kShared}));
  EXPECT_THAT(*FormsOf({.kernels = {onednn}, .prompts = {PromptForm::kShared}}),
              ElementsAre(BenchForm{plain, PromptForm::kWhole}, BenchForm{onednn, PromptForm::kShared}));
}

TEST(FormsOfTest, WhatIsUsualIsSoInEachPrecision) {
  const auto forms = FormsOf({.kernels = {KernelsChoice()},
                              .prompts = {PromptForm::kShared},
                              .precisions = {Precision::kBf16, Precision::kInt8}});
  EXPECT_THAT(
      *forms,
      ElementsAre(BenchForm(), BenchForm{UsualNetworkKernels(Precision::kBf16), PromptForm::kShared, Precision::kBf16},
                  BenchForm{UsualNetworkKernels(Precision::kInt8), PromptForm::kShared, Precision::kInt8}));
}

TEST(FormsOfTest, KernelsThatAreNotOfAPrecisionAreRefused) {
  const NetworkKernels onednn = {.linear = LinearForm::kOneDnn};
  const auto forms = FormsOf({.kernels = {onednn}, .prompts = {PromptForm::kShared}, .precisions = {Precision::kInt8}});
  EXPECT_TRUE(absl::IsInvalidArgument(forms.status()));
  EXPECT_THAT(forms.status().message(), HasSubstr("linear=onednn in int8"));
}

TEST(EveryKernelsTest, HasThePlainFormEachSavingAndWhatIsUsual) {
  const std::vector<NetworkKernels> every = EveryKernels();
  EXPECT_EQ(every.front(), NetworkKernels());
  EXPECT_THAT(every, ::testing::Contains(UsualNetworkKernels()));
  EXPECT_THAT(every, ::testing::Contains(NetworkKernels{LinearForm::kOneDnn, std::nullopt, std::nullopt}));
  const InstructionSet best = InstructionSets().back();
  if (best == InstructionSet::kPlain) GTEST_SKIP() << "this processor has no form of our kernels but the plain one";
  EXPECT_THAT(every, ::testing::Contains(NetworkKernels{LinearForm::kTorch, best, std::nullopt}));
  EXPECT_THAT(every, ::testing::Contains(NetworkKernels{LinearForm::kTorch, best, best}));
}

TEST(EveryKernelsTest, ArePossibleInTheirPrecision) {
  for (const Precision precision : {Precision::kFp32, Precision::kBf16, Precision::kInt8}) {
    const std::vector<NetworkKernels> every = EveryKernels(precision);
    EXPECT_EQ(every.front(), NetworkKernels());
    EXPECT_THAT(every, ::testing::Contains(UsualNetworkKernels(precision)));
    for (const NetworkKernels& kernels : every) {
      EXPECT_TRUE(CheckPrecision(kernels, precision).ok()) << NetworkKernelsText(kernels);
    }
  }
}

TEST(CasesOfTest, TheFormChangesFastest) {
  const BenchForm plain;
  const BenchForm shared = {.kernels = {}, .prompts = PromptForm::kShared};
  const std::vector<BenchCase> cases = CasesOf({1, 4}, {2, 10}, {plain, shared});
  ASSERT_EQ(cases.size(), 8U);
  std::vector<std::vector<int>> rows;
  for (const BenchCase& one : cases) rows.push_back({one.frames, one.samples, one.form == plain ? 0 : 1});
  EXPECT_THAT(rows,
              ElementsAre(ElementsAre(1, 2, 0), ElementsAre(1, 2, 1), ElementsAre(1, 10, 0), ElementsAre(1, 10, 1),
                          ElementsAre(4, 2, 0), ElementsAre(4, 2, 1), ElementsAre(4, 10, 0), ElementsAre(4, 10, 1)));
}

}  // namespace
}  // namespace bayespfl
