#include "model/tower_training/towers_task.h"

#include <cstddef>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "model/network/network_kernels.h"
#include "model/tower_training/caption_loss.h"
#include "model/tower_training/distillation_loss.h"
#include "model/tower_training/tower_heads.h"
#include "model/training/cross_entropy.h"
#include "model/training/interpolation_matrix.h"
#include "model/training/parameters.h"
#include "model/training/pixel_losses.h"

namespace bayespfl {
namespace {

bool IsBlockMatrix(const std::string& name) {
  return absl::StrContains(name, "resblocks.") && absl::EndsWith(name, "weight") && !absl::StrContains(name, "ln_");
}

torch::Tensor AuxiliaryLoss(const TowerHeads& heads, const LabelledBatch& batch, const torch::Tensor& upsampling,
                            int64_t grid) {
  torch::Tensor sum = CrossEntropyLoss(heads.ImageLogits(batch.features.image), batch.labels);
  const PixelLosses losses(batch.positive);
  for (size_t layer = 0; layer < batch.features.patch_tokens.size(); ++layer) {
    const torch::Tensor logits = heads.PatchLogits(layer, batch.features.patch_tokens[layer]);  // [N, L]
    const PixelLossTerms terms = losses.Of(Upsample(upsampling, logits.view({-1, grid, grid})));
    sum = sum + terms.focal + terms.dice;
  }
  return sum;
}

std::vector<bool> AnomalousOf(const torch::Tensor& labels) {
  const torch::Tensor values = labels.to(torch::kCPU);
  std::vector<bool> anomalous;
  for (int64_t i = 0; i < values.size(0); ++i) anomalous.push_back(values[i].item<int64_t>() != 0);
  return anomalous;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TowersTask>> TowersTask::Create(const ModelPackage& package, const ObjectReader& objects,
                                                               std::unique_ptr<const Teacher> teacher,
                                                               const TowersOptions& options, torch::Device device) {
  absl::StatusOr<TensorMap> parameters = LoadParameters(*package.bayespfl, package.config, device);
  if (!parameters.ok()) return parameters.status();
  absl::StatusOr<TensorMap> towers = LoadTowerParameters(*package.clip, package.config, device);
  if (!towers.ok()) return towers.status();
  parameters->merge(*towers);
  TensorMap heads = MakeTowerHeads(package.config, teacher == nullptr ? 0 : teacher->channels(), device);
  parameters->merge(heads);
  return std::unique_ptr<TowersTask>(
      new TowersTask(package.config, *std::move(parameters), objects, std::move(teacher), options, device));
}

TowersTask::TowersTask(ModelConfig config, TensorMap parameters, const ObjectReader& objects,
                       std::unique_ptr<const Teacher> teacher, const TowersOptions& options, torch::Device device)
    : config_(std::move(config)),
      parameters_(std::move(parameters)),
      objects_(objects),
      teacher_(std::move(teacher)),
      options_(options),
      device_(device),
      upsampling_(InterpolationMatrix(config_.image_size, config_.grid(), device)) {}

std::vector<ParameterGroup> TowersTask::Groups(int /*stage*/) const {
  std::vector<ParameterGroup> groups = {{.names = {},
                                         .learning_rate = options_.learning_rate,
                                         .weight_decay = options_.weight_decay,
                                         .muon = options_.muon},
                                        {.names = {}, .learning_rate = options_.learning_rate},
                                        {.names = {}, .learning_rate = options_.learning_rate * kTemperatureRate}};
  for (const auto& [name, tensor] : parameters_) {
    const bool temperature = absl::StartsWith(name, "temperature_");
    groups[IsBlockMatrix(name) ? 0 : temperature ? 2 : 1].names.push_back(name);
  }
  return groups;
}

absl::StatusOr<std::unique_ptr<const BayesPflModel>> TowersTask::Assemble(int /*stage*/) const {
  ModelConfig config = config_;
  config.stage = 1;
  WeightReader reader(parameters_, "the parameters");
  // LibTorch's own operations: gradients go through them.
  const absl::StatusOr<ClipTowers> towers =
      BayesPflModel::TakeTowers(config, reader, NetworkKernels(), NetworkKernels(), Precision::kFp32);
  if (!towers.ok()) return towers.status();
  return BayesPflModel::Assemble(config, *towers, reader, device_);
}

absl::StatusOr<LossTerms> TowersTask::Loss(int /*stage*/, const BayesPflModel& model, const LabelledBatch& batch,
                                           const StepDraws& draws) const {
  const absl::StatusOr<Captions> captions = CaptionsOf(batch.objects, AnomalousOf(batch.labels), objects_);
  if (!captions.ok()) return captions.status();
  WeightReader reader(parameters_, "the parameters");
  const TowerHeads heads = TowerHeads::Load(reader, config_, TeacherChannels());
  if (!reader.status().ok()) return reader.status();

  LabelledBatch encoded = batch;
  encoded.features = model.EncodeImages(batch.images);
  LossTerms terms = Stage1Loss(model, encoded, draws.noise, draws.prompt, upsampling_);
  for (torch::Tensor* term : {&terms.kl_context, &terms.kl_normal, &terms.kl_abnormal, &terms.orthogonality}) {
    *term = *term * kPromptTermWeight;
  }
  terms.auxiliary = kAuxiliaryWeight * AuxiliaryLoss(heads, encoded, upsampling_, config_.grid());
  terms.captions = kCaptionWeight * CaptionLoss(encoded.features.image,
                                                EncodeCaptions(model.text(), *captions, device_), captions->of_picture);
  if (teacher_ != nullptr) {
    const torch::Tensor targets = TaughtTargets(teacher_->Features(batch.images), config_.grid());
    const torch::Tensor& tokens = encoded.features.patch_tokens[TowerHeads::TaughtLayer(config_)];
    terms.distillation = kDistillationWeight * DistillationLoss(heads.TaughtFeatures(tokens), targets);
  }
  return terms;
}

}  // namespace bayespfl
