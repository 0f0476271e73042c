#include "model/network/prompt_bank.h"

namespace bayespfl {

PromptBank PromptBank::Load(WeightReader& reader, const ModelConfig& config) {
  PromptBank bank;
  bank.context_ = reader.Take("prompt_context", {config.prompts, config.context_rows, config.text.width});
  bank.normal_ = reader.Take("prompt_state_normal", {config.prompts, config.state_rows, config.text.width});
  bank.abnormal_ = reader.Take("prompt_state_abnormal", {config.prompts, config.state_rows, config.text.width});
  return bank;
}

torch::Tensor PromptBank::LearnedRows(PromptState state, const torch::Tensor& context_samples,
                                      const torch::Tensor& state_samples) const {
  const torch::Tensor& rows = state == PromptState::kNormal ? normal_ : abnormal_;
  const auto shifted = [](const torch::Tensor& bank, const torch::Tensor& samples) {
    return bank.unsqueeze(0) + samples.view({samples.size(0), 1, 1, samples.size(1)});  // [R, B, rows, D_t]
  };
  return torch::cat({shifted(context_, context_samples), shifted(rows, state_samples)}, 2);
}

torch::Tensor PromptBank::Assemble(const torch::Tensor& tokens, const torch::Tensor& learned, int64_t length) {
  const int64_t count = learned.size(0) * learned.size(1);
  const int64_t learned_rows = learned.size(2);
  const int64_t width = learned.size(3);
  const torch::Tensor head = tokens.slice(0, 0, 1).expand({count, 1, width});
  const torch::Tensor tail = tokens.slice(0, 2, length - learned_rows + 1);
  return torch::cat({head, learned.reshape({count, learned_rows, width}), tail.expand({count, tail.size(0), width})},
                    1);
}

}  // namespace bayespfl
