// One batch's way through the device: all pictures and draws there with one copy, everything computed without the host
// waiting for anything, all results back with one copy.
#ifndef BAYESPFL_MODEL_DETECTION_BAYESPFL_PASS_H_
#define BAYESPFL_MODEL_DETECTION_BAYESPFL_PASS_H_

#include <c10/core/Stream.h>
#include <c10/core/StreamGuard.h>

#include <cstddef>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "model/detection/batch_work.h"
#include "model/detection/detection.h"
#include "model/detection/device_stream.h"
#include "model/detection/frame_preparer.h"
#include "model/detection/host_stage.h"
#include "model/detection/recorded_batches.h"
#include "model/libtorch.h"
#include "model/network/model.h"
#include "model/network/noise.h"
#include "model/network/prompt_batch.h"
#include "model/network/prompt_form.h"

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
  // `model` is borrowed, and so is what the device has recorded of such batches: null where it records none, and only
  // where there is a stream.
  BayesPflPass(const BayesPflModel& model, std::vector<PassFrame> frames, PromptForm prompts,
               std::optional<c10::Stream> stream, RecordedBatches* recorded = nullptr);
  BayesPflPass(const BayesPflPass&) = delete;
  BayesPflPass& operator=(const BayesPflPass&) = delete;

  // How many frames each run has.
  std::vector<size_t> run_sizes() const;

  void Share();
  void Run(size_t run);
  void Fetch();
  ComputedFrame Result(size_t frame) const;

  // When everything else was done, with the first frame's error, if one has one: what is to be recorded is, and what
  // was is tried. Does not throw.
  void SettleRecording(const absl::Status& outcome);

 private:
  // Of the clock.
  struct RunMarks {
    size_t begin = 0;
    size_t end = 0;
  };

  static BatchInputs InputsOf(const std::vector<torch::Tensor>& sent);

  BatchShape Shape() const;
  void FillStage(const HostStage& stage) const;
  void WriteNoise(const torch::Tensor& to) const;
  bool WantsDeviation(const PictureRun& run) const;
  RecordedBatches::Way way() const { return turn_.has_value() ? turn_->way() : RecordedBatches::Way::kOrdinary; }
  void Record();
  // Internal: what it gives is not what was computed.
  absl::Status CompareRecording();

  const BayesPflModel& model_;
  const std::vector<PassFrame> frames_;
  const std::optional<c10::Stream> stream_;
  const PromptPlan plan_;
  const std::vector<PictureRun> runs_;
  std::vector<size_t> run_of_frame_;
  std::vector<bool> deviations_;  // of each run
  const BatchOrder order_;

  std::optional<RecordedBatches::Turn> turn_;
  std::optional<c10::StreamGuard> on_stream_;
  StageClock clock_;
  size_t begin_mark_ = 0;
  size_t vision_mark_ = 0;
  size_t prompts_mark_ = 0;
  size_t runs_mark_ = 0;
  size_t fetched_mark_ = 0;
  std::vector<RunMarks> run_marks_;
  torch::Tensor sent_;  // in bytes
  BatchInputs inputs_;  // the same in parts
  BatchWork work_;
  std::vector<torch::Tensor> results_;  // of all runs, in host memory
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_DETECTION_BAYESPFL_PASS_H_
