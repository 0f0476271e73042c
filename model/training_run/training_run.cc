#include "model/training_run/training_run.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "base/progress.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "model/detection/device.h"
#include "model/detection/device_errors.h"
#include "model/detection/object_reader.h"
#include "model/network/model.h"
#include "model/network/network_kernels.h"
#include "model/package/model_package.h"
#include "model/training/draws.h"
#include "model/training/encoded_pictures.h"
#include "model/training/interpolation_matrix.h"
#include "model/training/parameters.h"
#include "model/training/trained_package.h"
#include "model/training/trainer.h"
#include "model/training_log/training_report.h"
#include "model/training_run/cached_pictures.h"
#include "model/training_run/prepared_pictures.h"
#include "model/training_run/report_pictures.h"
#include "model/training_run/run_log.h"

namespace bayespfl {
namespace {

// One of the two sets, as tensors with features.
struct Pictures {
  std::unique_ptr<TrainingPictures> pictures;
  std::unique_ptr<PreparedPictures> prepared;
  std::unique_ptr<FeatureCache> cache;  // null: none
  std::unique_ptr<LabelledData> data;
  CachedPictures* cached = nullptr;  // `data`, where there is a cache
};

absl::StatusOr<TrainingSet> ReadSet(const std::vector<TrainingSource>& sources, const char* what, int threads,
                                    const TrainingRunObserver& observer) {
  std::optional<Progress> progress;
  absl::StatusOr<TrainingSet> set =
      OpenTrainingSet(sources, {.threads = threads}, [&](int64_t /*done*/, int64_t total) {
        if (!progress.has_value()) {
          progress.emplace(*observer.text, Progress::Options{.what = absl::StrCat("reading pictures of the ", what),
                                                             .total = total,
                                                             .terminal = observer.terminal,
                                                             .only_on_terminal = true});
        }
        progress->Advance();
      });
  progress.reset();
  if (!set.ok()) return absl::Status(set.status().code(), absl::StrCat(what, ": ", set.status().message()));
  for (const BadPicture& bad : set->bad) {
    *observer.text << "left out: " << EscapeControls(bad.Sentence()) << "\n";
  }
  *observer.text << absl::StrCat(what, ": ", set->normal, " normal and ", set->anomalous, " anomalous pictures, ",
                                 set->bad.size(), " left out\n");
  return set;
}

absl::StatusOr<ClipTowers> LoadTowers(const ModelPackage& package, torch::Device device) {
  const ModelConfig& config = package.config;
  // Gradients go through the text tower, and through LibTorch's own operations alone; the vision tower has none.
  absl::StatusOr<ClipTowers> towers =
      BayesPflModel::LoadTowers(config, *package.clip, device, NetworkKernels(), Precision::kFp32);
  if (!towers.ok() || !device.is_cpu()) return towers;
  absl::StatusOr<ClipTowers> fast =
      BayesPflModel::LoadTowers(config, *package.clip, device, UsualNetworkKernels(), Precision::kFp32);
  if (!fast.ok()) return fast.status();
  return ClipTowers{.vision = fast->vision, .text = towers->text};
}

// Runs `work`, an object with everything that a run borrows.
class BayesPflTrainingRun final : public TrainingRun {
 public:
  BayesPflTrainingRun(const TrainConfig& config, TrainingRunObserver observer, ModelPackage package,
                      ObjectReader objects, torch::Device device)
      : config_(config),
        observer_(std::move(observer)),
        package_(std::move(package)),
        objects_(std::move(objects)),
        device_(device) {}

  absl::Status Prepare();
  absl::StatusOr<TrainingPlan> Plan() override;
  absl::StatusOr<TrainingOutcome> Run() override;

 private:
  absl::StatusOr<Pictures> Make(TrainingSet set, const TrainingPicturesOptions& options, FeatureType type) const;
  std::string Identity() const;
  TrainerOptions OptionsOfTrainer() const;
  absl::StatusOr<TrainingPlan> Measure();
  absl::Status WriteResults(const TrainingResult& result);
  PackageProvenance Provenance(const TrainingResult& result) const;

