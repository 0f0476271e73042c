#include "model/checkpoint/upstream_names.h"

#include <algorithm>
#include <array>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace bayespfl {
namespace {

bool AnyStartsWith(const Tensors& tensors, absl::string_view prefix) {
  return std::any_of(tensors.begin(), tensors.end(),
                     [prefix](const auto& tensor) { return absl::StartsWith(tensor.first, prefix); });
}

// The tensors below `wrapper` under what follows it, when there are any; else all of them.
NameMap Unwrap(const Tensors& tensors, absl::string_view wrapper) {
  NameMap names;
  const bool wrapped = AnyStartsWith(tensors, wrapper);
  for (const auto& [name, info] : tensors) {
    absl::string_view inner = name;
    if (!wrapped || absl::ConsumePrefix(&inner, wrapper)) names.emplace(inner, name);
  }
  return names;
}

bool IsBuffer(absl::string_view name) {
  constexpr std::array<absl::string_view, 4> kBuffers = {"input_resolution", "context_length", "vocab_size",
                                                         "attn_mask"};
  return std::find(kBuffers.begin(), kBuffers.end(), name) != kBuffers.end();
}

}  // namespace

NameMap ClipNames(const Tensors& tensors) {
  NameMap names;
  for (const auto& [inner, name] : Unwrap(tensors, "state_dict.")) {
    absl::string_view ours = absl::StripPrefix(inner, "module.");
    ours = absl::StripPrefix(ours, "text.");
    if (!IsBuffer(ours)) names.emplace(ours, name);
  }
  return names;
}

NameMap BayesPflNames(const Tensors& tensors) { return Unwrap(tensors, "MyModel."); }

}  // namespace bayespfl
