#include "model/training_run/run_parts.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/progress.h"
#include "base/utf8.h"
#include "model/detection/device.h"
#include "model/detection/device_errors.h"
#include "model/network/network_kernels.h"
#include "model/tower_training/teacher.h"
#include "model/tower_training/towers_task.h"
#include "model/training/encoded_pictures.h"
#include "model/training/loaded_pictures.h"
#include "model/training/parameters.h"
#include "model/training/stages_task.h"
#include "model/training_run/data_checks.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;

absl::StatusOr<TrainingSet> ReadSet(const std::vector<TrainingSource>& sources, const char* what, std::ostream& text,
                                    bool terminal) {
  std::optional<Progress> progress;
  absl::StatusOr<TrainingSet> set =
      OpenTrainingSet(sources, {.threads = at::get_num_threads()}, [&](int64_t /*done*/, int64_t total) {
        if (!progress.has_value()) {
          progress.emplace(text, Progress::Options{.what = absl::StrCat("reading pictures of the ", what),
                                                   .total = total,
                                                   .terminal = terminal,
                                                   .only_on_terminal = true});
        }
        progress->Advance();
      });
  progress.reset();
  if (!set.ok()) return absl::Status(set.status().code(), absl::StrCat(what, ": ", set.status().message()));
  for (const BadPicture& bad : set->bad) text << "left out: " << EscapeControls(bad.Sentence()) << "\n";
  text << absl::StrCat(what, ": ", set->normal, " normal and ", set->anomalous, " anomalous pictures, ",
                       set->bad.size(), " left out\n");
  return set;
}

// The vision tower is frozen and takes the fastest forms; gradients go through the text tower, and so through
// LibTorch's own operations alone.
absl::StatusOr<ClipTowers> LoadTowers(const ModelPackage& package, torch::Device device) {
  const NetworkKernels vision = device.is_cpu() ? UsualNetworkKernels() : NetworkKernels();
  WeightReader reader(*package.clip, device);
  return BayesPflModel::TakeTowers(package.config, reader, vision, NetworkKernels(), Precision::kFp32);
}

absl::Status AddStages(RunParts& parts) {
  absl::StatusOr<ClipTowers> towers = LoadTowers(parts.package, parts.device);
  if (!towers.ok()) return towers.status();
  parts.towers = *std::move(towers);
  const ModelConfig& config = parts.package.config;
  absl::StatusOr<TensorMap> parameters = LoadParameters(*parts.package.bayespfl, config, parts.device);
  if (!parameters.ok()) return parameters.status();
  parts.task = std::make_unique<StagesTask>(config, *parts.towers, *std::move(parameters), parts.device);
  return absl::OkStatus();
}

absl::Status AddTowers(RunParts& parts) {
  const TowersConfig& towers = parts.config.towers;
  if (towers.bf16_products) {
    auto products = Bf16Products::Allow(parts.device);
    if (!products.ok()) return products.status();
    parts.bf16_products = *std::move(products);
  }
  std::unique_ptr<const Teacher> teacher;
  if (!towers.teacher.empty()) {
    auto loaded = Teacher::Load(towers.teacher.string(), parts.package.config.image_size, parts.device);
    if (!loaded.ok()) return loaded.status();
    teacher = *std::move(loaded);
    parts.teacher_digest = teacher->digest();
  }
  auto task = TowersTask::Create(
      parts.package, parts.objects, std::move(teacher),
      {.learning_rate = towers.learning_rate, .weight_decay = towers.weight_decay, .muon = towers.muon}, parts.device);
  if (!task.ok()) return task.status();
  parts.task = *std::move(task);
  return absl::OkStatus();
}

absl::Status AddTask(RunParts& parts) {
  return parts.config.mode == TrainMode::kTowers ? AddTowers(parts) : AddStages(parts);
}

absl::Status SetImageSize(int64_t side, ModelConfig& config) {
  if (side == 0) return absl::OkStatus();
  if (side % config.patch_size != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("image_size ", side, " is no multiple of the model's patches of ", config.patch_size, " pixels"));
  }
  config.image_size = side;
  return absl::OkStatus();
}

// `backbone` empty: without a cache.
absl::StatusOr<RunPictures> MakePictures(const RunParts& parts, TrainingSet set, const TrainingPicturesOptions& options,
                                         FeatureType type, const std::string& backbone) {
  const ModelConfig& model = parts.package.config;
  RunPictures made;
  made.pictures = std::make_unique<TrainingPictures>(std::move(set), model, options);
  made.prepared = std::make_unique<PreparedPictures>(*made.pictures, model.image_size);
  if (backbone.empty() || !made.pictures->variants().has_value()) {
    made.data = UncachedData(parts, *made.prepared);
    return made;
  }
  absl::StatusOr<std::unique_ptr<FeatureCache>> cache = FeatureCache::Open({.folder = parts.config.cache,
                                                                            .shape = ShapeOf(model),
                                                                            .type = type,
                                                                            .backbone = backbone,
                                                                            .preprocessing = PreprocessingKey(model)});
  if (!cache.ok()) return cache.status();
  made.cache = *std::move(cache);
  auto cached =
      std::make_unique<CachedPictures>(*made.pictures, *made.prepared, *made.cache, parts.towers->vision, parts.objects,
                                       CachedPicturesOptions{.image_size = model.image_size,
                                                             .type = type,
                                                             .device = parts.device,
                                                             .loading_threads = at::get_num_threads()});
  made.cached = cached.get();
  made.data = std::move(cached);
  return made;
}

