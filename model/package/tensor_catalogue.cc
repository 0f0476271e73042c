#include "model/package/tensor_catalogue.h"

#include <array>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"

namespace bayespfl {
namespace {

using Shape = std::vector<int64_t>;

class CatalogueBuilder {
 public:
  void Add(const std::string& name, Shape shape) { catalogue_[name] = {.shape = std::move(shape)}; }
  void AddHalf(const std::string& name, Shape shape) { catalogue_[name] = {.shape = std::move(shape), .half = true}; }
  void AddUnused(const std::string& name, Shape shape) {
    catalogue_[name] = {.shape = std::move(shape), .required = false};
  }

  void AddLinear(const std::string& prefix, int64_t in, int64_t out) {
    Add(prefix + ".weight", {out, in});
    Add(prefix + ".bias", {out});
  }
  void AddLayerNorm(const std::string& prefix, int64_t width) {
    Add(prefix + ".weight", {width});
    Add(prefix + ".bias", {width});
  }

  void AddBlocks(const std::string& prefix, const TowerConfig& tower) {
    const int64_t width = tower.width;
    for (int64_t i = 0; i < tower.layers; ++i) {
      const std::string block = absl::StrCat(prefix, i, ".");
      AddLayerNorm(block + "ln_1", width);
      AddLayerNorm(block + "ln_2", width);
      AddHalf(block + "attn.in_proj_weight", {3 * width, width});
      AddHalf(block + "attn.in_proj_bias", {3 * width});
      AddHalf(block + "attn.out_proj.weight", {width, width});
      AddHalf(block + "attn.out_proj.bias", {width});
      AddHalf(block + "mlp.c_fc.weight", {4 * width, width});
      AddHalf(block + "mlp.c_fc.bias", {4 * width});
      AddHalf(block + "mlp.c_proj.weight", {width, 4 * width});
      AddHalf(block + "mlp.c_proj.bias", {width});
    }
  }

  // An encoder or decoder MLP: three linear maps, E -> H -> H -> E.
  void AddMlp(const std::string& prefix, const ModelConfig& config, bool required) {
    const int64_t width = config.embed_dim;
    const int64_t hidden = config.encoder_width;
    const std::array<std::pair<int64_t, int64_t>, 3> sizes = {{{width, hidden}, {hidden, hidden}, {hidden, width}}};
    for (size_t i = 0; i < sizes.size(); ++i) {
      const std::string layer = absl::StrCat(prefix, ".module.", 2 * i);
      AddLinear(layer, sizes[i].first, sizes[i].second);
      catalogue_[layer + ".weight"].required = required;
      catalogue_[layer + ".bias"].required = required;
    }
  }

  TensorCatalogue Take() { return std::move(catalogue_); }

