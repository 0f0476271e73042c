// One batch's way through the device: all pictures and draws there with one copy, everything computed without the host
// waiting for anything, all results back with one copy.
#ifndef BAYESPFL_MODEL_DETECTION_BAYESPFL_PASS_H_
#define BAYESPFL_MODEL_DETECTION_BAYESPFL_PASS_H_

#include <c10/core/Stream.h>
#include <c10/core/StreamGuard.h>

#include <cstddef>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "model/detection/detection.h"
#include "model/detection/device_stream.h"
#include "model/detection/frame_preparer.h"
#include "model/network/model.h"
#include "model/network/noise.h"
#include "model/network/prompt_batch.h"
#include "model/network/prompt_form.h"
#include "torch/torch.h"

namespace bayespfl {

// A frame of the batch, borrowed, and what its draws are made from.
struct PassFrame {
  const BayesPflFrame* frame = nullptr;
  NoiseSeeds seeds;
};

// For one batch, of at least one frame, and one thread. The steps are those of BatchSteps (compute_each.h) and are
// called in its order, with c10::InferenceMode on; they throw c10::Error when the device fails. From Share() on, as
// long as this object lives, the thread's work for the device goes to `stream`, where there is one.
class BayesPflPass {
 public:
  // `model` is borrowed.
  BayesPflPass(const BayesPflModel& model, std::vector<PassFrame> frames, PromptForm prompts,
               std::optional<c10::Stream> stream);
  BayesPflPass(const BayesPflPass&) = delete;
  BayesPflPass& operator=(const BayesPflPass&) = delete;

  // How many frames each run has.
  std::vector<size_t> run_sizes() const;

  void Share();
  void Run(size_t run);
  void Fetch();
  ComputedFrame Result(size_t frame) const;

 private:
  // What a run's frames have of their own; where there are several, with an axis of them in front.
  struct RunResult {
    torch::Tensor scores;   // [.., 2]: mean, deviation
    AnomalyMaps maps;       // [.., S, S]
    size_t begin_mark = 0;  // of the clock
    size_t end_mark = 0;
  };
  // What the host brings to the device.
  struct Inputs {
    torch::Tensor pictures;  // [N, 3, S, S]
    torch::Tensor noise;     // [3, samples of all frames, E]
    torch::Tensor numbers;   // of the plan
  };

  Inputs SendInputs() const;
  void WriteNoise(const torch::Tensor& to) const;
  bool WantsDeviation(const PictureRun& run) const;

  const BayesPflModel& model_;
  const std::vector<PassFrame> frames_;
  const PromptForm prompts_;
  const std::optional<c10::Stream> stream_;
  const PromptPlan plan_;
  const std::vector<PictureRun> runs_;
  std::vector<size_t> run_of_frame_;

  std::optional<c10::StreamGuard> on_stream_;
  StageClock clock_;
  size_t begin_mark_ = 0;
  size_t vision_mark_ = 0;
  size_t prompts_mark_ = 0;
  size_t runs_mark_ = 0;
  size_t fetched_mark_ = 0;
  torch::Tensor embeddings_;            // [N, E]
  std::vector<torch::Tensor> patches_;  // F of every tapped layer: four of [N, L, D_t]
  torch::Tensor texts_;                 // [sum of 2M_i, E]
  std::vector<RunResult> results_;      // in host memory after Fetch()
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_DETECTION_BAYESPFL_PASS_H_
