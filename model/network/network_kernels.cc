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

bool MultipliesBf16() { return Bf16InstructionSets().back() == InstructionSet::kAvx512Bf16; }

// An operation that there is a kernel of our own for.
struct OwnOperation {
  absl::string_view key;
  std::vector<InstructionSet> forms;  // that there are anywhere
  std::vector<InstructionSet> here;   // of those that this processor runs
};

OwnOperation OwnAttention() {
  return {
      .key = kAttentionKey,
      .forms = {InstructionSet::kPlain, InstructionSet::kAvx2, InstructionSet::kAvx512, InstructionSet::kAvx512Bf16},
      .here = Bf16InstructionSets()};
}

OwnOperation OwnMaps() {
  return {.key = kMapsKey,
          .forms = {InstructionSet::kPlain, InstructionSet::kAvx2, InstructionSet::kAvx512},
          .here = InstructionSets()};
}

absl::StatusOr<std::optional<InstructionSet>> ParseOwn(absl::string_view text, const OwnOperation& own) {
  const absl::string_view value = ValueOf(text, own.key);
  if (value == kTorch) return std::nullopt;
  std::string names = "\"torch\"";
  for (const InstructionSet set : own.forms) {
    absl::StrAppend(&names, ", \"", InstructionSetName(set), "\"");
    if (value != InstructionSetName(set)) continue;
    if (std::find(own.here.begin(), own.here.end(), set) != own.here.end()) return set;
    return absl::InvalidArgumentError(absl::StrCat(own.key, value, ": this processor has no ", value));
  }
  return absl::InvalidArgumentError(absl::StrCat(own.key, value, ": it is one of ", names));
}

absl::StatusOr<LinearForm> ParseLinear(absl::string_view text) {
  const absl::string_view value = ValueOf(text, kLinearKey);
  for (const LinearForm form : {LinearForm::kTorch, LinearForm::kOneDnn, LinearForm::kOwn}) {
    if (value != LinearFormName(form)) continue;
    if (form != LinearForm::kOwn || MultipliesBf16()) return form;
    return absl::InvalidArgumentError(absl::StrCat(kLinearKey, value, ": this processor has no ", value));
  }
  return absl::InvalidArgumentError(
      absl::StrCat(kLinearKey, value, ": it is one of \"torch\", \"onednn\", \"avx512_bf16\""));
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

absl::string_view LinearFormName(LinearForm form) {
  switch (form) {
    case LinearForm::kTorch:
      break;
    case LinearForm::kOneDnn:
      return "onednn";
    case LinearForm::kOwn:
      return InstructionSetName(InstructionSet::kAvx512Bf16);
    case LinearForm::kNarrow:
      return "narrow";
  }
  return kTorch;
}

std::string NetworkKernelsText(const NetworkKernels& kernels) {
  return absl::StrCat(kLinearKey, LinearFormName(kernels.linear), " ", kAttentionKey, OwnName(kernels.attention), " ",
                      kMapsKey, OwnName(kernels.maps));
}

absl::StatusOr<NetworkKernels> ParseNetworkKernels(absl::string_view text) {
  NetworkKernels kernels;
  const absl::StatusOr<LinearForm> linear = ParseLinear(text);
  if (!linear.ok()) return linear.status();
  kernels.linear = *linear;
  using Own = std::pair<OwnOperation, std::optional<InstructionSet>*>;
  for (const auto& [operation, kernel] : {Own(OwnAttention(), &kernels.attention), Own(OwnMaps(), &kernels.maps)}) {
    const absl::StatusOr<std::optional<InstructionSet>> own = ParseOwn(text, operation);
    if (!own.ok()) return own.status();
    *kernel = *own;
  }
  return kernels;
}

NetworkKernels UsualNetworkKernels(Precision precision) {
  NetworkKernels kernels;
  if (!IsOfTheCpu(precision)) return kernels;
  const bool is_narrow = precision != Precision::kFp32;
  if (is_narrow && MultipliesBf16()) kernels.linear = LinearForm::kOwn;
  if (!is_narrow && MklLeavesAvx512Unused()) kernels.linear = LinearForm::kOneDnn;
  const InstructionSet own = InstructionSets().back();
  if (own == InstructionSet::kPlain) return kernels;
  kernels.attention = is_narrow ? Bf16InstructionSets().back() : own;
  kernels.maps = own;
  return kernels;
}

NetworkKernels AcceleratorKernels(Precision precision) {
  switch (precision) {
    case Precision::kFp32:
    case Precision::kInt8:
      break;
    case Precision::kBf16:
    case Precision::kFp16:
      return {.linear = LinearForm::kNarrow, .narrow_attention = true};
  }
  return {};
}

absl::Status CheckPrecision(const NetworkKernels& kernels, Precision precision) {
  if (precision == Precision::kFp16 && kernels.attention.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat(kAttentionKey, OwnName(kernels.attention), " in fp16: it is for fp32, bf16 and int8"));
  }
  const std::string what = absl::StrCat(kLinearKey, LinearFormName(kernels.linear), " in ", PrecisionName(precision));
  switch (kernels.linear) {
    case LinearForm::kTorch:
      return absl::OkStatus();
    case LinearForm::kOneDnn:
      if (precision == Precision::kFp32 || precision == Precision::kBf16) break;
      return absl::InvalidArgumentError(what + ": it is for fp32 and bf16");
    case LinearForm::kOwn:
      if (precision == Precision::kBf16 || precision == Precision::kInt8) break;
      return absl::InvalidArgumentError(what + ": it is for bf16 and int8");
    case LinearForm::kNarrow:
      if (precision == Precision::kBf16 || precision == Precision::kFp16) return absl::OkStatus();
      return absl::InvalidArgumentError(what + ": it is for bf16 and fp16");
  }
  if (precision == Precision::kFp32 || MultipliesBf16()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, ": this processor has no ", InstructionSetName(InstructionSet::kAvx512Bf16)));
}

}  // namespace bayespfl
