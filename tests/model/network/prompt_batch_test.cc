#include "model/network/prompt_batch.h"

#include <cstdint>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bayespfl {
namespace {

using ::testing::ElementsAre;

// Two of two samples, one of three, and one of two again.
const std::vector<PromptShape> kPictures = {
    {.samples = 2}, {.samples = 2, .tokens = 9}, {.samples = 3}, {.samples = 2}};

std::vector<int64_t> CountsOf(const std::vector<PictureRun>& runs) {
  std::vector<int64_t> counts;
  for (const PictureRun& run : runs) counts.push_back(run.count);
  return counts;
}

TEST(RunsOfTest, NeighboursWithAsManySamplesMakeUpARun) {
  EXPECT_THAT(CountsOf(RunsOf(kPictures, /*alone=*/false)), ElementsAre(2, 1, 1));
}

TEST(RunsOfTest, EachPictureCanBeARunOfItsOwn) {
  EXPECT_THAT(CountsOf(RunsOf(kPictures, /*alone=*/true)), ElementsAre(1, 1, 1, 1));
}

TEST(PictureRunTest, FindsWhatBelongsToItsPictures) {
  const std::vector<PictureRun> runs = RunsOf(kPictures, /*alone=*/false);
  const torch::Tensor pictures = torch::arange(4);
  const torch::Tensor rows = torch::arange(18);  // two for each of the nine samples
  EXPECT_TRUE(torch::equal(runs[0].PicturesOf(pictures), torch::arange(0, 2)));
  EXPECT_TRUE(torch::equal(runs[0].RowsOf(rows, 2), torch::arange(0, 8).view({2, 4})));
  EXPECT_TRUE(torch::equal(runs[1].PicturesOf(pictures), torch::tensor(2)));
  EXPECT_TRUE(torch::equal(runs[1].RowsOf(rows, 2), torch::arange(8, 14)));
  EXPECT_TRUE(torch::equal(runs[2].RowsOf(rows, 2), torch::arange(14, 18)));
}

}  // namespace
}  // namespace bayespfl
