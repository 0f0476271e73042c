// Where the rows of a batch's prompts come from and where they stand, as numbers that the host counts from the
// pictures' sizes alone: no tensor is needed for them, and none of LibTorch's operators.
//
// Under a causal mask a row depends on those before it alone. A normal and an abnormal prompt of one sample begin with
// the same start of text and the same context rows, and all prompts of a picture with the same start of text: of 840
// rows (R = 10, B = 3, "metal nut") 631 differ. Only these go through the text tower's linear maps.
#ifndef BAYESPFL_MODEL_NETWORK_PROMPT_LAYOUT_H_
#define BAYESPFL_MODEL_NETWORK_PROMPT_LAYOUT_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace bayespfl {

// One picture's prompts.
struct PromptShape {
  int64_t samples = 1;  // R
  int64_t tokens = 3;   // start of text, "X", the object's tokens, end of text
};

// The learned prompts of the model.
struct PromptBankShape {
  int64_t prompts = 1;       // B
  int64_t context_rows = 1;  // P
  int64_t state_rows = 1;    // Q
};

// The n rows of all pictures' prompts, and the N sequences that they form. Picture by picture there is a row for the
// start of text, then those of the context, then what each normal and then each abnormal prompt goes on with; and M = R
// B normal sequences, then M abnormal ones. A row is made of a row of a table and of one of the positional embedding.
// In the table stand, in this order, for all pictures: the tokens' embeddings, the context's rows [R B, P], the normal
// states' [R B, Q], the abnormal ones' [R B, Q].
struct PromptLayout {
  std::vector<int64_t> table_rows;  // [n]
  std::vector<int64_t> positions;   // [n]
  // [N, length]: which row stands at each position. Sequences end at different positions; what stands behind their ends
  // is of no meaning.
  std::vector<int64_t> sequences;
  std::vector<int64_t> places;  // [n]: where in the flattened `sequences` each row stands first
  std::vector<int64_t> ends;    // [N]: where in the flattened `sequences` each sequence ends
  int64_t length = 0;           // of the longest sequence
};

// Every size at least 1, tokens at least 3.
PromptLayout LayOutPrompts(absl::Span<const PromptShape> pictures, const PromptBankShape& bank);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_PROMPT_LAYOUT_H_
