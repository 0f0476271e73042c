#include "model/detection/bayespfl_detector.h"

#include <c10/core/StreamGuard.h>

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/detection/bayespfl_frames.h"
#include "model/detection/bayespfl_pass.h"
#include "model/detection/compute_each.h"
#include "model/detection/device_errors.h"
#include "model/detection/graph_library.h"
#include "model/detection/object_reader.h"
#include "model/network/network_kernels.h"

namespace bayespfl {
namespace {

// On a GPU there is no choice. Wanted linear maps that do not multiply numbers of this precision, as those of a line
// that was computed in another one, give way to the usual ones; ModelInfo says what is used.
absl::StatusOr<NetworkKernels> KernelsFor(const torch::Device& device, const std::string& wanted, Precision precision) {
  if (!device.is_cpu()) return AcceleratorKernels(precision);
  if (wanted == kUsualKernels) return UsualNetworkKernels(precision);
  absl::StatusOr<NetworkKernels> kernels = ParseNetworkKernels(wanted);
  if (kernels.ok() && !CheckPrecision(*kernels, precision).ok()) {
    kernels->linear = UsualNetworkKernels(precision).linear;
  }
  return kernels;
}

absl::Status CheckDevice(Precision precision, const torch::Device& device) {
  const bool is_cpu = device.is_cpu();
  if (is_cpu ? IsOfTheCpu(precision) : IsOfAccelerators(precision)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      PrecisionName(precision), " is computed on ", is_cpu ? "a GPU" : "the CPU", " alone, and the device is ",
      device.str(), ": set precision to bf16 or fp32, or the device to ", is_cpu ? "cuda:0" : "cpu"));
}

// Null: nothing is to be recorded, or the device cannot, of which `options.notice` is told where one was asked for.
std::unique_ptr<RecordedBatches> RecordedBatchesFor(torch::Device device, const DetectorOptions& options) {
  if (options.recorded_batches == 0 || device.is_cpu() || (options.graph_module == nullptr && !device.is_cuda())) {
    return nullptr;
  }
  const absl::StatusOr<const BayesPflGraphModule*> module =
      options.graph_module != nullptr ? options.graph_module : OpenGraphLibrary();
  if (module.ok()) {
    return std::make_unique<RecordedBatches>(
        **module, RecordedBatchesOptions{.most = options.recorded_batches, .notice = options.notice});
  }
  if (options.notice) options.notice(absl::StrCat("batches are not recorded: ", module.status().message()));
  return nullptr;
}

absl::Status FirstError(const std::vector<absl::StatusOr<ComputedFrame>>& frames) {
  for (const absl::StatusOr<ComputedFrame>& frame : frames) {
    if (!frame.ok()) return frame.status();
  }
  return absl::OkStatus();
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
  auto streams = std::make_shared<StreamPool>(device);
  const std::string failure = absl::StrCat("cannot place ", package.dir, " on ", device.str());
  const absl::Status loaded = CatchDeviceErrors(absl::StatusCode::kInternal, failure, [&] {
    const StreamPool::Lease lease = streams->Take();
    const c10::OptionalStreamGuard on_stream(lease.stream());
    auto network = BayesPflModel::Load(config, *package.clip, *package.bayespfl, device, *kernels, config.precision);
    if (!network.ok()) return network.status();
    model = *std::move(network);
    // What is done to the weights when they are loaded is done before a batch begins, on whichever stream.
    if (lease.stream().has_value()) lease.stream()->synchronize();
    return absl::OkStatus();
  });
  if (!loaded.ok()) return loaded;
  auto frames =
      std::make_shared<BayesPflFrames>(FramePreparer(config, *std::move(reader)), InfoOf(package, *model, *kernels));
  return std::unique_ptr<BayesPflDetector>(
      new BayesPflDetector(std::move(frames), std::move(model), std::move(streams),
                           options.first_seed != nullptr ? options.first_seed : std::make_shared<FirstSeed>(),
                           PromptForm::kShared, RecordedBatchesFor(device, options)));
}

std::unique_ptr<BayesPflDetector> BayesPflDetector::With(PromptForm prompts) const {
  return std::unique_ptr<BayesPflDetector>(new BayesPflDetector(frames_, model_, streams_, first_seed_, prompts));
}

std::vector<absl::StatusOr<ComputedFrame>> BayesPflDetector::Compute(
    absl::Span<const PreparedFrame* const> frames) const {
  const c10::InferenceMode inference;
  std::vector<PassFrame> batch;
  for (const PreparedFrame* const prepared : frames) {
    const auto* const frame = static_cast<const BayesPflFrame*>(prepared);
    batch.push_back({.frame = frame, .seeds = SeedsOf(frame->settings)});
  }
  std::optional<StreamPool::Lease> lease;
  const absl::Status taken = CatchDeviceErrors(absl::StatusCode::kInternal, "the device gives no stream", [&] {
    lease.emplace(streams_->Take());
    return absl::OkStatus();
  });
  if (!taken.ok()) return {frames.size(), absl::StatusOr<ComputedFrame>(taken)};
  BayesPflPass pass(*model_, std::move(batch), prompts_, lease->stream(), recorded_.get());
  auto computed = ComputeEach(pass.run_sizes(), {.shared = [&] { pass.Share(); },
                                                 .run = [&](size_t run) { pass.Run(run); },
                                                 .fetch = [&] { pass.Fetch(); },
                                                 .frame = [&](size_t frame) { return pass.Result(frame); }});
  pass.SettleRecording(FirstError(computed));
  return computed;
}

NoiseSeeds BayesPflDetector::SeedsOf(const FrameSettings& settings) const {
  NoiseSeeds seeds{.image_specific = settings.seed, .image_agnostic = settings.seed};
  if (!model_->config().iad_per_request) seeds.image_agnostic = first_seed_->Get(settings.seed);
  return seeds;
}

}  // namespace bayespfl
