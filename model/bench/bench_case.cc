#include "model/bench/bench_case.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "model/kernels/instruction_set.h"

namespace bayespfl {
namespace {

// Reads each entry of the list.
template <typename T, typename Read>
absl::StatusOr<std::vector<T>> ParseList(absl::string_view text, absl::string_view what, Read read) {
  std::vector<T> values;
  for (absl::string_view entry : absl::StrSplit(text, ',')) {
    entry = absl::StripAsciiWhitespace(entry);
    absl::StatusOr<T> value = read(entry);
    if (!value.ok()) return value.status();
    if (std::find(values.begin(), values.end(), *value) != values.end()) {
      return absl::InvalidArgumentError(absl::StrCat("the ", what, " '", entry, "' is named twice"));
    }
    values.push_back(*value);
  }
  return values;
}

absl::StatusOr<KernelsChoice> ParseKernels(absl::string_view entry) {
  if (entry == "auto") return KernelsChoice();
  for (const absl::string_view word : absl::StrSplit(entry, ' ', absl::SkipEmpty())) {
    if (!absl::StartsWith(word, "linear=") && !absl::StartsWith(word, "attention=") &&
        !absl::StartsWith(word, "maps=")) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", word, "' is not \"auto\", \"linear=...\", \"attention=...\" or \"maps=...\""));
    }
  }
  if (entry.empty()) return absl::InvalidArgumentError("there are kernels without a name");
  const absl::StatusOr<NetworkKernels> kernels = ParseNetworkKernels(entry);
  if (!kernels.ok()) return kernels.status();
  return KernelsChoice(*kernels);
}

std::vector<NetworkKernels> KernelsOf(const std::vector<KernelsChoice>& choices, Precision precision) {
  if (choices.empty()) return EveryKernels(precision);
  std::vector<NetworkKernels> kernels;
  for (const KernelsChoice& choice : choices) kernels.push_back(choice.value_or(UsualNetworkKernels(precision)));
  return kernels;
}

}  // namespace

absl::string_view PromptFormName(PromptForm form) { return form == PromptForm::kShared ? "shared" : "whole"; }

absl::StatusOr<std::vector<int>> ParseNumberList(absl::string_view text, absl::string_view what, int lowest,
                                                 int highest) {
  return ParseList<int>(text, what, [&](absl::string_view entry) -> absl::StatusOr<int> {
    int number = 0;
    if (absl::SimpleAtoi(entry, &number) && number >= lowest && number <= highest) return number;
    return absl::InvalidArgumentError(
        absl::StrCat("the ", what, " '", entry, "' is no whole number from ", lowest, " to ", highest));
  });
}

absl::StatusOr<std::vector<KernelsChoice>> ParseKernelsList(absl::string_view text) {
  return ParseList<KernelsChoice>(text, "form", ParseKernels);
}

absl::StatusOr<std::vector<PromptForm>> ParsePromptsList(absl::string_view text) {
  return ParseList<PromptForm>(text, "form", [](absl::string_view entry) -> absl::StatusOr<PromptForm> {
    for (const PromptForm form : {PromptForm::kShared, PromptForm::kWhole}) {
      if (entry == PromptFormName(form)) return form;
    }
    return absl::InvalidArgumentError(absl::StrCat("'", entry, "' is not \"shared\" or \"whole\""));
  });
}

absl::StatusOr<std::vector<Precision>> ParsePrecisionList(absl::string_view text) {
  return ParseList<Precision>(text, "precision", [](absl::string_view entry) -> absl::StatusOr<Precision> {
    const absl::StatusOr<Precision> precision = ParsePrecision(entry);
    if (!precision.ok() || IsOfTheCpu(*precision)) return precision;
    return absl::InvalidArgumentError(
        absl::StrCat(entry, " is computed on a GPU alone, and it is the processor that is measured"));
  });
}

absl::Status CheckImageSize(const ModelConfig& config, int size) {
  if (size >= config.patch_size && size <= kLargestImageSize && size % config.patch_size == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the model cannot take pictures of ", size,
                                                 " px a side: it takes multiples of its patch size ", config.patch_size,
                                                 " up to ", kLargestImageSize));
}

std::vector<NetworkKernels> EveryKernels(Precision precision) {
  std::vector<NetworkKernels> every;
  const NetworkKernels usual = UsualNetworkKernels(precision);
  for (const LinearForm linear : {LinearForm::kTorch, LinearForm::kOneDnn, LinearForm::kOwn}) {
    if (linear == LinearForm::kOwn && usual.linear != linear) continue;  // this processor may not have it
    if (!CheckPrecision({.linear = linear}, precision).ok()) continue;
    every.push_back({.linear = linear, .attention = std::nullopt, .maps = std::nullopt});
    if (!usual.attention.has_value()) continue;
    every.push_back({.linear = linear, .attention = usual.attention, .maps = std::nullopt});
    every.push_back({.linear = linear, .attention = usual.attention, .maps = usual.maps});
  }
  return every;
}

absl::StatusOr<std::vector<BenchForm>> FormsOf(const FormLists& lists) {
  std::vector<BenchForm> forms = {BenchForm()};
  for (const Precision precision : lists.precisions) {
    for (const NetworkKernels& kernels : KernelsOf(lists.kernels, precision)) {
      if (absl::Status status = CheckPrecision(kernels, precision); !status.ok()) return status;
      for (const PromptForm prompts : lists.prompts) {
        const BenchForm form = {.kernels = kernels, .prompts = prompts, .precision = precision};
        if (std::find(forms.begin(), forms.end(), form) == forms.end()) forms.push_back(form);
      }
    }
  }
  return forms;
}

std::vector<BenchCase> CasesOf(const std::vector<int>& batches, const std::vector<int>& samples,
                               const std::vector<BenchForm>& forms) {
  std::vector<BenchCase> cases;
  for (const int frames : batches) {
    for (const int draws : samples) {
      for (const BenchForm& form : forms) cases.push_back({.frames = frames, .samples = draws, .form = form});
    }
  }
  return cases;
}

}  // namespace bayespfl
