#include "model/detection/bayespfl_detector.h"

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/detection/bayespfl_frames.h"
#include "model/detection/compute_each.h"
#include "model/detection/device_errors.h"
#include "model/detection/object_reader.h"
#include "model/detection/stop_watch.h"
#include "model/network/network_kernels.h"

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

// LibTorch's own on a GPU, where the others are not. Wanted linear maps that do not multiply numbers of this precision,
// as those of a line that was computed in another one, give way to the usual ones; ModelInfo says what is used.
absl::StatusOr<NetworkKernels> KernelsFor(const torch::Device& device, const std::string& wanted, Precision precision) {
  if (!device.is_cpu()) return NetworkKernels();
  if (wanted == kUsualKernels) return UsualNetworkKernels(precision);
  absl::StatusOr<NetworkKernels> kernels = ParseNetworkKernels(wanted);
  if (kernels.ok() && !CheckPrecision(*kernels, precision).ok()) {
    kernels->linear = UsualNetworkKernels(precision).linear;
  }
  return kernels;
}

// A GPU has no kernels for the products of 8 bits.
absl::Status CheckDevice(Precision precision, const torch::Device& device) {
  if (device.is_cpu() || precision != Precision::kInt8) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("int8 is computed on the CPU alone, and the device is ",
                                                    device.str(),
                                                    ": set precision to bf16 or fp32, or the device to cpu"));
}

ModelInfo InfoOf(const ModelPackage& package, const BayesPflModel& model, const NetworkKernels& kernels) {
  const ModelConfig& config = package.config;
  ModelInfo info = {.name = config.name,
                    .version = package.version(),
                    .digest = package.digest,
                    .computation_digest = package.computation_digest,
                    .device = model.device().str(),
                    .stage = config.stage,
                    .image_size = static_cast<int>(config.image_size),
                    .default_samples = config.samples,
                    .kind = "bayes-pfl",
                    .precision = std::string(PrecisionName(model.precision())),
                    .kernels = ComputeKernels(model.device(), NetworkKernelsText(kernels)),
                    .map_smoothing_sigma = config.map_smoothing_sigma,
                    .iad_sampling = config.iad_per_request ? "request" : "first"};
  if (config.mask_threshold.has_value()) {
    info.default_thresholds = {.source = ThresholdSource::kPackage, .mask = *config.mask_threshold};
  }
  if (package.calibration.has_value()) info.categories = package.calibration->categories;
  return info;
}

}  // namespace

absl::StatusOr<std::unique_ptr<BayesPflDetector>> BayesPflDetector::Load(const ModelPackage& package,
                                                                         torch::Device device,
                                                                         const DetectorOptions& options) {
  const ModelConfig& config = package.config;
  if (absl::Status status = CheckDevice(config.precision, device); !status.ok()) return status;
  absl::StatusOr<ObjectReader> reader = ObjectReader::Create(package.vocabulary_path, config);
  if (!reader.ok()) return reader.status();
  absl::StatusOr<NetworkKernels> kernels = KernelsFor(device, options.kernels, config.precision);
  if (!kernels.ok()) return kernels.status();
  std::unique_ptr<const BayesPflModel> model;
  const std::string failure = absl::StrCat("cannot place ", package.dir, " on ", device.str());
  const absl::Status loaded = CatchDeviceErrors(absl::StatusCode::kInternal, failure, [&] {
    auto network = BayesPflModel::Load(config, *package.clip, *package.bayespfl, device, *kernels, config.precision);
    if (!network.ok()) return network.status();
    model = *std::move(network);
    return absl::OkStatus();
  });
  if (!loaded.ok()) return loaded;
  auto frames =
      std::make_shared<BayesPflFrames>(FramePreparer(config, *std::move(reader)), InfoOf(package, *model, *kernels));
  return std::unique_ptr<BayesPflDetector>(new BayesPflDetector(
      std::move(frames), std::move(model),
      options.first_seed != nullptr ? options.first_seed : std::make_shared<FirstSeed>(), PromptForm::kShared));
}

std::unique_ptr<BayesPflDetector> BayesPflDetector::With(PromptForm prompts) const {
  return std::unique_ptr<BayesPflDetector>(new BayesPflDetector(frames_, model_, first_seed_, prompts));
}

// What is computed for all frames of a batch together.
struct BayesPflDetector::Shared {
  torch::Tensor embeddings;            // [N, E]
  std::vector<torch::Tensor> patches;  // four of [N, L, D_t]
  std::vector<torch::Tensor> texts;    // N of [2M_i, E]
  StageSeconds seconds;
};

std::vector<absl::StatusOr<ComputedFrame>> BayesPflDetector::Compute(
    absl::Span<const PreparedFrame* const> frames) const {
  const c10::InferenceMode inference;
  Batch batch;
  for (const PreparedFrame* frame : frames) batch.push_back(static_cast<const BayesPflFrame*>(frame));
  Shared shared;
  return ComputeEach(
      batch.size(), [&] { shared = RunShared(batch); }, [&](size_t row) { return RunOne(*batch[row], shared, row); });
}

BayesPflDetector::Shared BayesPflDetector::RunShared(const Batch& batch) const {
  Shared shared;
  StopWatch watch;
  const VisionFeatures features = model_->EncodeImages(Images(batch));
  shared.embeddings = model_->image_head().ImageEmbedding(features);
  shared.patches = ProjectPatches(*model_, features);
  shared.seconds.vision = watch.Lap();
  std::vector<PromptInput> inputs;
  for (const BayesPflFrame* frame : batch) inputs.push_back({frame->token_ids, NoiseOf(frame->settings)});
  shared.texts = model_->EncodePrompts(features.image, inputs, prompts_);
  shared.seconds.prompts = watch.Lap();
  return shared;
}

ComputedFrame BayesPflDetector::RunOne(const BayesPflFrame& frame, const Shared& shared, size_t row) const {
  StopWatch watch;
  const FrameSettings& settings = frame.settings;
  const torch::Tensor& text = shared.texts[row];
  const auto index = static_cast<int64_t>(row);
  ComputedFrame result;
  result.settings = settings;
  const ImageScore score = model_->ScoreImage(text, shared.embeddings[index], settings.samples);
  result.score = score.mean;
  result.score_std = score.deviation;
  const AnomalyMaps maps =
      model_->MapAnomalies(text, RowOf(shared.patches, index), settings.samples, settings.map_deviation);
  result.map = ToPixelMap(maps.mean);
  if (maps.deviation.defined()) result.map_std = ToPixelMap(maps.deviation);
  result.seconds = shared.seconds;
  result.seconds.preprocess = frame.seconds;
  result.seconds.detect = watch.Lap();
  return result;
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
  if (!config.iad_per_request) seeds.image_agnostic = first_seed_->Get(settings.seed);
  return DrawPromptNoise(seeds, settings.samples, config.embed_dim, model_->device());
}

}  // namespace bayespfl
