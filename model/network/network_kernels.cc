#include "model/network/network_kernels.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "model/network/block_linear.h"
#include "model/network/self_attention.h"
#include "torch/torch.h"

namespace bayespfl {
namespace {

constexpr absl::string_view kTorch = "torch";
constexpr absl::string_view kOneDnn = "onednn";
constexpr absl::string_view kLinearKey = "linear=";
constexpr absl::string_view kAttentionKey = "attention=";

// Rows of a trial product: enough for every thread to have its share.
constexpr int64_t kTrialRows = 256;
constexpr int kTrials = 5;
constexpr double kFasterBy = 1.1;

// What follows `key` in a word of the text; "torch" without such a word.
absl::string_view ValueOf(absl::string_view text, absl::string_view key) {
  for (absl::string_view word : absl::StrSplit(text, absl::ByAnyChar(" ,"))) {
    if (absl::ConsumePrefix(&word, key)) return word;
  }
  return kTorch;
}

absl::StatusOr<std::optional<InstructionSet>> ParseAttention(absl::string_view value) {
  if (value == kTorch) return std::nullopt;
  for (const InstructionSet set : {InstructionSet::kPlain, InstructionSet::kAvx2, InstructionSet::kAvx512}) {
    if (value != InstructionSetName(set)) continue;
    const std::vector<InstructionSet> here = InstructionSets();
    if (std::find(here.begin(), here.end(), set) != here.end()) return set;
    return absl::InvalidArgumentError(absl::StrCat(kAttentionKey, value, ": this processor has no ", value));
  }
  return absl::InvalidArgumentError(
      absl::StrCat(kAttentionKey, value, ": it is \"torch\", \"plain\", \"avx2\" or \"avx512\""));
}

// Seconds of the fastest of several calls, after one that nobody times.
template <typename Call>
double Fastest(Call call) {
  call();
  double fastest = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kTrials; ++i) {
    const auto start = std::chrono::steady_clock::now();
    call();
    fastest = std::min(fastest, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return fastest;
}

double LinearSeconds(const TowerConfig& tower, LinearForm form) {
  const int64_t width = tower.width;
  const torch::Tensor x = torch::ones({kTrialRows, width});
  const BlockLinear widen({torch::ones({4 * width, width}), torch::ones({4 * width})}, form);
  const BlockLinear narrow({torch::ones({width, 4 * width}), torch::ones({width})}, form);
  return Fastest([&] { narrow(widen.Gelu(x)); });
}

double AttentionSeconds(const ModelConfig& config, std::optional<InstructionSet> kernel) {
  // A head for each thread, and whole ones: how they fill the caches is what differs.
  const int64_t heads = std::min<int64_t>(config.vision.heads, at::get_num_threads());
  const int64_t length = 1 + config.grid() * config.grid();
  const torch::Tensor qkv = torch::ones({1, length, 3 * heads * (config.vision.width / config.vision.heads)});
  return Fastest([&] { SelfAttention(qkv, {.heads = heads, .kernel = kernel}); });
}

}  // namespace

std::string NetworkKernelsText(const NetworkKernels& kernels) {
  return absl::StrCat(kLinearKey, kernels.linear == LinearForm::kOneDnn ? kOneDnn : kTorch, " ", kAttentionKey,
                      kernels.attention.has_value() ? InstructionSetName(*kernels.attention) : kTorch);
}

absl::StatusOr<NetworkKernels> ParseNetworkKernels(absl::string_view text) {
  NetworkKernels kernels;
  const absl::string_view linear = ValueOf(text, kLinearKey);
  if (linear == kOneDnn) {
    kernels.linear = LinearForm::kOneDnn;
  } else if (linear != kTorch) {
    return absl::InvalidArgumentError(absl::StrCat(kLinearKey, linear, ": it is \"torch\" or \"onednn\""));
  }
  absl::StatusOr<std::optional<InstructionSet>> attention = ParseAttention(ValueOf(text, kAttentionKey));
  if (!attention.ok()) return attention.status();
  kernels.attention = *attention;
  return kernels;
}

NetworkKernels MeasureNetworkKernels(const ModelConfig& config) {
  const c10::InferenceMode inference;
  NetworkKernels kernels;
  if (kFasterBy * LinearSeconds(config.vision, LinearForm::kOneDnn) <
      LinearSeconds(config.vision, LinearForm::kTorch)) {
    kernels.linear = LinearForm::kOneDnn;
  }
  const InstructionSet own = InstructionSets().back();
  if (kFasterBy * AttentionSeconds(config, own) < AttentionSeconds(config, std::nullopt)) kernels.attention = own;
  return kernels;
}

}  // namespace bayespfl
