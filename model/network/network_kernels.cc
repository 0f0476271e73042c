#include "model/network/network_kernels.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace bayespfl {
namespace {

constexpr absl::string_view kTorch = "torch";
constexpr absl::string_view kOneDnn = "onednn";
constexpr absl::string_view kLinearKey = "linear=";
constexpr absl::string_view kAttentionKey = "attention=";
constexpr absl::string_view kMapsKey = "maps=";

// What follows `key` in a word of the text; "torch" without such a word.
absl::string_view ValueOf(absl::string_view text, absl::string_view key) {
  for (absl::string_view word : absl::StrSplit(text, absl::ByAnyChar(" ,"))) {
    if (absl::ConsumePrefix(&word, key)) return word;
  }
  return kTorch;
}

// Of an operation that there is a kernel of our own for.
absl::StatusOr<std::optional<InstructionSet>> ParseOwn(absl::string_view text, absl::string_view key) {
  const absl::string_view value = ValueOf(text, key);
  if (value == kTorch) return std::nullopt;
  for (const InstructionSet set : {InstructionSet::kPlain, InstructionSet::kAvx2, InstructionSet::kAvx512}) {
    if (value != InstructionSetName(set)) continue;
    const std::vector<InstructionSet> here = InstructionSets();
    if (std::find(here.begin(), here.end(), set) != here.end()) return set;
    return absl::InvalidArgumentError(absl::StrCat(key, value, ": this processor has no ", value));
  }
  return absl::InvalidArgumentError(absl::StrCat(key, value, ": it is \"torch\", \"plain\", \"avx2\" or \"avx512\""));
}

absl::string_view OwnName(std::optional<InstructionSet> kernel) {
  return kernel.has_value() ? InstructionSetName(*kernel) : kTorch;
}

// MKL, which LibTorch is built with, takes AVX-512 on Intel's processors alone; oneDNN takes it wherever it is.
bool MklLeavesAvx512Unused() {
#ifdef __x86_64__
  return InstructionSets().back() == InstructionSet::kAvx512 && __builtin_cpu_is("amd");
#else
  return false;
#endif
}

}  // namespace

std::string NetworkKernelsText(const NetworkKernels& kernels) {
  return absl::StrCat(kLinearKey, kernels.linear == LinearForm::kOneDnn ? kOneDnn : kTorch, " ", kAttentionKey,
                      OwnName(kernels.attention), " ", kMapsKey, OwnName(kernels.maps));
}

absl::StatusOr<NetworkKernels> ParseNetworkKernels(absl::string_view text) {
  NetworkKernels kernels;
  const absl::string_view linear = ValueOf(text, kLinearKey);
  if (linear == kOneDnn) {
    kernels.linear = LinearForm::kOneDnn;
  } else if (linear != kTorch) {
    return absl::InvalidArgumentError(absl::StrCat(kLinearKey, linear, ": it is \"torch\" or \"onednn\""));
  }
  using Own = std::pair<absl::string_view, std::optional<InstructionSet>*>;
  for (const auto& [key, kernel] : {Own(kAttentionKey, &kernels.attention), Own(kMapsKey, &kernels.maps)}) {
    const absl::StatusOr<std::optional<InstructionSet>> own = ParseOwn(text, key);
    if (!own.ok()) return own.status();
    *kernel = *own;
  }
  return kernels;
}

NetworkKernels UsualNetworkKernels() {
  NetworkKernels kernels;
  if (MklLeavesAvx512Unused()) kernels.linear = LinearForm::kOneDnn;
  const InstructionSet own = InstructionSets().back();
  if (own == InstructionSet::kPlain) return kernels;
  kernels.attention = own;
  kernels.maps = own;
  return kernels;
}

}  // namespace bayespfl
