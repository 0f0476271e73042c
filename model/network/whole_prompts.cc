#include "model/network/whole_prompts.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace bayespfl {

torch::Tensor EncodeWhole(const TextTransformer& tower, const std::vector<PromptParts>& pictures) {
  std::vector<torch::Tensor> sequences;  // per picture [2M, its length, D_t]
  std::vector<int64_t> ends;             // per sequence of all pictures
  int64_t longest = 0;
  for (const PromptParts& parts : pictures) {
    const torch::Tensor head = parts.tokens.slice(0, 0, 1).expand({parts.context.size(0), -1, -1});
    const torch::Tensor tail = parts.tokens.slice(0, 2).expand({parts.context.size(0), -1, -1});
    const torch::Tensor both = torch::cat({torch::cat({head, parts.context, parts.normal, tail}, 1),
                                           torch::cat({head, parts.context, parts.abnormal, tail}, 1)});
    sequences.push_back(both + tower.Positions(both.size(1)));
    ends.insert(ends.end(), static_cast<size_t>(both.size(0)), both.size(1) - 1);
    longest = std::max(longest, both.size(1));
  }
  for (torch::Tensor& rows : sequences) rows = torch::constant_pad_nd(rows, {0, 0, 0, longest - rows.size(1)});
  const torch::Tensor all = torch::cat(sequences);
  return tower.Encode(all, torch::tensor(ends, torch::kInt64).to(all.device()));
}

}  // namespace bayespfl
