#include "model/training_data/augmentation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/training_data/geometry.h"
#include "tests/support/paths.h"
#include "tests/support/safetensors_fixture.h"

namespace bayespfl {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using testing::FixtureTensor;
using ::testing::Ge;
using ::testing::Le;

// What albumentations 1.3.1 makes of a picture (tests/data/augment/generate.py).
class GoldenTest : public ::testing::Test {
 protected:
  std::vector<uint8_t> Bytes(const std::string& name) const {
    const std::vector<float>& values = goldens_.at(name).values;
    return {values.begin(), values.end()};
  }
  LabelledPicture Picture(const std::string& name) const {
    const FixtureTensor& tensor = goldens_.at(name);
    LabelledPicture labelled{{static_cast<int>(tensor.shape[1]), static_cast<int>(tensor.shape[0]), Bytes(name)}};
    labelled.anomalous = true;
    if (goldens_.contains(name + "_mask")) labelled.mask = Bytes(name + "_mask");
    return labelled;
  }
  void ExpectPicture(const LabelledPicture& actual, const std::string& name) const {
    const LabelledPicture expected = Picture(name);
    EXPECT_EQ(actual.picture.width, expected.picture.width);
    EXPECT_EQ(actual.picture.height, expected.picture.height);
    EXPECT_EQ(actual.picture.pixels, expected.picture.pixels);
    EXPECT_EQ(actual.mask, expected.mask.empty() ? actual.mask : expected.mask);
  }

  const std::map<std::string, FixtureTensor> goldens_ =
      testing::LoadSafetensors(testing::TestData("augment/goldens.safetensors"));
  LabelledPicture labelled_ = Picture("input");
};

TEST_F(GoldenTest, RotatesPictureAndMask) {
  LabelledPicture other = labelled_;
  Rotate(17.3, labelled_);
  ExpectPicture(labelled_, "rotate_17");
  Rotate(-30, other);
  ExpectPicture(other, "rotate_-30");
}

TEST_F(GoldenTest, TurnsPictureAndMaskByQuarters) {
  for (const int quarters : {1, 2, 3}) {
    LabelledPicture turned = labelled_;
    TurnQuarters(quarters, turned);
    ExpectPicture(turned, "quarters_" + std::to_string(quarters));
  }
}

TEST_F(GoldenTest, ChangesBrightnessAndContrast) {
  LabelledPicture darker = labelled_;
  ChangeBrightnessAndContrast(1.17, 0.13, labelled_.picture);
  ExpectPicture(labelled_, "tone_brighter");
  ChangeBrightnessAndContrast(0.83, -0.19, darker.picture);
  ExpectPicture(darker, "tone_darker");
}

TEST_F(GoldenTest, BlursWithABox) {
  for (const int size : {3, 5, 7}) {
    LabelledPicture blurred = labelled_;
    BlurBox(size, blurred.picture);
    ExpectPicture(blurred, "box_" + std::to_string(size));
  }
}

TEST_F(GoldenTest, BlursWithAGaussian) {
  for (const int size : {3, 5, 7}) {
    LabelledPicture blurred = labelled_;
    BlurGaussian(size, blurred.picture);
    ExpectPicture(blurred, "gaussian_" + std::to_string(size));
  }
}

TEST_F(GoldenTest, JittersColoursInTheGivenOrder) {
  ColourJitter jitter{.brightness = 1.11, .contrast = 0.87, .saturation = 1.19, .hue = -0.137};
  LabelledPicture other = labelled_;
  JitterColours(jitter, labelled_.picture);
  ExpectPicture(labelled_, "jitter_0123");
  jitter.order = {JitterStep::kHue, JitterStep::kContrast, JitterStep::kSaturation, JitterStep::kBrightness};
  JitterColours(jitter, other.picture);
  ExpectPicture(other, "jitter_3120");
}

RgbImage Gray(int width, int height, uint8_t value) {
  return {width, height, std::vector<uint8_t>(3 * static_cast<size_t>(width) * static_cast<size_t>(height), value)};
}

TEST(AddNoiseTest, HasTheVarianceAndLosesHalfAStepToCutting) {
  RgbImage picture = Gray(200, 200, 128);

  AddNoise(36, Draws(1, PictureDraw::kNoise, 0, 0), picture);

  double sum = 0;
  double squares = 0;
  for (const uint8_t sample : picture.pixels) {
    sum += sample - 127.5;
    squares += (sample - 127.5) * (sample - 127.5);
  }
  const auto count = static_cast<double>(picture.pixels.size());
  EXPECT_NEAR(sum / count, 0, 0.1);        // deviation of the mean: 0.017
  EXPECT_NEAR(squares / count, 36.08, 1);  // 1 / 12 of it from cutting; deviation: 0.15
}

TEST(AddNoiseTest, StaysWithinEightBits) {
  RgbImage dark = Gray(50, 50, 0);
  RgbImage bright = Gray(50, 50, 255);
  AddNoise(50, Draws(1, PictureDraw::kNoise, 0, 0), dark);
  AddNoise(50, Draws(1, PictureDraw::kNoise, 0, 0), bright);
  EXPECT_THAT(dark.pixels, Each(Le(35)));
  EXPECT_THAT(bright.pixels, Each(Ge(220)));
}

TEST(AddNoiseTest, DrawsForEachChannelAlone) {
  RgbImage picture = Gray(8, 8, 128);
  AddNoise(50, Draws(1, PictureDraw::kNoise, 0, 0), picture);
  int coloured = 0;
  for (size_t i = 0; i < picture.pixels.size(); i += 3) coloured += picture.pixels[i] != picture.pixels[i + 1] ? 1 : 0;
  EXPECT_GT(coloured, 48);
}

class DrawnTest : public ::testing::Test {
 protected:
  static constexpr int kCount = 20'000;
  // Five deviations of a count of events.
  static double Tolerance(double probability) { return 5 * std::sqrt(kCount * probability * (1 - probability)); }

