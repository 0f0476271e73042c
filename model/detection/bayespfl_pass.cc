#include "model/detection/bayespfl_pass.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/detection/device_errors.h"
#include "model/package/precision.h"

namespace bayespfl {
namespace {

using Way = RecordedBatches::Way;

// The steps of a recording: these, one for each run, and one that gathers the results.
constexpr size_t kImagesStep = 0;
constexpr size_t kPromptsStep = 1;
constexpr size_t kFirstRunStep = 2;

PromptPlan PlanOf(const std::vector<PassFrame>& frames, const ModelConfig& config) {
  std::vector<PromptSource> sources;
  for (const PassFrame& frame : frames) {
    sources.push_back({.token_ids = frame.frame->token_ids, .samples = frame.frame->settings.samples});
  }
  return {sources, config};
}

HostStage StageFor(const BayesPflModel& model, const PromptPlan& plan) {
  const ModelConfig& config = model.config();
  const auto count = static_cast<int64_t>(plan.pictures().size());
  return {{{.shape = {count, 3, config.image_size, config.image_size}},
           {.shape = {3, plan.samples(), config.embed_dim}},
           {.shape = {plan.size()}, .type = torch::kInt64}},
          model.device()};
}

// Of picture `index` of a run, from its tensor [.., S, S] in host memory.
PixelMap PixelMapOf(const torch::Tensor& maps, int64_t index) {
  const auto width = static_cast<size_t>(maps.size(-1));
  const auto height = static_cast<size_t>(maps.size(-2));
  const float* const pixels = maps.const_data_ptr<float>() + static_cast<size_t>(index) * width * height;
  return {static_cast<int>(width), static_cast<int>(height), {pixels, pixels + width * height}};
}

}  // namespace

BayesPflPass::BayesPflPass(const BayesPflModel& model, std::vector<PassFrame> frames, PromptForm prompts,
                           std::optional<c10::Stream> stream, RecordedBatches* recorded)
    : model_(model),
      frames_(std::move(frames)),
      stream_(stream),
      plan_(PlanOf(frames_, model.config())),
      runs_(model.Runs(plan_.pictures())),
      order_({.model = &model_, .plan = &plan_, .runs = runs_, .deviations = &deviations_, .prompts = prompts}),
      clock_(stream),
      run_marks_(runs_.size()),
      work_(order_) {
  for (size_t run = 0; run < runs_.size(); ++run) {
    run_of_frame_.insert(run_of_frame_.end(), static_cast<size_t>(runs_[run].count), run);
    deviations_.push_back(WantsDeviation(runs_[run]));
  }
  if (recorded != nullptr) turn_.emplace(recorded->Begin(Shape()));
}

std::vector<size_t> BayesPflPass::run_sizes() const {
  std::vector<size_t> sizes;
  for (const PictureRun& run : runs_) sizes.push_back(static_cast<size_t>(run.count));
  return sizes;
}

void BayesPflPass::Share() {
  if (stream_.has_value()) on_stream_.emplace(*stream_);
  begin_mark_ = clock_.Mark();
  const HostStage stage = StageFor(model_, plan_);
  FillStage(stage);
  if (way() == Way::kReplay) {
    stage.SendTo(turn_->recording().tensors.input);
    turn_->recording().Replay(kImagesStep);
    vision_mark_ = clock_.Mark();
    turn_->recording().Replay(kPromptsStep);
  } else {
    sent_ = stage.SendBytes();
    inputs_ = InputsOf(stage.PartsOf(sent_));
    work_.EncodeImages(inputs_);
    vision_mark_ = clock_.Mark();
    work_.EncodePrompts(inputs_);
  }
  prompts_mark_ = clock_.Mark();
}

void BayesPflPass::Run(size_t index) {
  run_marks_[index].begin = clock_.Mark();
  if (way() == Way::kReplay) {
    turn_->recording().Replay(kFirstRunStep + index);
  } else {
    work_.Run(index);
  }
  run_marks_[index].end = clock_.Mark();
}

void BayesPflPass::Fetch() {
  runs_mark_ = clock_.Mark();
  if (way() == Way::kReplay) {
    const Recording& recording = turn_->recording();
    recording.Replay(recording.steps() - 1);
    results_ = StartDownload(recording.tensors.results, recording.tensors.gathered);
  } else {
    work_.Gather();
    results_ = StartDownload(work_.results(), work_.gathered());
  }
  fetched_mark_ = clock_.Mark();
  if (stream_.has_value()) stream_->synchronize();
}

ComputedFrame BayesPflPass::Result(size_t index) const {
  const size_t run = run_of_frame_[index];
  const torch::Tensor* const own = &results_[3 * run];                   // scores, mean, deviation
  const int64_t place = static_cast<int64_t>(index) - runs_[run].first;  // in the run
  const BayesPflFrame& frame = *frames_[index].frame;
  ComputedFrame result;
  result.settings = frame.settings;
  const float* const scores = own[0].const_data_ptr<float>() + 2 * place;
  result.score = scores[0];
  result.score_std = scores[1];
  result.map = PixelMapOf(own[1], place);
  if (frame.settings.map_deviation) result.map_std = PixelMapOf(own[2], place);
  result.seconds.preprocess = frame.seconds;
  result.seconds.vision = clock_.Between(begin_mark_, vision_mark_);
  result.seconds.prompts = clock_.Between(vision_mark_, prompts_mark_);
  result.seconds.detect =
      clock_.Between(run_marks_[run].begin, run_marks_[run].end) + clock_.Between(runs_mark_, fetched_mark_);
  return result;
}

// --- recordings ---

void BayesPflPass::SettleRecording(const absl::Status& outcome) {
  if (!turn_.has_value()) return;
  const absl::Status settled = CatchDeviceErrors(absl::StatusCode::kInternal, "recording a batch", [&] {
    if (absl::IsResourceExhausted(outcome)) {
      stream_->synchronize();
      turn_->Forget();
    } else if (!outcome.ok() && way() == Way::kReplay) {
      return outcome;
    } else if (outcome.ok() && way() == Way::kRecord) {
      Record();
    } else if (outcome.ok() && way() == Way::kCompare) {
      return CompareRecording();
    }
    return absl::OkStatus();
  });
  if (settled.ok()) return;
  // A recording may only go when the device is done with it; a device that cannot say so has none of it left to do.
  CatchDeviceErrors(absl::StatusCode::kInternal, "", [&] {
    stream_->synchronize();
    return absl::OkStatus();
  }).IgnoreError();
  turn_->GiveUp(std::string(settled.message()));
}

void BayesPflPass::Record() {
  BatchWork work(order_);
  std::vector<std::function<void()>> steps = {[&] { work.EncodeImages(inputs_); },
                                              [&] { work.EncodePrompts(inputs_); }};
  for (size_t run = 0; run < runs_.size(); ++run) {
    steps.emplace_back([&work, run] { work.Run(run); });
  }
  steps.emplace_back([&] { work.Gather(); });
  turn_->Record(model_.device(), steps, [&]() -> Recording::Tensors {
    return {.input = sent_, .results = work.results(), .gathered = work.gathered()};
  });
}

absl::Status BayesPflPass::CompareRecording() {
  const Recording& recording = turn_->recording();
  recording.tensors.input.copy_(sent_);
  for (size_t step = 0; step < recording.steps(); ++step) recording.Replay(step);
  const torch::Tensor differences = recording.tensors.gathered - work_.gathered();
  const auto apart = torch::maximum(differences, -differences).max().item<float>();
  if (apart <= static_cast<float>(ScoreTolerance(model_.precision()))) {
    turn_->Trust();
    return absl::OkStatus();
  }
  return absl::InternalError(absl::StrCat("a recorded batch is ", apart, " off from what was computed"));
}

// All that decides which operators are called, and with tensors of which shapes.
BatchShape BayesPflPass::Shape() const {
  BatchShape shape;
  for (const PromptShape& picture : plan_.pictures()) {
    shape.push_back(picture.samples);
    shape.push_back(picture.tokens);
  }
  for (const bool deviation : deviations_) shape.push_back(deviation ? 1 : 0);
  return shape;
}

// --- what is sent ---

BatchInputs BayesPflPass::InputsOf(const std::vector<torch::Tensor>& sent) {
  return {.pictures = sent[0], .noise = sent[1], .numbers = sent[2]};
}

void BayesPflPass::FillStage(const HostStage& stage) const {
  const BatchInputs inputs = InputsOf(stage.host());
  float* picture = inputs.pictures.mutable_data_ptr<float>();
  for (const PassFrame& frame : frames_) {
    picture = std::copy(frame.frame->input.begin(), frame.frame->input.end(), picture);
  }
  WriteNoise(inputs.noise);
  plan_.Write({inputs.numbers.mutable_data_ptr<int64_t>(), static_cast<size_t>(inputs.numbers.numel())});
}

void BayesPflPass::WriteNoise(const torch::Tensor& to) const {
  int64_t sample = 0;
  for (const PassFrame& frame : frames_) {
    const int64_t end = sample + frame.frame->settings.samples;
    DrawPromptNoise(frame.seeds, {.context = to[0].slice(0, sample, end),
                                  .normal = to[1].slice(0, sample, end),
                                  .abnormal = to[2].slice(0, sample, end)});
    sample = end;
  }
}

bool BayesPflPass::WantsDeviation(const PictureRun& run) const {
  const auto first = frames_.begin() + run.first;
  return std::any_of(first, first + run.count,
                     [](const PassFrame& frame) { return frame.frame->settings.map_deviation; });
}

}  // namespace bayespfl
