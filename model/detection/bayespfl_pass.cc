#include "model/detection/bayespfl_pass.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "model/detection/host_stage.h"

namespace bayespfl {
namespace {

PromptPlan PlanOf(const std::vector<PassFrame>& frames, const ModelConfig& config) {
  std::vector<PromptSource> sources;
  for (const PassFrame& frame : frames) {
    sources.push_back({.token_ids = frame.frame->token_ids, .samples = frame.frame->settings.samples});
  }
  return {sources, config};
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
                           std::optional<c10::Stream> stream)
    : model_(model),
      frames_(std::move(frames)),
      prompts_(prompts),
      stream_(stream),
      plan_(PlanOf(frames_, model.config())),
      runs_(model.Runs(plan_.pictures())),
      clock_(stream),
      results_(runs_.size()) {
  for (size_t run = 0; run < runs_.size(); ++run) {
    run_of_frame_.insert(run_of_frame_.end(), static_cast<size_t>(runs_[run].count), run);
  }
}

std::vector<size_t> BayesPflPass::run_sizes() const {
  std::vector<size_t> sizes;
  for (const PictureRun& run : runs_) sizes.push_back(static_cast<size_t>(run.count));
  return sizes;
}

void BayesPflPass::Share() {
  if (stream_.has_value()) on_stream_.emplace(*stream_);
  begin_mark_ = clock_.Mark();
  const Inputs inputs = SendInputs();
  const VisionFeatures features = model_.EncodeImages(inputs.pictures);
  embeddings_ = model_.image_head().ImageEmbedding(features);
  for (size_t layer = 0; layer < features.patch_tokens.size(); ++layer) {
    patches_.push_back(model_.rca().ProjectPatches(layer, features.patch_tokens[layer]));
  }
  vision_mark_ = clock_.Mark();
  texts_ = model_.EncodePrompts(features.image, {.plan = &plan_, .numbers = inputs.numbers, .noise = inputs.noise},
                                prompts_);
  prompts_mark_ = clock_.Mark();
}

void BayesPflPass::Run(size_t index) {
  const PictureRun& run = runs_[index];
  RunResult& result = results_[index];
  const size_t begin = clock_.Mark();
  const torch::Tensor text = run.RowsOf(texts_, 2 * model_.config().prompts);
  const torch::Tensor scores = model_.ScoreTensor(text, run.PicturesOf(embeddings_), run.samples);
  std::vector<torch::Tensor> patches;
  for (const torch::Tensor& layer : patches_) patches.push_back(run.PicturesOf(layer));
  const AnomalyMaps maps = model_.MapAnomalies(text, patches, run.samples, WantsDeviation(run));
  result = {.scores = scores, .maps = maps, .begin_mark = begin, .end_mark = clock_.Mark()};
}

void BayesPflPass::Fetch() {
  runs_mark_ = clock_.Mark();
  std::vector<torch::Tensor> tensors;
  for (const RunResult& result : results_) {
    tensors.insert(tensors.end(), {result.scores, result.maps.mean, result.maps.deviation});
  }
  const std::vector<torch::Tensor> host = StartDownload(tensors);
  fetched_mark_ = clock_.Mark();
  if (stream_.has_value()) stream_->synchronize();
  for (size_t run = 0; run < results_.size(); ++run) {
    results_[run].scores = host[3 * run];
    results_[run].maps = {.mean = host[3 * run + 1], .deviation = host[3 * run + 2]};
  }
}

ComputedFrame BayesPflPass::Result(size_t index) const {
  const size_t run = run_of_frame_[index];
  const RunResult& own = results_[run];
  const int64_t place = static_cast<int64_t>(index) - runs_[run].first;  // in the run
  const BayesPflFrame& frame = *frames_[index].frame;
  ComputedFrame result;
  result.settings = frame.settings;
  const float* const scores = own.scores.const_data_ptr<float>() + 2 * place;
  result.score = scores[0];
  result.score_std = scores[1];
  result.map = PixelMapOf(own.maps.mean, place);
  if (frame.settings.map_deviation) result.map_std = PixelMapOf(own.maps.deviation, place);
  result.seconds.preprocess = frame.seconds;
  result.seconds.vision = clock_.Between(begin_mark_, vision_mark_);
  result.seconds.prompts = clock_.Between(vision_mark_, prompts_mark_);
  result.seconds.detect = clock_.Between(own.begin_mark, own.end_mark) + clock_.Between(runs_mark_, fetched_mark_);
  return result;
}

BayesPflPass::Inputs BayesPflPass::SendInputs() const {
  const ModelConfig& config = model_.config();
  const auto count = static_cast<int64_t>(frames_.size());
  const HostStage stage({{.shape = {count, 3, config.image_size, config.image_size}},
                         {.shape = {3, plan_.samples(), config.embed_dim}},
                         {.shape = {plan_.size()}, .type = torch::kInt64}},
                        model_.device());
  const torch::Tensor& pictures = stage.host()[0];
  const torch::Tensor& numbers = stage.host()[2];
  float* picture = pictures.mutable_data_ptr<float>();
  for (const PassFrame& frame : frames_) {
    picture = std::copy(frame.frame->input.begin(), frame.frame->input.end(), picture);
  }
  WriteNoise(stage.host()[1]);
  plan_.Write({numbers.mutable_data_ptr<int64_t>(), static_cast<size_t>(numbers.numel())});
  const std::vector<torch::Tensor> sent = stage.Send();
  return {.pictures = sent[0], .noise = sent[1], .numbers = sent[2]};
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
