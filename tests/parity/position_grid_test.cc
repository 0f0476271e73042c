#include "model/network/position_grid.h"

#include <cstdint>

#include "gtest/gtest.h"
#include "tests/support/paths.h"
#include "tests/support/safetensors_fixture.h"

namespace bayespfl {
namespace {

torch::Tensor ToTensor(const testing::FixtureTensor& fixture) {
  return torch::tensor(fixture.values, torch::kFloat32).view(fixture.shape);
}

// The published size: a tower of 336 px at 518 px. tests/parity/reference/positions.py has the numbers from Pillow.
TEST(PositionGridTest, From24To37PatchesASideIsPillowsBicubic) {
  const auto golden = testing::LoadSafetensors(testing::TestData("positions.safetensors"));
  const torch::Tensor expected = ToTensor(golden.at("resized"));
  const torch::Tensor resized = ResizePositions(ToTensor(golden.at("stored")), 24, 37);
  ASSERT_EQ(resized.sizes(), expected.sizes());
  // The other cubic kernel (a = -0.75) differs by a tenth of the largest value.
  EXPECT_LE(((resized - expected).abs().max() / expected.abs().max()).item<double>(), 1e-5);
}

TEST(PositionGridTest, AGridOfTheSameSizeStaysToTheBit) {
  const torch::Tensor stored = torch::rand({1 + 5 * 5, 4});
  EXPECT_TRUE(torch::equal(ResizePositions(stored, 5, 5), stored));
}

}  // namespace
}  // namespace bayespfl
