#include "model/network/shared_prompts.h"

namespace bayespfl {

torch::Tensor SharedPrompts::Whole() const {
  return rows.index_select(0, sequences.flatten()).unflatten(0, sequences.sizes());
}

SharedPrompts SharePrompts(const PromptParts& parts, const PromptIndices& indices, const torch::Tensor& positions) {
  const torch::Tensor table =
      torch::cat({parts.tokens, parts.context.flatten(0, 1), parts.normal.flatten(0, 1), parts.abnormal.flatten(0, 1)});
  return {.rows = table.index_select(0, indices.table_rows) + positions.index_select(0, indices.positions),
          .sequences = indices.sequences,
          .places = indices.places,
          .ends = indices.ends};
}

}  // namespace bayespfl
