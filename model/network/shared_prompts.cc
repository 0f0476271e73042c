#include "model/network/shared_prompts.h"

#include <algorithm>
#include <cstddef>

namespace bayespfl {
namespace {

// Start of text, context rows, state rows and what follows "X": every prompt of the picture has as many.
int64_t LengthOf(const PromptParts& parts) {
  return parts.tokens.size(0) - 1 + parts.context.size(1) + parts.normal.size(1);
}

// [1 + M P + 2 M (Q + T), D_t]: the start of text; the context rows of all pairs; the rows of normal, then abnormal
// prompts from the state rows on.
torch::Tensor RowsOf(const PromptParts& parts, const torch::Tensor& positions) {
  const int64_t pairs = parts.context.size(0);
  const int64_t width = parts.tokens.size(1);
  const int64_t context_end = 1 + parts.context.size(1);
  const torch::Tensor tail = parts.tokens.slice(0, 2).expand({pairs, -1, -1});
  std::vector<torch::Tensor> rows = {parts.tokens.slice(0, 0, 1) + positions.slice(0, 0, 1),
                                     (parts.context + positions.slice(0, 1, context_end)).reshape({-1, width})};
  for (const torch::Tensor& state : {parts.normal, parts.abnormal}) {
    rows.push_back(
        (torch::cat({state, tail}, 1) + positions.slice(0, context_end, LengthOf(parts))).reshape({-1, width}));
  }
  return torch::cat(rows);
}

// Collects which row stands where.
class Places {
 public:
  explicit Places(int64_t length) : length_(length) {}

  // The sequences of a picture whose rows begin at `first_row`.
  void AddPicture(const PromptParts& parts, int64_t first_row) {
    const int64_t pairs = parts.context.size(0);
    const int64_t context = parts.context.size(1);
    const int64_t own = LengthOf(parts) - 1 - context;
    int64_t own_row = first_row + 1 + pairs * context;
    for (int64_t sequence = 0; sequence < 2 * pairs; ++sequence) {
      const auto begin = static_cast<int64_t>(sequences_.size());
      Add(first_row, 1);
      Add(first_row + 1 + sequence % pairs * context, context);
      Add(own_row, own);
      own_row += own;
      ends_.push_back(begin + LengthOf(parts) - 1);
      while (static_cast<int64_t>(sequences_.size()) < begin + length_) sequences_.push_back(first_row);
    }
  }

  void Finish(SharedPrompts& prompts, const torch::Device& device) const {
    prompts.sequences = torch::tensor(sequences_, torch::kInt64).view({-1, length_}).to(device);
    prompts.places = torch::tensor(places_, torch::kInt64).to(device);
    prompts.ends = torch::tensor(ends_, torch::kInt64).to(device);
  }

 private:
  void Add(int64_t row, int64_t count) {
    for (const int64_t end = row + count; row < end; ++row) {
      // A picture's rows come in their order, those of the context again with the abnormal prompts.
      const auto index = static_cast<size_t>(row);
      if (index >= places_.size()) places_.resize(index + 1, -1);
      if (places_[index] < 0) places_[index] = static_cast<int64_t>(sequences_.size());
      sequences_.push_back(row);
    }
  }

  const int64_t length_;
  std::vector<int64_t> sequences_;
  std::vector<int64_t> places_;
  std::vector<int64_t> ends_;
};

}  // namespace

SharedPrompts SharePrompts(const std::vector<PromptParts>& pictures, const torch::Tensor& positions) {
  int64_t longest = 0;
  for (const PromptParts& parts : pictures) longest = std::max(longest, LengthOf(parts));
  Places places(longest);
  std::vector<torch::Tensor> rows;
  int64_t first_row = 0;
  for (const PromptParts& parts : pictures) {
    places.AddPicture(parts, first_row);
    rows.push_back(RowsOf(parts, positions));
    first_row += rows.back().size(0);
  }
  SharedPrompts prompts;
  prompts.rows = torch::cat(rows);
  places.Finish(prompts, positions.device());
  return prompts;
}

}  // namespace bayespfl
