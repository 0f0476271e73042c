// What the device computes for a batch, step by step, from what was sent to it.
#ifndef BAYESPFL_MODEL_DETECTION_BATCH_WORK_H_
#define BAYESPFL_MODEL_DETECTION_BATCH_WORK_H_

#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "model/libtorch.h"
#include "model/network/model.h"
#include "model/network/prompt_batch.h"
#include "model/network/prompt_form.h"

namespace bayespfl {

// What the host brings to the device.
struct BatchInputs {
  torch::Tensor pictures;  // [N, 3, S, S]
  torch::Tensor noise;     // [3, samples of all frames, E]
  torch::Tensor numbers;   // of the plan
};

// What a batch's steps are made for; borrowed. What the device is asked to do hangs on it alone, and not on any content
// of BatchInputs.
struct BatchOrder {
  const BayesPflModel* model = nullptr;
  const PromptPlan* plan = nullptr;
  absl::Span<const PictureRun> runs;
  const std::vector<bool>* deviations = nullptr;  // of each run: whether a frame of it wants the map's
  PromptForm prompts = PromptForm::kShared;
};

// Each step once and in this order: EncodeImages(), EncodePrompts(), Run() of each run, Gather(). None waits for the
// device. They throw c10::Error when it fails. Not thread-safe.
class BatchWork {
 public:
  explicit BatchWork(const BatchOrder& order) : order_(order), results_(3 * order.runs.size()) {}

  void EncodeImages(const BatchInputs& inputs);
  void EncodePrompts(const BatchInputs& inputs);
  void Run(size_t run);
  // On the CPU nothing is left to do.
  void Gather();

  // Of each run three tensors; where it has several frames, with an axis of them in front: scores [.., 2] (mean,
  // deviation), the maps' mean [.., S, S], and their deviation, undefined where no frame wants it. Undefined for a run
  // that was not computed.
  const std::vector<torch::Tensor>& results() const { return results_; }
  // All of them, in one piece (Gathered() of host_stage.h).
  const torch::Tensor& gathered() const { return gathered_; }

 private:
  const BatchOrder order_;
  torch::Tensor image_features_;
  torch::Tensor embeddings_;            // [N, E]
  std::vector<torch::Tensor> patches_;  // F of every tapped layer: four of [N, L, D_t]
  torch::Tensor texts_;                 // [sum of 2M_i, E]
  std::vector<torch::Tensor> results_;
  torch::Tensor gathered_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_DETECTION_BATCH_WORK_H_
