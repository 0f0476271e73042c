#include "model/network/prompt_layout.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace bayespfl {
namespace {

// Start of text, context rows, state rows and what follows "X": every prompt of a picture has as many.
int64_t LengthOf(const PromptShape& picture, const PromptBankShape& bank) {
  return picture.tokens - 1 + bank.context_rows + bank.state_rows;
}

// Writes the layout picture by picture.
class LayoutWriter {
 public:
  LayoutWriter(absl::Span<const PromptShape> pictures, const PromptBankShape& bank) : bank_(bank) {
    int64_t pairs = 0;  // of all pictures
    for (const PromptShape& picture : pictures) {
      layout_.length = std::max(layout_.length, LengthOf(picture, bank));
      next_context_ += picture.tokens;
      pairs += picture.samples * bank.prompts;
    }
    next_normal_ = next_context_ + pairs * bank.context_rows;
    next_abnormal_ = next_normal_ + pairs * bank.state_rows;
  }

  void Add(const PromptShape& picture) {
    const auto first_row = static_cast<int64_t>(layout_.table_rows.size());
    AddRows(picture);
    layout_.places.resize(layout_.table_rows.size(), -1);
    AddSequences(picture, first_row);
    next_token_ += picture.tokens;
  }

  PromptLayout Take() && { return std::move(layout_); }

 private:
  // Of the table, neighbours that stand one behind the other in a prompt.
  void AddRun(int64_t table_row, int64_t position, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      layout_.table_rows.push_back(table_row + i);
      layout_.positions.push_back(position + i);
    }
  }

  void AddRows(const PromptShape& picture) {
    const int64_t pairs = picture.samples * bank_.prompts;
    const int64_t context_end = 1 + bank_.context_rows;
    AddRun(next_token_, 0, 1);
    for (int64_t pair = 0; pair < pairs; ++pair) {
      AddRun(next_context_, 1, bank_.context_rows);
      next_context_ += bank_.context_rows;
    }
    for (int64_t* const next_state : {&next_normal_, &next_abnormal_}) {
      for (int64_t pair = 0; pair < pairs; ++pair) {
        AddRun(*next_state, context_end, bank_.state_rows);
        *next_state += bank_.state_rows;
        // "X" gave way to the learned rows.
        AddRun(next_token_ + 2, context_end + bank_.state_rows, picture.tokens - 2);
      }
    }
  }

  void AddSequences(const PromptShape& picture, int64_t first_row) {
    const int64_t pairs = picture.samples * bank_.prompts;
    const int64_t own = LengthOf(picture, bank_) - 1 - bank_.context_rows;
    int64_t own_row = first_row + 1 + pairs * bank_.context_rows;
    for (int64_t sequence = 0; sequence < 2 * pairs; ++sequence) {
      const auto begin = static_cast<int64_t>(layout_.sequences.size());
      Place(first_row, 1);
      Place(first_row + 1 + sequence % pairs * bank_.context_rows, bank_.context_rows);
      Place(own_row, own);
      own_row += own;
      layout_.ends.push_back(begin + LengthOf(picture, bank_) - 1);
      layout_.sequences.resize(static_cast<size_t>(begin + layout_.length), first_row);
    }
  }

  // Neighbouring rows of the batch, next in the sequence.
  void Place(int64_t row, int64_t count) {
    for (const int64_t end = row + count; row < end; ++row) {
      int64_t& place = layout_.places[static_cast<size_t>(row)];
      if (place < 0) place = static_cast<int64_t>(layout_.sequences.size());
      layout_.sequences.push_back(row);
    }
  }

  const PromptBankShape bank_;
  PromptLayout layout_;
  // Rows of the table that no picture has taken yet.
  int64_t next_token_ = 0;
  int64_t next_context_ = 0;
  int64_t next_normal_ = 0;
  int64_t next_abnormal_ = 0;
};

}  // namespace

PromptLayout LayOutPrompts(absl::Span<const PromptShape> pictures, const PromptBankShape& bank) {
  LayoutWriter writer(pictures, bank);
  for (const PromptShape& picture : pictures) writer.Add(picture);
  return std::move(writer).Take();
}

}  // namespace bayespfl
