#include "model/network/network_kernels.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bayespfl {
namespace {

using ::testing::HasSubstr;

bool MultipliesBf16() { return Bf16InstructionSets().back() == InstructionSet::kAvx512Bf16; }

// That this processor runs.
std::vector<LinearForm> LinearForms() {
  std::vector<LinearForm> forms = {LinearForm::kTorch, LinearForm::kOneDnn};
  if (MultipliesBf16()) forms.push_back(LinearForm::kOwn);
  return forms;
}

TEST(NetworkKernelsTest, WhatIsWrittenIsReadAgain) {
  for (const LinearForm linear : LinearForms()) {
    NetworkKernels kernels = {.linear = linear, .attention = std::nullopt, .maps = std::nullopt};
    EXPECT_EQ(*ParseNetworkKernels(NetworkKernelsText(kernels)), kernels);
    for (const InstructionSet own : Bf16InstructionSets()) {
      kernels = {.linear = linear, .attention = own, .maps = std::nullopt};
      EXPECT_EQ(*ParseNetworkKernels(NetworkKernelsText(kernels)), kernels);
    }
    for (const InstructionSet own : InstructionSets()) {
      kernels = {.linear = linear, .attention = std::nullopt, .maps = own};
      EXPECT_EQ(*ParseNetworkKernels(NetworkKernelsText(kernels)), kernels);
    }
  }
}

TEST(NetworkKernelsTest, TheWordsMayStandAnywhere) {
  const auto kernels = ParseNetworkKernels("libtorch 2.11.0 AVX512 linear=onednn attention=plain maps=plain threads=2");
  ASSERT_TRUE(kernels.ok()) << kernels.status();
  EXPECT_EQ(kernels->linear, LinearForm::kOneDnn);
  EXPECT_EQ(kernels->attention, InstructionSet::kPlain);
  EXPECT_EQ(kernels->maps, InstructionSet::kPlain);
}

// As results say that are older than the choice.
TEST(NetworkKernelsTest, WithoutTheWordsItIsLibTorch) {
  EXPECT_EQ(*ParseNetworkKernels("libtorch 2.11.0 AVX512 threads=2"), NetworkKernels());
}

TEST(NetworkKernelsTest, AFormThatThereIsNotIsNamed) {
  EXPECT_THAT(ParseNetworkKernels("linear=blas").status().message(), HasSubstr("linear=blas"));
  EXPECT_THAT(ParseNetworkKernels("attention=avx9").status().message(), HasSubstr("attention=avx9"));
  EXPECT_THAT(ParseNetworkKernels("attention=plain maps=fast").status().message(), HasSubstr("maps=fast"));
  // Maps are made of floats.
  EXPECT_THAT(ParseNetworkKernels("maps=avx512_bf16").status().message(), HasSubstr("maps=avx512_bf16: it is one of"));
}

TEST(NetworkKernelsTest, AFormThatThisProcessorLacksIsRefused) {
  for (const char* text :
       {"linear=avx512_bf16 attention=torch maps=torch", "linear=torch attention=avx512_bf16 maps=torch"}) {
    const auto kernels = ParseNetworkKernels(text);
    if (MultipliesBf16()) {
      ASSERT_TRUE(kernels.ok()) << kernels.status();
      EXPECT_EQ(NetworkKernelsText(*kernels), text);
    } else {
      EXPECT_EQ(kernels.status().code(), absl::StatusCode::kInvalidArgument);
      EXPECT_THAT(kernels.status().message(), HasSubstr("this processor has no avx512_bf16"));
    }
  }
}

TEST(NetworkKernelsTest, WhatIsUsualCanBeComputedInItsPrecision) {
  for (const Precision precision : kPrecisions) {
    const NetworkKernels usual = UsualNetworkKernels(precision);
    EXPECT_EQ(*ParseNetworkKernels(NetworkKernelsText(usual)), usual);
    EXPECT_TRUE(CheckPrecision(usual, precision).ok());
    EXPECT_TRUE(CheckPrecision({}, precision).ok());
  }
}

// What makes bf16 and fp16 fast on a GPU: its products get numbers of 16 bits.
TEST(NetworkKernelsTest, AnAcceleratorMultipliesSixteenBitsWhereThePrecisionHasThem) {
  for (const Precision precision : {Precision::kBf16, Precision::kFp16}) {
    const NetworkKernels kernels = AcceleratorKernels(precision);
    EXPECT_EQ(kernels.linear, LinearForm::kNarrow);
    EXPECT_TRUE(kernels.narrow_attention);
    EXPECT_TRUE(CheckPrecision(kernels, precision).ok());
  }
  EXPECT_EQ(AcceleratorKernels(Precision::kFp32), NetworkKernels());
}

TEST(NetworkKernelsTest, SixteenBitsAreForPrecisionsThatHaveThem) {
  for (const Precision precision : {Precision::kFp32, Precision::kInt8}) {
    EXPECT_THAT(CheckPrecision({.linear = LinearForm::kNarrow}, precision).message(),
                HasSubstr("linear=narrow in " + std::string(PrecisionName(precision)) + ": it is for bf16 and fp16"));
  }
}

// Whatever this processor has: they would round to bfloat16.
TEST(NetworkKernelsTest, OurOwnKernelsDoNotTakeFp16) {
  const absl::Status refused = CheckPrecision({.attention = InstructionSet::kPlain}, Precision::kFp16);
  EXPECT_THAT(refused.message(), HasSubstr("attention=plain in fp16: it is for fp32, bf16 and int8"));
  for (const LinearForm linear : {LinearForm::kOneDnn, LinearForm::kOwn}) {
    EXPECT_THAT(CheckPrecision({.linear = linear}, Precision::kFp16).message(), HasSubstr("in fp16: it is for"));
  }
}

// A setting and results are about the CPU, where there is a choice.
TEST(NetworkKernelsTest, WhatAcceleratorsTakeCannotBeAskedFor) {
  EXPECT_THAT(ParseNetworkKernels("linear=narrow").status().message(), HasSubstr("linear=narrow: it is one of"));
}

// Results of fp32 name their kernels as before there was another precision.
TEST(NetworkKernelsTest, Fp32TakesNoFormThatIsForBfloat16) {
  EXPECT_NE(UsualNetworkKernels().attention, InstructionSet::kAvx512Bf16);
}

TEST(NetworkKernelsTest, WhatIsUsualRunsHereAndIsTheSameEachTime) {
  const NetworkKernels usual = UsualNetworkKernels();
  EXPECT_EQ(*ParseNetworkKernels(NetworkKernelsText(usual)), usual);
  EXPECT_EQ(UsualNetworkKernels(), usual);
}

}  // namespace
}  // namespace bayespfl
