#include "model/network/shared_prompts.h"

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "gtest/gtest.h"

namespace bayespfl {
namespace {

constexpr int64_t kWidth = 4;
constexpr int64_t kRows = 5;  // of the context, and of a state

ModelConfig Config(int64_t prompts) {
  ModelConfig config;
  config.prompts = prompts;
  config.context_rows = kRows;
  config.state_rows = kRows;
  return config;
}

// A batch's prompts, B = 1 unless something else is said: R samples and the tokens (start of text, "X", the object's
// and end of text) of each picture.
class Batch {
 public:
  explicit Batch(const std::vector<PromptShape>& pictures, int64_t prompts = 1) {
    int64_t tokens = 0;
    int64_t pairs = 0;
    for (const PromptShape& picture : pictures) {
      tokens += picture.tokens;
      pairs += picture.samples * prompts;
    }
    parts = {.tokens = torch::randn({tokens, kWidth}),
             .context = torch::randn({pairs, kRows, kWidth}),
             .normal = torch::randn({pairs, kRows, kWidth}),
             .abnormal = torch::randn({pairs, kRows, kWidth})};
    const std::vector<int32_t> ids(static_cast<size_t>(tokens));
    std::vector<PromptSource> sources;
    for (const PromptShape& picture : pictures) {
      sources.push_back({.token_ids = absl::MakeConstSpan(ids).first(static_cast<size_t>(picture.tokens)),
                         .samples = picture.samples});
    }
    const PromptPlan plan(sources, Config(prompts));
    const torch::Tensor numbers = torch::empty({plan.size()}, torch::kInt64);
    plan.Write({numbers.mutable_data_ptr<int64_t>(), static_cast<size_t>(plan.size())});
    shared = SharePrompts(parts, plan.Split(numbers), positions);
  }

  const torch::Tensor positions = torch::randn({77, kWidth});
  PromptParts parts;
  SharedPrompts shared;
};

// The published size: R = 10, B = 3 and "metal nut".
TEST(SharedPromptsTest, OfEightHundredAndFortyRowsSixHundredAndThirtyOneAreLeft) {
  const Batch batch({{.samples = 10, .tokens = 5}}, 3);
  EXPECT_EQ(batch.shared.sequences.numel(), 840);
  EXPECT_EQ(batch.shared.rows.size(0), 631);
}

// Put together one by one: start of text, context, state, and what follows "X".
TEST(SharedPromptsTest, EverySequenceHoldsItsPromptUpToItsEnd) {
  const std::vector<PromptShape> pictures = {
      {.samples = 2, .tokens = 4}, {.samples = 3, .tokens = 9}, {.samples = 1, .tokens = 4}};
  const Batch batch(pictures);

  const torch::Tensor whole = batch.shared.Whole();
  const int64_t length = whole.size(1);
  int64_t sequence = 0;
  int64_t first_token = 0;
  int64_t first_sample = 0;
  for (const PromptShape& picture : pictures) {
    const torch::Tensor tokens = batch.parts.tokens.slice(0, first_token, first_token + picture.tokens);
    for (const torch::Tensor& states : {batch.parts.normal, batch.parts.abnormal}) {
      for (int64_t i = 0; i < picture.samples; ++i, ++sequence) {
        const torch::Tensor rows = torch::cat({tokens.slice(0, 0, 1), batch.parts.context[first_sample + i],
                                               states[first_sample + i], tokens.slice(0, 2)});
        const torch::Tensor expected = rows + batch.positions.slice(0, 0, rows.size(0));
        EXPECT_TRUE(torch::equal(whole[sequence].slice(0, 0, rows.size(0)), expected)) << sequence;
        EXPECT_EQ(batch.shared.ends[sequence].item<int64_t>(), sequence * length + rows.size(0) - 1);
      }
    }
    first_token += picture.tokens;
    first_sample += picture.samples;
  }
  EXPECT_EQ(whole.size(0), sequence);
  EXPECT_EQ(batch.shared.ends.size(0), sequence);
}

TEST(SharedPromptsTest, ARowsPlaceIsOneWhereItStands) {
  const SharedPrompts prompts = Batch({{.samples = 2, .tokens = 4}, {.samples = 3, .tokens = 9}}).shared;
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
