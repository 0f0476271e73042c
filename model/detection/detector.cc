#include "model/detection/detector.h"

#include <atomic>
#include <chrono>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "model/clip/preprocess.h"
#include "model/clip/tokenizer.h"
#include "model/detection/device.h"
#include "model/network/model.h"
#include "model/network/noise.h"
#include "model/package/model_package.h"
#include "torch/torch.h"

namespace bayespfl {
namespace {

constexpr float kUncalibratedThreshold = 0.5F;

class StopWatch {
 public:
  // Seconds since the last call (the first: since construction).
  double Lap() {
    const auto now = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    return seconds;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

PixelMap ToPixelMap(const torch::Tensor& tensor) {
  const torch::Tensor cpu = tensor.to(torch::kCPU).contiguous();
  PixelMap map{static_cast<int>(cpu.size(1)), static_cast<int>(cpu.size(0)), {}};
  map.values.assign(cpu.data_ptr<float>(), cpu.data_ptr<float>() + cpu.numel());
  return map;
}

// A frame that passed validation.
struct Job {
  size_t index;  // among the caller's frames
  const Frame* frame;
  int64_t samples;
  std::vector<int32_t> token_ids;
  CategoryThresholds thresholds;
};

// A category that the model can take.
struct ReadCategory {
  std::string key;  // see Detector::CategoryKey
  std::vector<int32_t> token_ids;
};

}  // namespace

struct Detector::Impl {
  ModelInfo info;
  std::unique_ptr<const Tokenizer> tokenizer;
  std::unique_ptr<const BayesPflModel> model;
  std::map<std::string, CategoryThresholds> category_thresholds;  // of calibrated categories, by key

  // "iad_sampling": "first" keeps the image-agnostic draws of the first frame ever detected. Sample r does not depend
  // on R, so remembering the seed is remembering the draws.
  mutable std::once_flag first_seed_once;
  mutable uint64_t first_seed = 0;

