#include "model/network/prompt_bank.h"

namespace bayespfl {
namespace {

// Each prompt's rows [B, rows, D_t] plus each sample [R, D_t]: [R B, rows, D_t].
torch::Tensor Shifted(const torch::Tensor& bank, const torch::Tensor& samples) {
  return (bank.unsqueeze(0) + samples.view({samples.size(0), 1, 1, samples.size(1)})).flatten(0, 1);
}

}  // namespace

PromptBank PromptBank::Load(WeightReader& reader, const ModelConfig& config) {
  PromptBank bank;
  bank.context_ = reader.Take("prompt_context", {config.prompts, config.context_rows, config.text.width});
  bank.normal_ = reader.Take("prompt_state_normal", {config.prompts, config.state_rows, config.text.width});
  bank.abnormal_ = reader.Take("prompt_state_abnormal", {config.prompts, config.state_rows, config.text.width});
  return bank;
}

torch::Tensor PromptBank::ContextRows(const torch::Tensor& context_samples) const {
  return Shifted(context_, context_samples);
}

torch::Tensor PromptBank::StateRows(PromptState state, const torch::Tensor& state_samples) const {
  return Shifted(state == PromptState::kNormal ? normal_ : abnormal_, state_samples);
}

}  // namespace bayespfl
