#include "model/network/network_kernels.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bayespfl {
namespace {

using ::testing::HasSubstr;

TEST(NetworkKernelsTest, WhatIsWrittenIsReadAgain) {
  for (const LinearForm linear : {LinearForm::kTorch, LinearForm::kOneDnn}) {
    NetworkKernels kernels = {.linear = linear, .attention = std::nullopt, .maps = std::nullopt};
    EXPECT_EQ(*ParseNetworkKernels(NetworkKernelsText(kernels)), kernels);
    for (const InstructionSet own : InstructionSets()) {
      kernels = {.linear = linear, .attention = own, .maps = std::nullopt};
      EXPECT_EQ(*ParseNetworkKernels(NetworkKernelsText(kernels)), kernels);
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
}

TEST(NetworkKernelsTest, WhatIsUsualRunsHereAndIsTheSameEachTime) {
  const NetworkKernels usual = UsualNetworkKernels();
  EXPECT_EQ(*ParseNetworkKernels(NetworkKernelsText(usual)), usual);
  EXPECT_EQ(UsualNetworkKernels(), usual);
}

}  // namespace
}  // namespace bayespfl
