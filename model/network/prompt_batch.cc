#include "model/network/prompt_batch.h"

#include <algorithm>
#include <cstddef>

namespace bayespfl {
namespace {

int64_t SizeOf(const std::vector<int64_t>& numbers) { return static_cast<int64_t>(numbers.size()); }

}  // namespace

PromptPlan::PromptPlan(absl::Span<const PromptSource> pictures, const ModelConfig& config) {
  for (const PromptSource& picture : pictures) {
    pictures_.push_back({.samples = picture.samples, .tokens = static_cast<int64_t>(picture.token_ids.size())});
    samples_ += picture.samples;
    token_ids_.insert(token_ids_.end(), picture.token_ids.begin(), picture.token_ids.end());
  }
  layout_ = LayOutPrompts(
      pictures_, {.prompts = config.prompts, .context_rows = config.context_rows, .state_rows = config.state_rows});
}

int64_t PromptPlan::size() const {
  return SizeOf(token_ids_) + SizeOf(layout_.table_rows) + SizeOf(layout_.positions) + SizeOf(layout_.sequences) +
         SizeOf(layout_.places) + SizeOf(layout_.ends);
}

void PromptPlan::Write(absl::Span<int64_t> to) const {
  auto next = to.begin();
  for (const std::vector<int64_t>* const part :
       {&token_ids_, &layout_.table_rows, &layout_.positions, &layout_.sequences, &layout_.places, &layout_.ends}) {
    next = std::copy(part->begin(), part->end(), next);
  }
}

torch::Tensor PromptPlan::Numbers() const {
  torch::Tensor numbers = torch::empty({size()}, torch::kInt64);
  Write({numbers.mutable_data_ptr<int64_t>(), static_cast<size_t>(numbers.numel())});
  return numbers;
}

PromptIndices PromptPlan::Split(const torch::Tensor& numbers) const {
  const std::vector<torch::Tensor> parts =
      torch::split_with_sizes(numbers, {SizeOf(token_ids_), SizeOf(layout_.table_rows), SizeOf(layout_.positions),
                                        SizeOf(layout_.sequences), SizeOf(layout_.places), SizeOf(layout_.ends)});
  return {.token_ids = parts[0],
          .table_rows = parts[1],
          .positions = parts[2],
          .sequences = parts[3].view({-1, layout_.length}),
          .places = parts[4],
          .ends = parts[5]};
}

torch::Tensor PictureRun::PicturesOf(const torch::Tensor& batch) const {
  return count == 1 ? batch[first] : batch.slice(0, first, first + count);
}

torch::Tensor PictureRun::RowsOf(const torch::Tensor& batch, int64_t rows_of_a_sample) const {
  const int64_t begin = first_sample * rows_of_a_sample;
  const int64_t rows = samples * rows_of_a_sample;
  const torch::Tensor own = batch.slice(0, begin, begin + count * rows);
  return count == 1 ? own : own.unflatten(0, {count, rows});
}

std::vector<PictureRun> RunsOf(absl::Span<const PromptShape> pictures, bool alone) {
  std::vector<PictureRun> runs;
  int64_t first_sample = 0;
  for (size_t i = 0; i < pictures.size(); ++i) {
    const int64_t samples = pictures[i].samples;
    if (!alone && !runs.empty() && runs.back().samples == samples) {
      ++runs.back().count;
    } else {
      runs.push_back({.first = static_cast<int64_t>(i), .samples = samples, .first_sample = first_sample});
    }
    first_sample += samples;
  }
  return runs;
}

}  // namespace bayespfl
