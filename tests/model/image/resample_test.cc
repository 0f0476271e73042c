#include "model/image/resample.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "model/image/decode.h"
#include "tests/support/paths.h"
#include "tests/support/safetensors_fixture.h"

namespace bayespfl {
namespace {

using testing::FixtureTensor;

constexpr std::array<double, 3> kMean = {0.48145466, 0.4578275, 0.40821073};
constexpr std::array<double, 3> kStd = {0.26862954, 0.26130258, 0.27577711};

const std::map<std::string, FixtureTensor>& Golden() {
  static const auto* golden =
      new std::map<std::string, FixtureTensor>(testing::LoadSafetensors(testing::TestData("preprocess.safetensors")));
  return *golden;
}

RgbImage LoadPicture(const std::string& name) {
  return *DecodeImage(testing::ReadFileBytes(testing::TestData("preprocess/" + name + ".png")));
}

// Normalised planes [3, side, side] -> the 8-bit interleaved values they came from.
std::vector<uint8_t> ToBytes(const FixtureTensor& tensor) {
  const size_t plane = tensor.values.size() / 3;
  std::vector<uint8_t> bytes(tensor.values.size());
  for (size_t c = 0; c < 3; ++c) {
    for (size_t i = 0; i < plane; ++i) {
      const double value = (double{tensor.values[c * plane + i]} * kStd[c] + kMean[c]) * 255.0;
      bytes[i * 3 + c] = static_cast<uint8_t>(std::lround(value));
    }
  }
  return bytes;
}

std::vector<uint8_t> Crop(const RgbImage& image, int first, int side) {
  std::vector<uint8_t> cropped;
  for (int y = first; y < first + side; ++y) {
    const auto row = image.pixels.begin() + (static_cast<ptrdiff_t>(y) * image.width + first) * 3;
    cropped.insert(cropped.end(), row, row + static_cast<ptrdiff_t>(side) * 3);
  }
  return cropped;
}

class GoldenPicture : public ::testing::TestWithParam<const char*> {};

TEST_P(GoldenPicture, ResizesTo56Exactly) {
  const RgbImage picture = LoadPicture(GetParam());

  const RgbImage resized = ResizeBicubic(picture, 56, 56);

  EXPECT_EQ(resized.width, 56);
  EXPECT_EQ(resized.height, 56);
  EXPECT_EQ(resized.pixels, ToBytes(Golden().at(std::string(GetParam()) + "/56")));
}

INSTANTIATE_TEST_SUITE_P(RgbAndGray, GoldenPicture,
                         ::testing::Values("gray_64x80", "rgb_131x97", "rgb_1x1", "rgb_37x211", "rgb_56x56",
                                           "rgb_700x500"));

class LargeGoldenPicture : public ::testing::TestWithParam<const char*> {};

TEST_P(LargeGoldenPicture, ResizesTo518Exactly) {
  const std::string name = GetParam();
  const RgbImage picture = LoadPicture(name);

  const RgbImage resized = ResizeBicubic(picture, 518, 518);

  EXPECT_EQ(Crop(resized, 227, 64), ToBytes(Golden().at(name + "/518_center64")));
  for (size_t c = 0; c < 3; ++c) {
    double sum = 0.0;
    double squares = 0.0;
    for (size_t i = c; i < resized.pixels.size(); i += 3) {
      const double value = (resized.pixels[i] / 255.0 - kMean[c]) / kStd[c];
      sum += value;
      squares += value * value;
    }
    // One step of one pixel moves the mean by 5e-8; the stored sums were taken in single precision.
    EXPECT_NEAR(sum / (518.0 * 518.0), double{Golden().at(name + "/518_mean").values[c]}, 1e-6);
    EXPECT_NEAR(squares / double{Golden().at(name + "/518_sumsq").values[c]}, 1.0, 1e-6);
  }
}

INSTANTIATE_TEST_SUITE_P(Rgb, LargeGoldenPicture, ::testing::Values("rgb_131x97", "rgb_700x500"));

class GoldenMask : public ::testing::TestWithParam<const char*> {};

TEST_P(GoldenMask, ResizesBilinearlyTo56Exactly) {
  const std::string name = GetParam();
  const RgbImage picture = LoadPicture(name);
  std::vector<uint8_t> mask(picture.pixel_count());
  for (size_t i = 0; i < mask.size(); ++i) mask[i] = picture.pixels[i * 3] > 0 ? 255 : 0;

  const std::vector<uint8_t> resized =
      Resample8(mask, picture.width, picture.height, 1, 56, 56, ResampleFilter::kBilinear);

  const FixtureTensor& expected = Golden().at(name + "/56");
  const FixtureTensor& binary = Golden().at(name + "/56_binary");
  ASSERT_EQ(resized.size(), expected.values.size());
  for (size_t i = 0; i < resized.size(); ++i) {
    ASSERT_EQ(int{resized[i]}, std::lround(expected.values[i] * 255.0F)) << "at " << i;
    ASSERT_EQ(resized[i] > 127 ? 1.0F : 0.0F, binary.values[i]) << "at " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Masks, GoldenMask, ::testing::Values("mask_131x97", "mask_lowvalues_37x211"));

TEST(Resample8, KeepsSamplesWhenNoLengthChanges) {
  const std::vector<uint8_t> samples = {1, 200, 3, 4, 50, 6};

  EXPECT_EQ(Resample8(samples, 3, 2, 1, 3, 2, ResampleFilter::kBicubic), samples);
}

TEST(Resample8, ResizesOneAxisOnly) {
  const std::vector<uint8_t> samples = {0, 255};

  EXPECT_EQ(Resample8(samples, 2, 1, 1, 1, 1, ResampleFilter::kBilinear), std::vector<uint8_t>{128});
  EXPECT_EQ(Resample8(samples, 1, 2, 1, 1, 1, ResampleFilter::kBilinear), std::vector<uint8_t>{128});
}

TEST(Resample8, KeepsConstantPicturesConstantAtAnyScale) {
  for (const int size : {1, 2, 7, 56, 1000}) {
    const std::vector<uint8_t> samples(static_cast<size_t>(size) * 3 * 4, 255);

    const std::vector<uint8_t> resized = Resample8(samples, size, 3, 4, 13, 17, ResampleFilter::kBicubic);

    EXPECT_EQ(resized, std::vector<uint8_t>(size_t{13} * 17 * 4, 255)) << size;
  }
}

// The most memory that the process has held, bytes.
int64_t PeakMemory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;  // Linux counts in KiB
}

// Such a picture comes out of a PNG of a few kB. All its rows at the new width would be 200 MB.
TEST(ResizeBicubicDeathTest, NeedsLittleMemoryForAThinPicture) {
  constexpr int kSide = 1 << 17;
  constexpr int64_t kLimit = 64 << 20;
  const RgbImage thin{1, kSide, std::vector<uint8_t>(size_t{kSide} * 3, 200)};

  EXPECT_EXIT(
      {
        const int64_t before = PeakMemory();
        const RgbImage resized = ResizeBicubic(thin, 518, 518);
        std::exit(resized.pixels == std::vector<uint8_t>(size_t{518} * 518 * 3, 200) && PeakMemory() - before < kLimit
                      ? 0
                      : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(Resample8, ClampsOvershootOfTheCubicKernel) {
  std::vector<uint8_t> step(16, 0);
  std::fill(step.begin() + 8, step.end(), uint8_t{255});

  const std::vector<uint8_t> resized = Resample8(step, 16, 1, 1, 64, 1, ResampleFilter::kBicubic);

  for (size_t i = 0; i < 26; ++i) EXPECT_EQ(resized[i], 0) << i;
  for (size_t i = 38; i < 64; ++i) EXPECT_EQ(resized[i], 255) << i;
}

}  // namespace
}  // namespace bayespfl
