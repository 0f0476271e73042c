#include "model/detection/bayespfl_detector.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/detection/device_errors.h"
#include "model/detection/finish.h"
#include "model/detection/object_reader.h"
#include "model/detection/stop_watch.h"

namespace bayespfl {
namespace {

PixelMap ToPixelMap(const torch::Tensor& tensor) {
  const torch::Tensor cpu = tensor.to(torch::kCPU).contiguous();
  PixelMap map{static_cast<int>(cpu.size(1)), static_cast<int>(cpu.size(0)), {}};
  map.values.assign(cpu.data_ptr<float>(), cpu.data_ptr<float>() + cpu.numel());
  return map;
}

// F of every tapped layer for all pictures: four of [N, L, D_t].
std::vector<torch::Tensor> ProjectPatches(const BayesPflModel& model, const VisionFeatures& features) {
  std::vector<torch::Tensor> patches;
  for (size_t layer = 0; layer < features.patch_tokens.size(); ++layer) {
    patches.push_back(model.rca().ProjectPatches(layer, features.patch_tokens[layer]));
  }
  return patches;
}

// One picture's share of them: four of [L, D_t].
std::vector<torch::Tensor> RowOf(const std::vector<torch::Tensor>& patches, int64_t row) {
  std::vector<torch::Tensor> own;
  for (const torch::Tensor& layer : patches) own.push_back(layer[row]);
  return own;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Detector>> BayesPflDetector::Load(const ModelPackage& package, torch::Device device) {
  const ModelConfig& config = package.config;
  absl::StatusOr<ObjectReader> reader = ObjectReader::Create(package.vocabulary_path, config);
  if (!reader.ok()) return reader.status();
  std::unique_ptr<const BayesPflModel> model;
  const std::string failure = absl::StrCat("cannot place ", package.dir, " on ", device.str());
  const absl::Status loaded = CatchDeviceErrors(absl::StatusCode::kInternal, failure, [&] {
    auto network = BayesPflModel::Load(config, *package.clip, *package.bayespfl, device);
    if (!network.ok()) return network.status();
    model = *std::move(network);
    return absl::OkStatus();
  });
  if (!loaded.ok()) return loaded;
  FramePreparer preparer(config, *std::move(reader));
  return std::unique_ptr<Detector>(new BayesPflDetector(package, std::move(preparer), std::move(model)));
}

BayesPflDetector::BayesPflDetector(const ModelPackage& package, FramePreparer preparer,
                                   std::unique_ptr<const BayesPflModel> model)
    : preparer_(std::move(preparer)), model_(std::move(model)) {
  const ModelConfig& config = package.config;
  info_ = {.name = config.name,
           .version = package.version(),
           .digest = package.digest,
           .computation_digest = package.computation_digest,
           .device = model_->device().str(),
           .stage = config.stage,
           .image_size = static_cast<int>(config.image_size),
           .default_samples = config.samples,
           .kind = "bayes-pfl",
           .precision = "fp32",
           .kernels = ComputeKernels(model_->device()),
           .map_smoothing_sigma = config.map_smoothing_sigma,
           .iad_sampling = config.iad_per_request ? "request" : "first"};
  if (config.mask_threshold.has_value()) {
    info_.default_thresholds = {.source = ThresholdSource::kPackage, .mask = *config.mask_threshold};
  }
  if (package.calibration.has_value()) info_.categories = package.calibration->categories;
}

absl::StatusOr<std::unique_ptr<const PreparedFrame>> BayesPflDetector::Prepare(const Frame& frame) const {
  return preparer_.Prepare(frame);
}

std::vector<absl::StatusOr<ComputedFrame>> BayesPflDetector::Compute(
    absl::Span<const PreparedFrame* const> frames) const {
  std::vector<absl::StatusOr<ComputedFrame>> results;
  const absl::Status status = CatchDeviceErrors(absl::StatusCode::kInternal, "the device failed", [&] {
    Batch batch;
    for (const PreparedFrame* frame : frames) batch.push_back(static_cast<const BayesPflFrame*>(frame));
    for (ComputedFrame& computed : Run(batch)) results.emplace_back(std::move(computed));
    return absl::OkStatus();
  });
  if (!status.ok()) results.assign(frames.size(), status);
  return results;
}

std::vector<ComputedFrame> BayesPflDetector::Run(const Batch& batch) const {
  const c10::InferenceMode inference;
  StageSeconds shared;
  StopWatch watch;
  const VisionFeatures features = model_->EncodeImages(Images(batch));
  const torch::Tensor embeddings = model_->image_head().ImageEmbedding(features);  // [N, E]
  const std::vector<torch::Tensor> patches = ProjectPatches(*model_, features);
  shared.vision = watch.Lap();

  std::vector<PromptInput> inputs;
  for (const BayesPflFrame* frame : batch) inputs.push_back({frame->token_ids, NoiseOf(frame->settings)});
  const std::vector<torch::Tensor> texts = model_->EncodePrompts(features.image, inputs);
  shared.prompts = watch.Lap();

  std::vector<ComputedFrame> results;
  for (size_t i = 0; i < batch.size(); ++i) {
    const FrameSettings& settings = batch[i]->settings;
    const auto row = static_cast<int64_t>(i);
    watch.Lap();
    ComputedFrame& result = results.emplace_back();
    result.settings = settings;
    const ImageScore score = model_->ScoreImage(texts[i], embeddings[row], settings.samples);
    result.score = score.mean;
    result.score_std = score.deviation;
    const AnomalyMaps maps =
        model_->MapAnomalies(texts[i], RowOf(patches, row), settings.samples, settings.map_deviation);
    result.map = ToPixelMap(maps.mean);
    if (maps.deviation.defined()) result.map_std = ToPixelMap(maps.deviation);
    result.seconds = shared;
    result.seconds.preprocess = batch[i]->seconds;
    result.seconds.detect = watch.Lap();
  }
  return results;
}

// [N, 3, S, S], on the device.
torch::Tensor BayesPflDetector::Images(const Batch& batch) const {
  const int64_t side = model_->config().image_size;
  std::vector<torch::Tensor> pictures;
  for (const BayesPflFrame* frame : batch) {
    // from_blob() wants a pointer that could be written through; nobody writes.
    pictures.push_back(torch::from_blob(const_cast<float*>(frame->input.data()), {3, side, side}));
  }
  return torch::stack(pictures).to(model_->device());
}

PromptNoise BayesPflDetector::NoiseOf(const FrameSettings& settings) const {
  const ModelConfig& config = model_->config();
  NoiseSeeds seeds{.image_specific = settings.seed, .image_agnostic = settings.seed};
  if (!config.iad_per_request) {
    std::call_once(first_seed_once_, [&] { first_seed_ = settings.seed; });
    seeds.image_agnostic = first_seed_;
  }
  return DrawPromptNoise(seeds, settings.samples, config.embed_dim, model_->device());
}

Detection BayesPflDetector::Finish(ComputedFrame frame) const {
  return FinishFrame(std::move(frame), info_.map_smoothing_sigma);
}

absl::Status BayesPflDetector::Validate(absl::string_view object, int samples) const {
  return preparer_.Validate(object, samples);
}

}  // namespace bayespfl
