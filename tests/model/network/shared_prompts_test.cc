#include "model/network/shared_prompts.h"

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"

namespace bayespfl {
namespace {

constexpr int64_t kWidth = 4;

// `tokens` counts start of text, "X", the object's and end of text.
PromptParts Parts(int64_t pairs, int64_t tokens) {
  return {.tokens = torch::randn({tokens, kWidth}),
          .context = torch::randn({pairs, 5, kWidth}),
          .normal = torch::randn({pairs, 5, kWidth}),
          .abnormal = torch::randn({pairs, 5, kWidth})};
}

// Prompt `pair` of a state, put together by itself: [length, D_t].
torch::Tensor Whole(const PromptParts& parts, const torch::Tensor& state, int64_t pair,
                    const torch::Tensor& positions) {
  const torch::Tensor rows =
      torch::cat({parts.tokens.slice(0, 0, 1), parts.context[pair], state[pair], parts.tokens.slice(0, 2)});
  return rows + positions.slice(0, 0, rows.size(0));
}

// The published size: R = 10, B = 3 and "metal nut".
TEST(SharedPromptsTest, OfEightHundredAndFortyRowsSixHundredAndThirtyOneAreLeft) {
  const SharedPrompts prompts = SharePrompts({Parts(30, 5)}, torch::randn({77, kWidth}));
  EXPECT_EQ(prompts.sequences.numel(), 840);
  EXPECT_EQ(prompts.rows.size(0), 631);
}

TEST(SharedPromptsTest, EverySequenceHoldsItsPromptUpToItsEnd) {
  const std::vector<PromptParts> pictures = {Parts(2, 4), Parts(3, 9), Parts(1, 4)};
  const torch::Tensor positions = torch::randn({32, kWidth});
  const SharedPrompts prompts = SharePrompts(pictures, positions);

  const int64_t length = prompts.sequences.size(1);
  int64_t sequence = 0;
  for (const PromptParts& parts : pictures) {
    for (const torch::Tensor& state : {parts.normal, parts.abnormal}) {
      for (int64_t pair = 0; pair < parts.context.size(0); ++pair, ++sequence) {
        const torch::Tensor expected = Whole(parts, state, pair, positions);
        const torch::Tensor rows = prompts.rows.index_select(0, prompts.sequences[sequence]);
        EXPECT_TRUE(torch::equal(rows.slice(0, 0, expected.size(0)), expected)) << sequence;
        EXPECT_EQ(prompts.ends[sequence].item<int64_t>(), sequence * length + expected.size(0) - 1);
      }
    }
  }
  EXPECT_EQ(prompts.sequences.size(0), sequence);
  EXPECT_EQ(prompts.ends.size(0), sequence);
}

TEST(SharedPromptsTest, ARowsPlaceIsOneWhereItStands) {
  const SharedPrompts prompts = SharePrompts({Parts(2, 4), Parts(3, 9)}, torch::randn({32, kWidth}));
  const torch::Tensor found = prompts.sequences.flatten().index_select(0, prompts.places);
  EXPECT_TRUE(torch::equal(found, torch::arange(prompts.rows.size(0))));
  // Behind a sequence's end stands a row of no meaning: no place may be there.
  const torch::Tensor within = prompts.places.remainder(prompts.sequences.size(1));
  const torch::Tensor ends = prompts.ends.remainder(prompts.sequences.size(1));
  const torch::Tensor sequence = prompts.places.div(prompts.sequences.size(1), "floor");
  EXPECT_TRUE((within <= ends.index_select(0, sequence)).all().item<bool>());
}

}  // namespace
}  // namespace bayespfl
