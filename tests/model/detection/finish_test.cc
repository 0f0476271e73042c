#include "model/detection/finish.h"

#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace {

size_t allocated_bytes = 0;  // by this program since its start

}  // namespace

void* operator new(size_t size) {
  allocated_bytes += size;
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
// Not inlined: g++ would see a free() of what its own operator new gave.
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t /*size*/) noexcept { std::free(memory); }

namespace bayespfl {
namespace {

using ::testing::Each;
using ::testing::IsEmpty;

constexpr double kSigma = 1;

// A dark map of 20 x 20 pixels with three bright ones: 0.75 % of it.
ComputedFrame Computed(const FrameSettings& settings) {
  ComputedFrame frame;
  frame.settings = settings;
  frame.score = 0.25F;
  frame.score_std = 0.125F;
  frame.map = {20, 20, std::vector<float>(400, 0.0F)};
  for (const size_t pixel : {45, 46, 47}) frame.map.values[pixel] = 1.0F;
  if (settings.map_deviation) frame.map_std = {20, 20, std::vector<float>(400, 0.5F)};
  return frame;
}

TEST(FinishFrameTest, PassesOnWhatTheDeviceSaid) {
  const Detection result = FinishFrame(Computed({.seed = 7, .samples = 4}), kSigma);

  EXPECT_EQ(result.score, 0.25F);
  EXPECT_EQ(result.score_std, 0.125F);
  EXPECT_EQ(result.seed, 7U);
  EXPECT_EQ(result.samples, 4);
}

TEST(FinishFrameTest, TheMapsScoreIsOfTheMapBeforeItIsSmoothed) {
  const Detection result = FinishFrame(Computed({}), kSigma);

  EXPECT_EQ(result.map_score, 1.0F);
  EXPECT_EQ(result.map.values, SmoothMap(Computed({}).map, kSigma).values);
  EXPECT_LT(result.map.values[46], 1.0F);
}

TEST(FinishFrameTest, ARawMapIsLeftAsItIs) {
  EXPECT_EQ(FinishFrame(Computed({.smooth = false}), kSigma).map.values, Computed({}).map.values);
}

TEST(FinishFrameTest, MapsAtFrameSizeAreStretchedAndTheDeviationIsNotSmoothed) {
  const Detection result =
      FinishFrame(Computed({.width = 33, .height = 21, .map_size = MapSize::kFrame, .map_deviation = true}), kSigma);

  EXPECT_EQ(result.map.values, ResizeMap(SmoothMap(Computed({}).map, kSigma), 33, 21).values);
  EXPECT_EQ(result.map_std.width, 33);
  EXPECT_EQ(result.map_std.height, 21);
  EXPECT_THAT(result.map_std.values, Each(0.5F));
}

TEST(FinishFrameTest, AFrameThatWantsNoMapGetsNone) {
  const Detection result = FinishFrame(Computed({.width = 33, .height = 21, .map_size = MapSize::kNone}), kSigma);

  EXPECT_EQ(result.map_score, 1.0F);
  EXPECT_THAT(result.map.values, IsEmpty());
  EXPECT_THAT(result.map_std.values, IsEmpty());
}

size_t BytesToFinish(const FrameSettings& settings) {
  ComputedFrame frame = Computed(settings);
  const size_t before = allocated_bytes;
  FinishFrame(std::move(frame), kSigma);
  return allocated_bytes - before;
}

// The score takes a copy of the map; a smoothed or a stretched one is made only for who asked.
TEST(FinishFrameTest, NoMapIsMadeThatNobodyAskedFor) {
  constexpr size_t kMapBytes = 400 * sizeof(float);
  constexpr size_t kOther = 100;
  EXPECT_LE(BytesToFinish({.width = 33, .height = 21, .map_size = MapSize::kNone}), kMapBytes + kOther);
  EXPECT_LE(BytesToFinish({.width = 33, .height = 21, .map_deviation = true, .smooth = false}), kMapBytes + kOther);
  EXPECT_GE(BytesToFinish({}), 2 * kMapBytes);  // what the others are held against
}

}  // namespace
}  // namespace bayespfl
