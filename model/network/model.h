// The whole network, from normalised pictures, token ids and given noise to scores and maps.
#ifndef BAYESPFL_MODEL_NETWORK_MODEL_H_
#define BAYESPFL_MODEL_NETWORK_MODEL_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/libtorch.h"
#include "model/network/anomaly_maps.h"
#include "model/network/distributions.h"
#include "model/network/image_head.h"
#include "model/network/noise.h"
#include "model/network/prompt_bank.h"
#include "model/network/prompt_batch.h"
#include "model/network/prompt_form.h"
#include "model/network/residual_cross_attention.h"
#include "model/network/text_transformer.h"
#include "model/network/vision_transformer.h"
#include "model/network/weights.h"
#include "model/package/model_config.h"
#include "model/package/precision.h"
#include "model/package/tensor_source.h"

namespace bayespfl {

// What the text tower needs of one picture.
struct PromptInput {
  std::vector<int32_t> token_ids;  // start .. end of text, "X" at position 1; no padding
  PromptNoise noise;
};

// CLIP's two towers, which training leaves as they are. Copies share the weights.
struct ClipTowers {
  VisionTransformer vision;
  TextTransformer text;
};

// What it needs of a batch, on the device.
struct PromptBatch {
  const PromptPlan* plan = nullptr;  // borrowed
  torch::Tensor numbers;             // [plan->size()], what plan->Write() writes
  torch::Tensor noise;               // [3, plan->samples(), E]: the draws of PromptNoise, picture by picture
};

struct ImageScore {
  float mean = 0;       // mean over samples and prompts
  float deviation = 0;  // population deviation over the samples of the mean over prompts
};

// Immutable after Load(); safe from many threads. In fp32 but for the operands that a Precision is about; calls throw
// c10::Error when the device fails.
class BayesPflModel {
 public:
  // `clip` holds CLIP's weights under OpenAI's names, `bayespfl` the others under the reference's. DataLoss: a tensor
  // is missing or does not fit the configuration; the message names source and tensor. InvalidArgument: this processor
  // cannot run `kernels` in this precision. `kernels` other than LibTorch's require the CPU.
  static absl::StatusOr<std::unique_ptr<const BayesPflModel>> Load(const ModelConfig& config, const TensorSource& clip,
                                                                   const TensorSource& bayespfl, torch::Device device,
                                                                   const NetworkKernels& kernels = {},
                                                                   Precision precision = Precision::kFp32);

  // The two halves of Load(), for those who make many models of the same towers and of weights that change: neither
  // sets a mode, so that gradients reach the tensors that `weights` hands out where they are wanted. The maps are
  // LibTorch's.
  static absl::StatusOr<ClipTowers> LoadTowers(const ModelConfig& config, const TensorSource& clip,
                                               torch::Device device, const NetworkKernels& kernels,
                                               Precision precision);
  // The same of `weights`, with forms for each tower.
  static absl::StatusOr<ClipTowers> TakeTowers(const ModelConfig& config, WeightReader& weights,
                                               const NetworkKernels& vision, const NetworkKernels& text,
                                               Precision precision);
  static absl::StatusOr<std::unique_ptr<const BayesPflModel>> Assemble(const ModelConfig& config,
                                                                       const ClipTowers& towers, WeightReader& weights,
                                                                       torch::Device device);

  const ModelConfig& config() const { return config_; }
  torch::Device device() const { return device_; }
  Precision precision() const { return precision_; }

  // images [N, 3, S, S], normalised, on the device.
  VisionFeatures EncodeImages(const torch::Tensor& images) const { return towers_.vision.Encode(images); }

  // Text embeddings of all pictures [sum of 2M_i, E] with unit rows: of each picture M = R B normal rows (r is the slow
  // index), then M abnormal rows. One call of the text tower; R and the token counts may differ between the pictures.
  // Each sequence ends at its end-of-text: what follows it cannot matter under the causal mask.
  torch::Tensor EncodePrompts(const torch::Tensor& image_features, const PromptBatch& batch, PromptForm form) const;
  // The same of samples z_K that were drawn already, three of [samples of the batch, E].
  torch::Tensor EncodeSamples(const PromptIndices& indices, const PromptNoise& samples, PromptForm form) const;
  // The same of pictures one by one, [2M_i, E] each; copies to the device what lies elsewhere.
  std::vector<torch::Tensor> EncodePrompts(const torch::Tensor& image_features, const std::vector<PromptInput>& inputs,
                                           PromptForm form = PromptForm::kShared) const;

  // Which pictures take the small steps together: on the CPU each alone, since a run would gain nothing there and a
  // picture's numbers then depend on its neighbours no more than the towers make them; elsewhere as many as there are.
  std::vector<PictureRun> Runs(absl::Span<const PromptShape> pictures) const {
    return RunsOf(pictures, /*alone=*/device_.is_cpu());
  }

  // text_i [.., 2M, E] of pictures with `samples` = R each, and their rows of ImageHead::ImageEmbedding [.., E].
  // ScoreImage(), of one picture, waits for the device; ScoreTensor() is the same before that, [.., 2] on the device:
  // mean, deviation.
  torch::Tensor ScoreTensor(const torch::Tensor& text, const torch::Tensor& image_embedding, int64_t samples) const;
  ImageScore ScoreImage(const torch::Tensor& text, const torch::Tensor& image_embedding, int64_t samples) const;

  // patches: F of the four layers for these pictures, each [.., L, D_t].
  AnomalyMaps MapAnomalies(const torch::Tensor& text, const std::vector<torch::Tensor>& patches, int64_t samples,
                           bool want_deviation) const;

  const VisionTransformer& vision() const { return towers_.vision; }
  const TextTransformer& text() const { return towers_.text; }
  const PromptDistributions& distributions() const { return distributions_; }
  const PromptBank& bank() const { return bank_; }
  const ResidualCrossAttention& rca() const { return rca_; }
  const ImageHead& image_head() const { return head_; }

 private:
  // z_K of every sample, three of [samples, E].
  PromptNoise SampleBatch(const torch::Tensor& image_features, const PromptBatch& batch) const;

  BayesPflModel(ModelConfig config, torch::Device device, Precision precision)
      : config_(std::move(config)), device_(device), precision_(precision) {}
  absl::Status LoadParts(WeightReader& weights);

  ModelConfig config_;
  torch::Device device_;
  Precision precision_;
  ClipTowers towers_;
  PromptDistributions distributions_;
  PromptBank bank_;
  ResidualCrossAttention rca_;
  ImageHead head_;
  std::optional<InstructionSet> map_kernel_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_MODEL_H_