absl::Status AddPictures(RunParts& parts, std::ostream& text, bool terminal) {
  const TrainConfig& config = parts.config;
  absl::StatusOr<TrainingSet> learned = ReadSet(config.training, "training", text, terminal);
  if (!learned.ok()) return learned.status();
  absl::StatusOr<TrainingSet> judged = ReadSet(config.validation, "validation", text, terminal);
  if (!judged.ok()) return judged.status();
  if (absl::Status status = CheckData(*learned, *judged, parts.objects); !status.ok()) return status;
  parts.warnings = DataWarnings(*learned, *judged);
  for (const std::string& warning : parts.warnings) text << "warning: " << EscapeControls(warning) << "\n";
  const std::string backbone =
      config.cache.empty() ? "" : BackboneKey(parts.package.config, parts.package.clip->bytes());
  absl::StatusOr<RunPictures> training =
      MakePictures(parts, *std::move(learned), config.pictures, config.cache_type, backbone);
  if (!training.ok()) return training.status();
  parts.training = *std::move(training);
  // The validation decides what is kept: it is computed from what the tower says, to the bit.
  absl::StatusOr<RunPictures> validation = MakePictures(
      parts, *std::move(judged), {.seed = config.seed, .augment = AugmentMode::kNone}, FeatureType::kFp32, backbone);
  if (!validation.ok()) return validation.status();
  parts.validation = *std::move(validation);
  return absl::OkStatus();
}

}  // namespace

absl::Status RequireCacheRoom(const RunParts& parts) {
  uint64_t besides = 0;
  for (const RunPictures* pictures : {&parts.validation, &parts.training}) {
    if (pictures->cached == nullptr) continue;
    const std::vector<std::string> digests = pictures->cached->Digests();
    const absl::Status room = pictures->cache->RequireRoom(digests, besides);
    if (!room.ok()) return room;
    besides += pictures->cache->MissingBytes(digests);
  }
  return absl::OkStatus();
}

std::filesystem::path ModelFolder(const TrainConfig& config) { return config.output / "model"; }

std::unique_ptr<LabelledData> UncachedData(const RunParts& parts, const TrainingData& pictures) {
  const LoadingOptions options = {
      .image_size = parts.package.config.image_size, .device = parts.device, .loading_threads = at::get_num_threads()};
  if (!parts.towers.has_value()) return std::make_unique<LoadedPictures>(pictures, parts.objects, options);
  return std::make_unique<EncodedPictures>(pictures, parts.towers->vision, parts.objects, options);
}

absl::Status CheckOutput(const TrainConfig& config) {
  std::error_code ignored;
  if (fs::exists(config.output, ignored) && !fs::is_directory(config.output, ignored)) {
    return absl::InvalidArgumentError(absl::StrCat(config.output.string(), " is there and is no folder"));
  }
  const fs::path model = ModelFolder(config);
  if (fs::exists(model, ignored) && !fs::exists(config.output / "state", ignored)) {
    return absl::AlreadyExistsError(absl::StrCat(
        model.string(), " is there already and is not of this run; name another \"output\", or move it away"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<RunParts>> OpenRunParts(const TrainConfig& config, std::ostream& text, bool terminal) {
  if (absl::Status status = CheckOutput(config); !status.ok()) return status;
  const absl::StatusOr<torch::Device> device = ResolveDevice(config.device);
  if (!device.ok()) return device.status();
  absl::StatusOr<ModelPackage> package =
      ModelPackage::Open(config.model.string(), {.ignore_calibration = true, .precision = Precision::kFp32});
  if (!package.ok()) return package.status();
  const absl::Status sized = SetImageSize(config.image_size, package->config);
  if (!sized.ok()) return sized;
  absl::StatusOr<ObjectReader> objects = ObjectReader::Create(package->vocabulary_path, package->config);
  if (!objects.ok()) return objects.status();
  std::unique_ptr<RunParts> parts(new RunParts{.config = config,
                                               .package = *std::move(package),
                                               .objects = *std::move(objects),
                                               .device = *device,
                                               .towers = std::nullopt,
                                               .teacher_digest = {},
                                               .bf16_products = nullptr,
                                               .task = nullptr,
                                               .warnings = {},
                                               .training = {},
                                               .validation = {}});
  const absl::Status loaded =
      CatchDeviceErrors(absl::StatusCode::kInternal, "the weights cannot be loaded", [&] { return AddTask(*parts); });
  if (!loaded.ok()) return loaded;
  const absl::Status added = CatchDeviceErrors(absl::StatusCode::kInternal, "the pictures cannot be read",
                                               [&] { return AddPictures(*parts, text, terminal); });
  if (!added.ok()) return added;
  return parts;
}

}  // namespace bayespfl