  absl::StatusOr<ReadCategory> Read(absl::string_view category) const;
  absl::StatusOr<std::string> KeyOf(const std::string& words) const;
  CategoryThresholds ThresholdsOf(const std::string& key) const;
  absl::Status AddCalibration(const Calibration& calibration);
  absl::StatusOr<Job> Check(const Frame& frame, size_t index) const;
  PromptNoise Noise(const Job& job) const;
  void Run(const std::vector<Job>& jobs, std::vector<absl::StatusOr<Detection>>& results) const;
  void Postprocess(const Frame& frame, const AnomalyMaps& maps, Detection& detection) const;
};

absl::StatusOr<ReadCategory> Detector::Impl::Read(absl::string_view category) const {
  if (absl::StripAsciiWhitespace(category).empty()) return absl::InvalidArgumentError("category is empty");
  if (category.size() > static_cast<size_t>(kMaxCategoryBytes)) {
    return absl::InvalidArgumentError(
        absl::StrCat("category has ", category.size(), " bytes; the limit is ", kMaxCategoryBytes));
  }
  const absl::StatusOr<bool> special = tokenizer->ContainsSpecialToken(category);
  if (!special.ok()) return absl::InvalidArgumentError(absl::StrCat("category: ", special.status().message()));
  if (*special)
    return absl::InvalidArgumentError("category contains a special token of the tokeniser such as <|endoftext|>");

  const ModelConfig& config = model->config();
  const auto named = config.category_names.find(std::string(category));
  const std::string words = named == config.category_names.end() ? std::string(category) : named->second;
  absl::StatusOr<std::vector<int32_t>> ids = tokenizer->Encode(absl::StrCat("X ", words));
  if (!ids.ok()) return absl::InvalidArgumentError(absl::StrCat("category: ", ids.status().message()));
  const auto end_position = static_cast<int64_t>(ids->size()) - 1;
  if (end_position == 2) return absl::InvalidArgumentError("category is empty after clean-up");
  const int64_t limit = config.context_length - config.context_rows - config.state_rows;
  if (end_position > limit) {
    // start and "X" stand before the category's own tokens.
    return absl::InvalidArgumentError(absl::StrCat("category has ", end_position - 2,
                                                   " tokens; the model's context of ", config.context_length,
                                                   " leaves room for ", limit - 2));
  }
  absl::StatusOr<std::string> key = KeyOf(words);
  if (!key.ok()) return absl::InvalidArgumentError(absl::StrCat("category: ", key.status().message()));
  return ReadCategory{*std::move(key), *std::move(ids)};
}

absl::StatusOr<std::string> Detector::Impl::KeyOf(const std::string& words) const {
  // One pass may leave text that another would change ("&amp;amp;lt;"); a key must be its own key, so that a
  // calibration file can be checked. A pass that changes such text takes bytes away.
  std::string key = words;
  for (int pass = 0; pass < kMaxCategoryBytes; ++pass) {
    const absl::StatusOr<std::string> cleaned = tokenizer->Clean(absl::StrCat("X ", key));
    if (!cleaned.ok()) return cleaned.status();
    const std::string next(absl::StripPrefix(*cleaned, "x "));
    if (next == key) return key;
    key = next;
  }
  return absl::InvalidArgumentError("its clean-up comes to no end");
}

CategoryThresholds Detector::Impl::ThresholdsOf(const std::string& key) const {
  const auto found = category_thresholds.find(key);
  if (found != category_thresholds.end()) return found->second;
  return {.mask = info.mask_threshold, .calibrated = info.calibrated};
}

absl::Status Detector::Impl::AddCalibration(const Calibration& calibration) {
  for (const auto& [key, category] : calibration.categories) {
    const absl::StatusOr<std::string> cleaned = KeyOf(key);
    if (!cleaned.ok()) return cleaned.status();
    if (*cleaned != key) {
      return absl::InvalidArgumentError(absl::StrCat("calibration: no category has the key \"", absl::CHexEscape(key),
                                                     "\"; the model reads it as \"", absl::CHexEscape(*cleaned), "\""));
    }
    category_thresholds[key] = {.mask = category.mask_threshold, .calibrated = true, .score = category.score_threshold};
    info.calibrated_categories.push_back({.category = key,
                                          .mask_threshold = category.mask_threshold,
                                          .score_threshold = category.score_threshold,
                                          .good_pictures = category.provenance.good_pictures});
  }
  return absl::OkStatus();
}

absl::StatusOr<Job> Detector::Impl::Check(const Frame& frame, size_t index) const {
  if (frame.image == nullptr || frame.image->empty()) return absl::InvalidArgumentError("frame has no picture");
  if (frame.image->pixels.size() != 3 * frame.image->pixel_count()) {
    return absl::InvalidArgumentError(absl::StrCat("picture of ", frame.image->width, "x", frame.image->height, " has ",
                                                   frame.image->pixels.size(), " bytes"));
  }
  if (frame.samples < 0 || frame.samples > kMaxSamples) {
    return absl::InvalidArgumentError(absl::StrCat("samples is ", frame.samples, "; it must be in 1..", kMaxSamples));
  }
  absl::StatusOr<ReadCategory> category = Read(frame.category);
  if (!category.ok()) return category.status();
  return Job{index, &frame, frame.samples == 0 ? info.default_samples : frame.samples, std::move(category->token_ids),
             ThresholdsOf(category->key)};
}

PromptNoise Detector::Impl::Noise(const Job& job) const {
  NoiseSeeds seeds{.image_specific = job.frame->seed, .image_agnostic = job.frame->seed};
  if (!model->config().iad_per_request) {
    std::call_once(first_seed_once, [&] { first_seed = job.frame->seed; });
    seeds.image_agnostic = first_seed;
  }
  return DrawPromptNoise(seeds, job.samples, model->config().embed_dim, model->device());
}

void Detector::Impl::Postprocess(const Frame& frame, const AnomalyMaps& maps, Detection& detection) const {
  PixelMap map = ToPixelMap(maps.mean);
  detection.map_score = HottestMean(map, kHottestFraction);
  if (frame.map_size == MapSize::kNone) return;
  if (frame.smooth) map = SmoothMap(map, info.map_smoothing_sigma);
  const bool full = frame.map_size == MapSize::kFrame;
  detection.map = full ? ResizeMap(map, frame.image->width, frame.image->height) : std::move(map);
  if (maps.deviation.defined()) {
    PixelMap deviation = ToPixelMap(maps.deviation);
    detection.map_std = full ? ResizeMap(deviation, frame.image->width, frame.image->height) : std::move(deviation);
  }
}

void Detector::Impl::Run(const std::vector<Job>& jobs, std::vector<absl::StatusOr<Detection>>& results) const {
  const c10::InferenceMode inference;
  StageSeconds shared;
  StopWatch watch;
  std::vector<torch::Tensor> pictures;
  const int64_t side = model->config().image_size;
  for (const Job& job : jobs) {
    pictures.push_back(torch::tensor(Preprocess(*job.frame->image, model->config())).view({3, side, side}));
  }
  const torch::Tensor images = torch::stack(pictures).to(model->device());
  shared.preprocess = watch.Lap();

  const VisionFeatures features = model->EncodeImages(images);
  const torch::Tensor embeddings = model->image_head().ImageEmbedding(features);  // [N, E]
  std::vector<torch::Tensor> patches;                                             // per layer [N, L, D_t]
  for (size_t layer = 0; layer < features.patch_tokens.size(); ++layer) {
    patches.push_back(model->rca().ProjectPatches(layer, features.patch_tokens[layer]));
  }
  shared.vision = watch.Lap();

  std::vector<PromptInput> inputs;
  for (const Job& job : jobs) inputs.push_back({job.token_ids, Noise(job)});
  const std::vector<torch::Tensor> texts = model->EncodePrompts(features.image, inputs);
  shared.prompts = watch.Lap();

  for (size_t i = 0; i < jobs.size(); ++i) {
    const Job& job = jobs[i];
    const auto row = static_cast<int64_t>(i);
    watch.Lap();
    Detection detection;
    detection.seconds = shared;
    detection.seed = job.frame->seed;
    detection.samples = static_cast<int>(job.samples);
    detection.thresholds = job.thresholds;
    const ImageScore score = model->ScoreImage(texts[i], embeddings[row], job.samples);
    detection.score = detection.text_score = score.mean;
    detection.score_std = score.deviation;
    std::vector<torch::Tensor> own_patches;
    for (const torch::Tensor& layer : patches) own_patches.push_back(layer[row]);
    const bool deviation = job.frame->map_deviation && job.frame->map_size != MapSize::kNone;
    const AnomalyMaps maps = model->MapAnomalies(texts[i], own_patches, job.samples, deviation);
    detection.seconds.detect = watch.Lap();
    Postprocess(*job.frame, maps, detection);
    detection.seconds.postprocess = watch.Lap();
    results[job.index] = std::move(detection);
  }
}

void SetComputeThreads(int threads) { at::set_num_threads(threads); }

Detector::Detector(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Detector::~Detector() = default;

absl::StatusOr<std::unique_ptr<Detector>> Detector::Create(const std::string& package_dir,
                                                           const DetectorOptions& options) {
  const absl::StatusOr<torch::Device> device = ResolveDevice(options.device);
  if (!device.ok()) return device.status();
  const absl::StatusOr<ModelPackage> package = ModelPackage::Open(
      package_dir, {.calibration_file = options.calibration_file, .ignore_calibration = options.ignore_calibration});
  if (!package.ok()) return package.status();
  auto impl = std::make_unique<Impl>();
  auto tokenizer = Tokenizer::Load(package->vocabulary_path);
  if (!tokenizer.ok()) return tokenizer.status();
  impl->tokenizer = *std::move(tokenizer);
  try {
    auto model = BayesPflModel::Load(package->config, *package->clip, *package->bayespfl, *device);
    if (!model.ok()) return model.status();
    impl->model = *std::move(model);
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("cannot place ", package_dir, " on ", device->str(), ": ", error.what()));
  }
  const ModelConfig& config = package->config;
  impl->info = {.name = config.name,
                .version = package->version(),
                .digest = package->digest,
                .device = device->str(),
                .stage = config.stage,
                .image_size = static_cast<int>(config.image_size),
                .default_samples = config.samples,
                .mask_threshold = config.mask_threshold.value_or(kUncalibratedThreshold),
                .calibrated = config.mask_threshold.has_value(),
                .map_smoothing_sigma = config.map_smoothing_sigma,
                .iad_sampling = config.iad_per_request ? "request" : "first"};
  if (package->calibration.has_value()) {
    if (absl::Status status = impl->AddCalibration(*package->calibration); !status.ok()) return status;
  }
  return std::unique_ptr<Detector>(new Detector(std::move(impl)));
}

std::vector<absl::StatusOr<Detection>> Detector::Detect(absl::Span<const Frame> frames) const {
  std::vector<absl::StatusOr<Detection>> results;
  std::vector<Job> jobs;
  for (size_t i = 0; i < frames.size(); ++i) {
    absl::StatusOr<Job> job = impl_->Check(frames[i], i);
    results.emplace_back(job.ok() ? absl::UnknownError("not run") : job.status());
    if (job.ok()) jobs.push_back(*std::move(job));
  }
  if (jobs.empty()) return results;
  try {
    impl_->Run(jobs, results);
  } catch (const std::exception& error) {
    // The first line says what failed; the rest is LibTorch's own stack.
    const std::string what = std::string(error.what()).substr(0, std::string(error.what()).find('\n'));
    for (const Job& job : jobs) results[job.index] = absl::InternalError(absl::StrCat("the device failed: ", what));
  }
  return results;
}

absl::Status Detector::Validate(absl::string_view category, int samples) const {
  if (samples < 0 || samples > kMaxSamples) {
    return absl::InvalidArgumentError(absl::StrCat("samples is ", samples, "; it must be in 1..", kMaxSamples));
  }
  return impl_->Read(category).status();
}

absl::StatusOr<std::string> Detector::CategoryKey(absl::string_view category) const {
  absl::StatusOr<ReadCategory> read = impl_->Read(category);
  if (!read.ok()) return read.status();
  return std::move(read->key);
}

absl::StatusOr<CategoryThresholds> Detector::Thresholds(absl::string_view category) const {
  const absl::StatusOr<ReadCategory> read = impl_->Read(category);
  if (!read.ok()) return read.status();
  return impl_->ThresholdsOf(read->key);
}

const ModelInfo& Detector::info() const { return impl_->info; }

}  // namespace bayespfl
