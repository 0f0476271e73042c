// DecodeGrayPng: maps and masks keep every sample.
#include "model/image/gray_png.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/image/encode.h"
#include "tests/model/image/encoded_pictures.h"

namespace bayespfl {
namespace {

using testing::Encode;
using ::testing::HasSubstr;
using testing::NoisyPicture;

absl::Span<const uint8_t> BytesOf(absl::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

TEST(GrayPng, KeepsEverySampleOfSixteenBits) {
  std::vector<uint8_t> big_endian;
  for (int i = 0; i < 65536; ++i) big_endian.insert(big_endian.end(), {uint8_t(i >> 8), uint8_t(i & 255)});

  const auto image = DecodeGrayPng(BytesOf(EncodePng(PngSamples::kGray16, 256, 256, big_endian).value()));

  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->width, 256);
  EXPECT_EQ(image->height, 256);
  EXPECT_EQ(image->bits, 16);
  ASSERT_EQ(image->samples.size(), 65536U);
  for (size_t i = 0; i < 65536; ++i) ASSERT_EQ(image->samples[i], i);
}

TEST(GrayPng, SpreadsOneBitToEight) {
  const std::vector<uint8_t> mask = {0, 1, 1, 0, 0, 1};

  const auto image = DecodeGrayPng(BytesOf(EncodePng(PngSamples::kGray1, 3, 2, mask).value()));

  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->bits, 8);
  EXPECT_EQ(image->samples, (std::vector<uint16_t>{0, 255, 255, 0, 0, 255}));
}

TEST(GrayPng, RefusesOtherFilesAndColors) {
  EXPECT_THAT(DecodeGrayPng(BytesOf("no png")).status().message(), HasSubstr("it is no PNG"));
  EXPECT_THAT(DecodeGrayPng(BytesOf("")).status().message(), HasSubstr("empty"));
  for (const int type : {CV_8UC3, CV_8UC4, CV_16UC3}) {
    EXPECT_THAT(DecodeGrayPng(Encode(".png", NoisyPicture(4, 4, type))).status().message(),
                HasSubstr("it is not gray"));
  }
}

TEST(GrayPng, ChecksLimitsBeforeItDecodes) {
  const std::vector<uint8_t> file = Encode(".png", NoisyPicture(4, 4, CV_8UC1));

  EXPECT_TRUE(IsOverImageLimit(DecodeGrayPng(file, {.max_pixels = 15}).status()));
  EXPECT_TRUE(IsOverImageLimit(DecodeGrayPng(file, {.max_bytes = 10}).status()));
}

TEST(GrayPng, RefusesTheFileCutAnywhereInFrontOfItsEndChunk) {
  const std::vector<uint8_t> file = Encode(".png", NoisyPicture(20, 10, CV_16UC1));
  for (size_t size = 0; size + 12 < file.size(); ++size) {
    EXPECT_EQ(DecodeGrayPng(absl::MakeConstSpan(file).first(size)).status().code(), absl::StatusCode::kInvalidArgument)
        << size;
  }
}

}  // namespace
}  // namespace bayespfl
