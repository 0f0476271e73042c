// What the host says of a batch's prompts, in a form that reaches the device with one copy.
#ifndef BAYESPFL_MODEL_NETWORK_PROMPT_BATCH_H_
#define BAYESPFL_MODEL_NETWORK_PROMPT_BATCH_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "model/libtorch.h"
#include "model/network/prompt_layout.h"
#include "model/package/model_config.h"

namespace bayespfl {

// What one picture's prompts are made for; borrowed.
struct PromptSource {
  absl::Span<const int32_t> token_ids;  // start .. end of text, "X" at position 1; no padding
  int64_t samples = 1;                  // R
};

// The numbers of PromptPlan, in parts, all int64.
struct PromptIndices {
  torch::Tensor token_ids;   // [all pictures' tokens]
  torch::Tensor table_rows;  // these as in PromptLayout
  torch::Tensor positions;
  torch::Tensor sequences;  // [N, length]
  torch::Tensor places;
  torch::Tensor ends;
};

// Which numbers a batch's prompts need. Immutable.
class PromptPlan {
 public:
  PromptPlan(absl::Span<const PromptSource> pictures, const ModelConfig& config);

  const std::vector<PromptShape>& pictures() const { return pictures_; }
  int64_t samples() const { return samples_; }  // of all pictures: sum of R

  // How many numbers there are, and all of them, one behind the other. Requires room for size().
  int64_t size() const;
  void Write(absl::Span<int64_t> to) const;
  // The same as a tensor in host memory.
  torch::Tensor Numbers() const;
  // The parts of what Write() wrote, [size()], wherever it lies now.
  PromptIndices Split(const torch::Tensor& numbers) const;

 private:
  std::vector<PromptShape> pictures_;
  int64_t samples_ = 0;
  std::vector<int64_t> token_ids_;
  PromptLayout layout_;
};

// Pictures of a batch that go through the small steps together, since they are neighbours and have as many samples
// each. What belongs to them has an axis of the pictures in front where there are several.
struct PictureRun {
  int64_t first = 0;
  int64_t count = 1;
  int64_t samples = 1;       // R, of each
  int64_t first_sample = 0;  // of all the batch's samples

  // Of a tensor [pictures, ...]: [...], or [count, ...].
  torch::Tensor PicturesOf(const torch::Tensor& batch) const;
  // Of a tensor with so many rows for each sample of the batch, [rows, ...]: [own rows, ...], or [count, rows of one,
  // ...].
  torch::Tensor RowsOf(const torch::Tensor& batch, int64_t rows_of_a_sample) const;
};

// The longest runs; or `alone`, each picture.
std::vector<PictureRun> RunsOf(absl::Span<const PromptShape> pictures, bool alone);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_PROMPT_BATCH_H_
