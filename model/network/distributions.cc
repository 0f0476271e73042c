#include "model/network/distributions.h"

#include "absl/strings/str_cat.h"

namespace bayespfl {

PromptDistribution PromptDistribution::Of(const PictureRun& run) const {
  return {run.PicturesOf(mean),
          run.PicturesOf(log_variance),
          {run.PicturesOf(flow.u), run.PicturesOf(flow.w), run.PicturesOf(flow.b)}};
}

torch::Tensor PromptDistribution::Sample(const torch::Tensor& noise) const {
  const torch::Tensor z0 = Initial(noise);
  const std::vector<torch::Tensor> path = PlanarFlow(z0, flow);
  return path.empty() ? z0 : path.back();
}

EncoderMlp EncoderMlp::Load(WeightReader& reader, const std::string& prefix, int64_t embed_dim, int64_t hidden) {
  EncoderMlp mlp;
  // The reference stores the activations as layers 1 and 3.
  mlp.layers_ = {reader.TakeLinear(prefix + ".module.0", embed_dim, hidden),
                 reader.TakeLinear(prefix + ".module.2", hidden, hidden),
                 reader.TakeLinear(prefix + ".module.4", hidden, embed_dim)};
  return mlp;
}

torch::Tensor EncoderMlp::Forward(const torch::Tensor& x) const {
  return layers_[2](torch::softplus(layers_[1](torch::softplus(layers_[0](x)))));
}

namespace {

PromptDistribution LoadState(WeightReader& reader, const std::string& name, const EncoderMlp& mean,
                             const EncoderMlp& log_variance, const ModelConfig& config) {
  const int64_t steps = config.flow_steps;
  const int64_t width = config.embed_dim;
  const torch::Tensor state = reader.Take(name + ".state", {1, width});
  const torch::Tensor u = reader.Take(name + ".amor_u", {1, steps, width, 1});
  const torch::Tensor w = reader.Take(name + ".amor_w", {1, steps, 1, width});
  const torch::Tensor b = reader.Take(name + ".amor_b", {1, steps, 1, 1});
  if (!reader.status().ok()) return {};
  return {mean.Forward(state).squeeze(0),
          log_variance.Forward(state).squeeze(0),
          {u.view({steps, width}), w.view({steps, width}), b.view({steps})}};
}

}  // namespace

PromptDistributions PromptDistributions::Load(WeightReader& reader, const ModelConfig& config) {
  PromptDistributions result;
  const int64_t width = config.embed_dim;
  const int64_t hidden = config.encoder_width;
  result.flow_steps_ = config.flow_steps;
  result.context_mean_ = EncoderMlp::Load(reader, "context_encoder.weight_mean", width, hidden);
  result.context_log_variance_ = EncoderMlp::Load(reader, "context_encoder.weight_log_variance", width, hidden);
  result.amortised_u_ = reader.TakeLinear("PFL_context.amor_u", width, config.flow_steps * width);
  result.amortised_w_ = reader.TakeLinear("PFL_context.amor_w", width, config.flow_steps * width);
  result.amortised_b_ = reader.TakeLinear("PFL_context.amor_b", width, config.flow_steps);
  const EncoderMlp state_mean = EncoderMlp::Load(reader, "state_encoder.weight_mean", width, hidden);
  const EncoderMlp state_log_variance = EncoderMlp::Load(reader, "state_encoder.weight_log_variance", width, hidden);
  result.normal_ = LoadState(reader, "PFL_normal", state_mean, state_log_variance, config);
  result.abnormal_ = LoadState(reader, "PFL_abnormal", state_mean, state_log_variance, config);
  return result;
}

PromptDistribution PromptDistributions::Context(const torch::Tensor& image_features) const {
  const int64_t batch = image_features.size(0);
  const int64_t width = image_features.size(1);
  const torch::Tensor mean = context_mean_.Forward(image_features);
  const torch::Tensor log_variance = context_log_variance_.Forward(image_features);
  const torch::Tensor u = amortised_u_(image_features).view({batch, flow_steps_, width});
  const torch::Tensor w = amortised_w_(image_features).view({batch, flow_steps_, width});
  const torch::Tensor b = amortised_b_(image_features);  // [N, K]
  return {mean, log_variance, {u, w, b}};
}

}  // namespace bayespfl