  const std::vector<Augmentation> drawn_ = [] {
    std::vector<Augmentation> drawn;
    for (uint64_t i = 0; i < kCount; ++i) {
      Draws draws(3, PictureDraw::kAugmentation, 0, i);
      drawn.push_back(DrawAugmentation(draws));
    }
    return drawn;
  }();
};

TEST_F(DrawnTest, EveryChangeHasItsProbability) {
  std::map<std::string, int> counts;
  for (const Augmentation& one : drawn_) {
    counts["rotation"] += one.rotation.has_value() ? 1 : 0;
    counts["turned"] += one.quarter_turns != 0 ? 1 : 0;
    counts["tone"] += one.tone.has_value() ? 1 : 0;
    counts["noise"] += one.noise_variance.has_value() ? 1 : 0;
    counts["last " + std::to_string(one.last.index())] += 1;
  }
  const std::map<std::string, double> probabilities = {{"rotation", 0.5},   {"turned", 0.375},  {"tone", 0.5},
                                                       {"noise", 0.5},      {"last 0", 0.5},    {"last 1", 0.5 / 3},
                                                       {"last 2", 0.5 / 3}, {"last 3", 0.5 / 3}};
  for (const auto& [name, probability] : probabilities) {
    EXPECT_NEAR(counts[name], kCount * probability, Tolerance(probability)) << name;
  }
}

TEST_F(DrawnTest, StrengthsFillTheirRanges) {
  std::map<std::string, std::pair<double, double>> ranges;
  const auto note = [&](const std::string& name, double value) {
    auto& [low, high] = ranges.try_emplace(name, value, value).first->second;
    low = std::min(low, value);
    high = std::max(high, value);
  };
  for (const Augmentation& one : drawn_) {
    if (one.rotation) note("rotation", *one.rotation);
    if (one.tone) note("alpha", one.tone->alpha);
    if (one.tone) note("beta", one.tone->beta);
    if (one.noise_variance) note("variance", *one.noise_variance);
    if (const auto* jitter = std::get_if<ColourJitter>(&one.last)) {
      note("brightness", jitter->brightness);
      note("contrast", jitter->contrast);
      note("saturation", jitter->saturation);
      note("hue", jitter->hue);
    }
  }
  const std::map<std::string, std::pair<double, double>> expected = {
      {"rotation", {-30, 30}},    {"alpha", {0.8, 1.2}},    {"beta", {-0.2, 0.2}},      {"variance", {10, 50}},
      {"brightness", {0.8, 1.2}}, {"contrast", {0.8, 1.2}}, {"saturation", {0.8, 1.2}}, {"hue", {-0.2, 0.2}}};
  for (const auto& [name, range] : expected) {
    const double slack = (range.second - range.first) / 100;
    EXPECT_THAT(ranges[name].first, AllOf(Ge(range.first), Le(range.first + slack))) << name;
    EXPECT_THAT(ranges[name].second, AllOf(Ge(range.second - slack), Le(range.second))) << name;
  }
}

TEST_F(DrawnTest, GaussiansOfFiveAndSevenAreTwiceAsLikelyAsOfThree) {
  std::map<int, int> boxes;
  std::map<int, int> gaussians;
  for (const Augmentation& one : drawn_) {
    if (const auto* box = std::get_if<BoxBlur>(&one.last)) ++boxes[box->size];
    if (const auto* gaussian = std::get_if<GaussianBlur>(&one.last)) ++gaussians[gaussian->size];
  }
  ASSERT_EQ(boxes.size(), 3U);
  ASSERT_EQ(gaussians.size(), 3U);
  for (const int size : {3, 5, 7}) {
    EXPECT_NEAR(boxes[size], kCount / 18.0, Tolerance(1.0 / 18)) << size;
    const double share = (size == 3 ? 0.2 : 0.4) / 6;
    EXPECT_NEAR(gaussians[size], kCount * share, Tolerance(share)) << size;
  }
}

TEST_F(DrawnTest, EveryOrderOfTheJitterIsDrawn) {
  std::set<std::array<JitterStep, 4>> orders;
  for (const Augmentation& one : drawn_) {
    if (const auto* jitter = std::get_if<ColourJitter>(&one.last)) orders.insert(jitter->order);
  }
  EXPECT_EQ(orders.size(), 24U);
}

TEST(AugmentTest, WithoutAChangeThePictureStaysAsItIs) {
  LabelledPicture labelled{Gray(5, 4, 17), std::vector<uint8_t>(20, 255), true};
  const LabelledPicture before = labelled;
  Augment({}, Draws(0, PictureDraw::kNoise, 0, 0), labelled);
  EXPECT_EQ(labelled.picture.pixels, before.picture.pixels);
  EXPECT_EQ(labelled.mask, before.mask);
}

TEST(AugmentTest, TurnsBeforeItChangesTones) {
  // A dark and a bright half: after a quarter turn counter-clockwise what was right is above.
  LabelledPicture labelled{{2, 1, {10, 10, 10, 200, 200, 200}}, {0, 255}, true};
  Augment({.quarter_turns = 1, .tone = BrightnessContrast{1.0, 0.1}}, Draws(0, PictureDraw::kNoise, 0, 0), labelled);
  EXPECT_EQ(labelled.picture.width, 1);
  EXPECT_THAT(labelled.picture.pixels, ElementsAre(225, 225, 225, 35, 35, 35));
  EXPECT_THAT(labelled.mask, ElementsAre(255, 0));
}

}  // namespace
}  // namespace bayespfl
