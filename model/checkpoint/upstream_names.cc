#include "model/checkpoint/upstream_names.h"

#include <algorithm>
#include <array>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace bayespfl {
namespace {

bool AnyStartsWith(const NameMap& names, absl::string_view prefix) {
  return std::any_of(names.begin(), names.end(),
                     [prefix](const auto& name) { return absl::StartsWith(name.first, prefix); });
}

// The names below `wrapper`, without it.
NameMap Unwrap(const NameMap& names, absl::string_view wrapper) {
  NameMap unwrapped;
  for (const auto& [name, in_file] : names) {
    absl::string_view inner = name;
    if (absl::ConsumePrefix(&inner, wrapper)) unwrapped.emplace(inner, in_file);
  }
  return unwrapped;
}

// What training scripts and PyTorch put around a model's own names, in whatever order, is taken off; what lies beside
// it (an optimiser's state) is no weight.
NameMap ModelNames(const Tensors& tensors) {
  constexpr std::array<absl::string_view, 5> kWrappers = {
      "state_dict.", "model_state_dict.", "model.",  // keys of checkpoints
      "module.",                                     // DataParallel, DistributedDataParallel
      "MyModel.",                                    // the authors' script
  };
  NameMap names;
  for (const auto& [name, info] : tensors) {
    // torch.compile() may wrap any part of a model.
    names.emplace(absl::StrReplaceAll(name, {{"_orig_mod.", ""}}), name);
  }
  for (;;) {
    const auto wrapper = std::find_if(kWrappers.begin(), kWrappers.end(),
                                      [&](absl::string_view prefix) { return AnyStartsWith(names, prefix); });
    if (wrapper == kWrappers.end()) return names;
    names = Unwrap(names, *wrapper);
  }
}

bool IsBuffer(absl::string_view name) {
  constexpr std::array<absl::string_view, 4> kBuffers = {"input_resolution", "context_length", "vocab_size",
                                                         "attn_mask"};
  return std::find(kBuffers.begin(), kBuffers.end(), name) != kBuffers.end();
}

}  // namespace

NameMap ClipNames(const Tensors& tensors) {
  NameMap names;
  for (const auto& [name, in_file] : ModelNames(tensors)) {
    const absl::string_view ours = absl::StripPrefix(name, "text.");
    if (!IsBuffer(ours)) names.emplace(ours, in_file);
  }
  return names;
}

NameMap BayesPflNames(const Tensors& tensors) { return ModelNames(tensors); }

}  // namespace bayespfl
