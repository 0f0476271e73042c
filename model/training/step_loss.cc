#include "model/training/step_loss.h"

#include "model/training/draws.h"

namespace bayespfl {

absl::StatusOr<LossTerms> LossOfStep(const TrainingTask& task, int stage, const LabelledBatch& batch, uint64_t seed,
                                     int64_t step) {
  const auto model = task.Assemble(stage);
  if (!model.ok()) return model.status();
  const ModelConfig& config = task.config();
  const auto key = static_cast<uint64_t>(step);
  return task.Loss(stage, **model, batch,
                   {.noise = DrawStepNoise(seed, key, batch.labels.size(0), config.embed_dim, task.device()),
                    .prompt = DrawPromptIndex(seed, key, config.prompts)});
}

}  // namespace bayespfl