  const TrainConfig config_;
  const TrainingRunObserver observer_;
  const ModelPackage package_;
  const ObjectReader objects_;
  const torch::Device device_;
  std::optional<ClipTowers> towers_;
  Pictures training_;
  Pictures validation_;
};

absl::StatusOr<Pictures> BayesPflTrainingRun::Make(TrainingSet set, const TrainingPicturesOptions& options,
                                                   FeatureType type) const {
  const ModelConfig& model = package_.config;
  Pictures made;
  made.pictures = std::make_unique<TrainingPictures>(std::move(set), model, options);
  made.prepared = std::make_unique<PreparedPictures>(*made.pictures, model.image_size);
  if (config_.cache.empty() || !made.pictures->variants().has_value()) {
    made.data = std::make_unique<EncodedPictures>(
        *made.prepared, towers_->vision, objects_,
        EncodingOptions{.image_size = model.image_size, .device = device_, .loading_threads = at::get_num_threads()});
    return made;
  }
  absl::StatusOr<std::unique_ptr<FeatureCache>> cache = FeatureCache::Open(
      {.folder = config_.cache,
       .shape = ShapeOf(model),
       .type = type,
       .backbone =
           Sha256Hex({reinterpret_cast<const char*>(package_.clip->bytes().data()), package_.clip->bytes().size()}),
       .preprocessing = PreprocessingKey(model)});
  if (!cache.ok()) return cache.status();
  made.cache = *std::move(cache);
  auto cached = std::make_unique<CachedPictures>(
      *made.pictures, *made.prepared, *made.cache, towers_->vision, objects_,
      CachedPicturesOptions{.image_size = model.image_size, .type = type, .device = device_});
  made.cached = cached.get();
  made.data = std::move(cached);
  const absl::Status room = made.cache->RequireRoom(made.cached->Digests());
  if (!room.ok()) return room;
  return made;
}

absl::Status BayesPflTrainingRun::Prepare() {
  absl::StatusOr<ClipTowers> towers = LoadTowers(package_, device_);
  if (!towers.ok()) return towers.status();
  towers_ = *std::move(towers);
  const int threads = at::get_num_threads();
  absl::StatusOr<TrainingSet> learned = ReadSet(config_.training, "training", threads, observer_);
  if (!learned.ok()) return learned.status();
  absl::StatusOr<TrainingSet> judged = ReadSet(config_.validation, "validation", threads, observer_);
  if (!judged.ok()) return judged.status();
  absl::StatusOr<Pictures> training = Make(*std::move(learned), config_.pictures, config_.cache_type);
  if (!training.ok()) return training.status();
  training_ = *std::move(training);
  // The validation decides what is kept: it is computed from what the tower says, to the bit.
  absl::StatusOr<Pictures> validation =
      Make(*std::move(judged), {.seed = config_.seed, .augment = AugmentMode::kNone}, FeatureType::kFp32);
  if (!validation.ok()) return validation.status();
  validation_ = *std::move(validation);
  return absl::OkStatus();
}

std::string BayesPflTrainingRun::Identity() const {
  const TrainingPicturesOptions& pictures = config_.pictures;
  const FeatureType type = config_.cache_type;
  // A cache rounds, so that it belongs to what is trained; where it lies does not.
  const bool rounded = training_.cached != nullptr && type != FeatureType::kFp32;
  return Sha256Hex(absl::StrCat("model ", package_.computation_digest, "\ntraining ",
                                training_.pictures->set().Digest(), "\nvalidation ",
                                validation_.pictures->set().Digest(), "\naugment ", static_cast<int>(pictures.augment),
                                " ", pictures.augment == AugmentMode::kFrozen ? pictures.frozen_variants : 0, " ",
                                pictures.mosaic_probability.value_or(-1), "\nfeatures ",
                                rounded ? static_cast<int>(type) : -1, "\ndevice ", ComputeKernels(device_)));
}

TrainerOptions BayesPflTrainingRun::OptionsOfTrainer() const {
  return {.seed = config_.seed,
          .batch_size = config_.batch_size,
          .course = {.epochs = config_.epochs, .patience = config_.patience},
          .validation = {.samples = config_.samples, .scratch_folder = config_.output.string()},
          .state_folder = (config_.output / "state").string(),
          .identity = Identity(),
          .save_steps = config_.save_steps,
          .kept_states = config_.kept_states,
          .device = device_};
}

absl::StatusOr<TrainingOutcome> BayesPflTrainingRun::Run() {
  std::error_code failed;
  std::filesystem::create_directories(config_.output, failed);
  if (failed) return FileError("make", config_.output, failed.value());
  const absl::Status listed = WriteFile(config_.output / "data.jsonl", training_.pictures->set().DataList());
  if (!listed.ok()) return listed;
  absl::StatusOr<TensorMap> parameters = LoadParameters(*package_.bayespfl, package_.config, device_);
  if (!parameters.ok()) return parameters.status();
  RunLog log({.folder = config_.output,
              .epochs = config_.epochs,
              .text = observer_.text,
              .terminal = observer_.terminal,
              .should_stop = observer_.should_stop});
  Trainer trainer(package_.config, *towers_, *std::move(parameters), *training_.data, *validation_.data,
                  OptionsOfTrainer());
  const absl::StatusOr<TrainingResult> result = trainer.Run(log);
  if (!result.ok()) return result.status();
  if (!log.status().ok()) return log.status();
  if (!result->finished) return TrainingOutcome::kStopped;
  const absl::Status written = WriteResults(*result);
  if (!written.ok()) return written;
  return TrainingOutcome::kFinished;
}

PackageProvenance BayesPflTrainingRun::Provenance(const TrainingResult& result) const {
  const TrainingSet& set = training_.pictures->set();
  return {{"made_by", absl::StrCat("bayespfl-model train ", BAYESPFL_VERSION)},
          {"started_from", absl::StrCat(package_.config.name, " ", package_.version())},
          {"start_digest", package_.digest},
          {"training_pictures", absl::StrCat(set.items.size())},
          {"training_data_digest", set.Digest()},
          {"validation_data_digest", validation_.pictures->set().Digest()},
          {"seed", absl::StrCat(config_.seed)},
          {"batch_size", absl::StrCat(config_.batch_size)},
          {"epochs", absl::StrCat(result.history.size())},
          {"computed_with", ComputeKernels(device_)}};
}

absl::Status BayesPflTrainingRun::WriteResults(const TrainingResult& result) {
  const std::filesystem::path folder = config_.output / "model";
  const PackageProvenance provenance = Provenance(result);
  const absl::StatusOr<ModelConfig> written =
      WriteTrainedPackage(package_, result.weights,
                          {.output_dir = folder.string(),
                           .overwrite = true,
                           .stage = result.stage,
                           .name = config_.name.empty() ? package_.config.name : config_.name,
                           .version = config_.version,
                           .provenance = provenance});
  if (!written.ok()) return written.status();
  absl::StatusOr<std::vector<ReportPicture>> pictures =
      DrawReportPictures(folder.string(), validation_.pictures->set(), config_.report_pictures, config_.device);
  if (!pictures.ok()) return pictures.status();
  TrainingReport report = {.title = absl::StrCat("Training of ", written->name),
                           .facts = provenance,
                           .epochs = result.history,
                           .pictures = *std::move(pictures)};
  for (const BadPicture& bad : training_.pictures->set().bad) report.notes.push_back("left out: " + bad.Sentence());
  if (config_.pictures.augment == AugmentMode::kFrozen) {
    report.notes.push_back(absl::StrCat("Each picture was seen in ", config_.pictures.frozen_variants,
                                        " fixed variants, which the epochs took in turn; the paper draws new ones in "
                                        "each epoch."));
  }
  return WriteFile(config_.output / "report.html", TrainingReportHtml(report));
}

absl::StatusOr<TrainingPlan> BayesPflTrainingRun::Plan() {
  absl::StatusOr<TrainingPlan> plan = TrainingPlan();
  const absl::Status measured = CatchDeviceErrors(absl::StatusCode::kInternal, "measuring a step failed", [&] {
    plan = Measure();
    return plan.status();
  });
  if (!measured.ok()) return measured;
  return plan;
}

double SecondsSince(absl::Time start) { return absl::ToDoubleSeconds(absl::Now() - start); }

absl::StatusOr<TrainingPlan> BayesPflTrainingRun::Measure() {
  const TrainingSet& learned = training_.pictures->set();
  const TrainingSet& judged = validation_.pictures->set();
  TrainingPlan plan = {.training_pictures = training_.data->size(),
                       .training_anomalous = learned.anomalous,
                       .validation_pictures = validation_.data->size(),
                       .bad_pictures = static_cast<int64_t>(learned.bad.size() + judged.bad.size())};
  plan.batches = (plan.training_pictures + config_.batch_size - 1) / config_.batch_size;
  for (const Pictures* set : {&training_, &validation_}) {
    if (set->cached == nullptr) continue;
    const auto entries = static_cast<int64_t>(set->cached->Digests().size());
    plan.cached_pictures += entries;
    plan.cache_bytes += entries * set->cache->entry_bytes();
  }

  // A batch of the first pictures, without the cache, so that nothing is written.
  std::vector<int64_t> first(static_cast<size_t>(std::min(config_.batch_size, plan.training_pictures)));
  std::iota(first.begin(), first.end(), 0);
  EncodedPictures encoded(
      *training_.prepared, towers_->vision, objects_,
      {.image_size = package_.config.image_size, .device = device_, .loading_threads = at::get_num_threads()});
  absl::Time start = absl::Now();
  absl::StatusOr<LabelledBatch> batch = encoded.Get(first, 0);
  if (!batch.ok()) return batch.status();
  plan.seconds_of_encoding = SecondsSince(start) / static_cast<double>(first.size());

  absl::StatusOr<TensorMap> parameters = LoadParameters(*package_.bayespfl, package_.config, device_);
  if (!parameters.ok()) return parameters.status();
  ModelConfig stage1 = package_.config;
  stage1.stage = 1;
  WeightReader reader(*parameters, "the parameters");
  const auto model = BayesPflModel::Assemble(stage1, *towers_, reader, device_);
  if (!model.ok()) return model.status();
  const StepNoise noise =
      DrawStepNoise(config_.seed, 0, static_cast<int64_t>(first.size()), package_.config.embed_dim, device_);
  start = absl::Now();
  const LossTerms terms = Stage1Loss(**model, *batch, noise, 0,
                                     InterpolationMatrix(package_.config.image_size, package_.config.grid(), device_));
  GradientsOf(terms.Total(), *parameters);
  plan.seconds_of_step = SecondsSince(start);
  // A picture of the validation goes forward R times where one of a step goes forth and back once: about so much.
  plan.seconds_of_validation =
      plan.seconds_of_step / static_cast<double>(first.size()) * static_cast<double>(config_.samples);
  const double steps = plan.seconds_of_step * static_cast<double>(plan.batches) +
                       plan.seconds_of_validation * static_cast<double>(plan.validation_pictures);
  const double learned_seconds = plan.seconds_of_encoding * static_cast<double>(plan.training_pictures);
  const double judged_seconds = plan.seconds_of_encoding * static_cast<double>(plan.validation_pictures);
  plan.first_epoch_seconds = steps + learned_seconds + judged_seconds;
  plan.later_epoch_seconds = steps + (training_.cached == nullptr ? learned_seconds : 0) +
                             (validation_.cached == nullptr ? judged_seconds : 0);
  return plan;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TrainingRun>> TrainingRun::Open(const TrainConfig& config,
                                                               const TrainingRunObserver& observer) {
  const absl::StatusOr<torch::Device> device = ResolveDevice(config.device);
  if (!device.ok()) return device.status();
  absl::StatusOr<ModelPackage> package =
      ModelPackage::Open(config.model.string(), {.ignore_calibration = true, .precision = Precision::kFp32});
  if (!package.ok()) return package.status();
  absl::StatusOr<ObjectReader> objects = ObjectReader::Create(package->vocabulary_path, package->config);
  if (!objects.ok()) return objects.status();
  auto run = std::make_unique<BayesPflTrainingRun>(config, observer, *std::move(package), *std::move(objects), *device);
  const absl::Status prepared =
      CatchDeviceErrors(absl::StatusCode::kInternal, "the towers cannot be loaded", [&] { return run->Prepare(); });
  if (!prepared.ok()) return prepared;
  return run;
}

}  // namespace bayespfl