 private:
  TensorCatalogue catalogue_;
};

bool IsFloat(DType dtype) {
  return dtype == DType::kF64 || dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
}

}  // namespace

TensorCatalogue ClipTensors(const ModelConfig& config) {
  CatalogueBuilder builder;
  const int64_t vision = config.vision.width;
  const int64_t text = config.text.width;
  builder.AddHalf("visual.conv1.weight", {vision, 3, config.patch_size, config.patch_size});
  builder.Add("visual.class_embedding", {vision});
  builder.Add("visual.positional_embedding", {1 + config.pretrain_grid() * config.pretrain_grid(), vision});
  builder.AddLayerNorm("visual.ln_pre", vision);
  builder.AddLayerNorm("visual.ln_post", vision);
  builder.AddHalf("visual.proj", {vision, config.embed_dim});
  builder.AddBlocks("visual.transformer.resblocks.", config.vision);
  builder.Add("token_embedding.weight", {config.vocabulary_size, text});
  builder.Add("positional_embedding", {config.context_length, text});
  builder.AddBlocks("transformer.resblocks.", config.text);
  builder.AddLayerNorm("ln_final", text);
  builder.AddHalf("text_projection", {text, config.embed_dim});
  builder.AddUnused("logit_scale", {});  // CLIP's own temperature; Bayes-PFL has two of its own
  return builder.Take();
}

TensorCatalogue BayesPflTensors(const ModelConfig& config) {
  CatalogueBuilder builder;
  const int64_t width = config.embed_dim;
  const int64_t steps = config.flow_steps;
  for (const absl::string_view owner : {"context", "state"}) {
    builder.AddMlp(absl::StrCat(owner, "_encoder.weight_mean"), config, true);
    builder.AddMlp(absl::StrCat(owner, "_encoder.weight_log_variance"), config, true);
    builder.AddMlp(absl::StrCat(owner, "_decoder.weight_mean"), config, false);
  }
  for (const absl::string_view flow : {"PFL_context", "PFL_normal", "PFL_abnormal"}) {
    builder.AddMlp(absl::StrCat(flow, ".encoder.weight_mean"), config, false);
    builder.AddMlp(absl::StrCat(flow, ".encoder.weight_log_variance"), config, false);
    builder.AddMlp(absl::StrCat(flow, ".decoder.weight_mean"), config, false);
    builder.AddUnused(absl::StrCat(flow, ".p_mu.0.weight"), {width, width});
    builder.AddUnused(absl::StrCat(flow, ".p_mu.0.bias"), {width});
  }
  builder.AddLinear("PFL_context.amor_u", width, steps * width);
  builder.AddLinear("PFL_context.amor_w", width, steps * width);
  builder.AddLinear("PFL_context.amor_b", width, steps);
  for (const std::string flow : {"PFL_normal", "PFL_abnormal"}) {
    builder.Add(flow + ".state", {1, width});
    builder.Add(flow + ".amor_u", {1, steps, width, 1});
    builder.Add(flow + ".amor_w", {1, steps, 1, width});
    builder.Add(flow + ".amor_b", {1, steps, 1, 1});
  }
  builder.Add("prompt_context", {config.prompts, config.context_rows, config.text.width});
  builder.Add("prompt_state_normal", {config.prompts, config.state_rows, config.text.width});
  builder.Add("prompt_state_abnormal", {config.prompts, config.state_rows, config.text.width});
  for (size_t layer = 0; layer < config.tapped_layers.size(); ++layer) {
    builder.Add(absl::StrCat("RCA.linear_proj.", layer, ".weight"), {width, config.vision.width});
  }
  builder.Add("RCA.q_proj_pre.weight", {width, width, 1});
  builder.Add("RCA.q_proj_pre.bias", {width});
  builder.AddLinear("class_mapping", width, width);
  builder.AddLinear("image_mapping", width, width);
  const auto tapped_width = static_cast<int64_t>(config.tapped_layers.size()) * config.vision.width;
  builder.AddLinear("fuse.fuse_modules", tapped_width, config.encoder_width);
  builder.AddLinear("fuse.compress", config.encoder_width, 1);
  builder.AddLinear("fuse.post_process", config.encoder_width, width);
  builder.Add("temperature_image", {});
  builder.Add("temperature_pixel", {});
  return builder.Take();
}

std::string CanonicalName(const std::string& name) {
  for (const auto& [alias, canonical] : std::array<std::pair<absl::string_view, absl::string_view>, 6>{{
           {"PFL_context.encoder.", "context_encoder."},
           {"PFL_context.decoder.", "context_decoder."},
           {"PFL_normal.encoder.", "state_encoder."},
           {"PFL_normal.decoder.", "state_decoder."},
           {"PFL_abnormal.encoder.", "state_encoder."},
           {"PFL_abnormal.decoder.", "state_decoder."},
       }}) {
    if (absl::StartsWith(name, alias)) return absl::StrCat(canonical, name.substr(alias.size()));
  }
  return name;
}

std::vector<std::string> CompareWithCatalogue(const TensorCatalogue& catalogue,
                                              const std::map<std::string, TensorInfo>& tensors) {
  std::vector<std::string> problems;
  for (const auto& [name, spec] : catalogue) {
    const auto found = tensors.find(name);
    if (found == tensors.end()) {
      if (spec.required)
        problems.push_back(absl::StrCat("missing: ", name, " [", absl::StrJoin(spec.shape, ", "), "]"));
      continue;
    }
    if (found->second.shape != spec.shape) {
      problems.push_back(absl::StrCat("shape: ", name, " is [", absl::StrJoin(found->second.shape, ", "),
                                      "] where the configuration asks for [", absl::StrJoin(spec.shape, ", "), "]"));
    }
    if (!IsFloat(found->second.dtype)) {
      problems.push_back(
          absl::StrCat("type: ", name, " is ", DTypeName(found->second.dtype), "; weights are F16, BF16, F32 or F64"));
    }
  }
  for (const auto& [name, info] : tensors) {
    if (!catalogue.contains(name)) {
      problems.push_back(
          absl::StrCat("left over: ", name, " ", DTypeName(info.dtype), " [", absl::StrJoin(info.shape, ", "), "]"));
    }
  }
  return problems;
}

}  // namespace bayespfl
