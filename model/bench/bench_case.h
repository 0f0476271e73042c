// What a bench measures: which forms of the network, with which batches and samples.
#ifndef BAYESPFL_MODEL_BENCH_BENCH_CASE_H_
#define BAYESPFL_MODEL_BENCH_BENCH_CASE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/network/network_kernels.h"
#include "model/network/prompt_form.h"
#include "model/package/model_config.h"
#include "model/package/precision.h"

namespace bayespfl {

inline constexpr int kMostBenchFrames = 64;  // of a batch
inline constexpr int kLargestImageSize = 8192;

// The network without and with each of its savings. By default the plain form: LibTorch's own operations in fp32, and
// every prompt by itself.
struct BenchForm {
  NetworkKernels kernels = {};
  PromptForm prompts = PromptForm::kWhole;
  Precision precision = Precision::kFp32;

  bool operator==(const BenchForm&) const = default;
};

struct BenchCase {
  int frames = 1;  // of the batch
  int samples = 1;
  BenchForm form = {};
};

// Kernels that somebody asked for; none: those that are usual in the precision they are asked for in.
using KernelsChoice = std::optional<NetworkKernels>;

// "shared", "whole".
absl::string_view PromptFormName(PromptForm form);

// Lists as people type them, with commas between. InvalidArgument names the entry that is wrong, or there twice.
//   numbers  from `lowest` to `highest`; `what` is what errors call one: "batch"
//   kernels  "auto", or words as of NetworkKernelsText(), for what this processor can run; one word may be left out
//   prompts  "shared", "whole"
//   precisions  "fp32", "bf16", "int8": what the processor computes in
absl::StatusOr<std::vector<int>> ParseNumberList(absl::string_view text, absl::string_view what, int lowest,
                                                 int highest);
absl::StatusOr<std::vector<KernelsChoice>> ParseKernelsList(absl::string_view text);
absl::StatusOr<std::vector<PromptForm>> ParsePromptsList(absl::string_view text);
absl::StatusOr<std::vector<Precision>> ParsePrecisionList(absl::string_view text);

// InvalidArgument: the model cannot take pictures of this side; says which it takes.
absl::Status CheckImageSize(const ModelConfig& config, int size);

// LibTorch's operations, each with another's in its place, and all of these: what this processor can run of them in a
// precision.
std::vector<NetworkKernels> EveryKernels(Precision precision = Precision::kFp32);

// What to measure every precision in.
struct FormLists {
  std::vector<KernelsChoice> kernels = {};  // empty: EveryKernels() of each precision
  std::vector<PromptForm> prompts = {};
  std::vector<Precision> precisions = {Precision::kFp32};
};

// In every precision every kernel with every form of prompts. The plain form is there and the first, asked for or not:
// the others are compared with it. InvalidArgument: a form that this processor does not compute in that precision.
absl::StatusOr<std::vector<BenchForm>> FormsOf(const FormLists& lists);

// Every batch with every number of samples in every form, the form changing fastest.
std::vector<BenchCase> CasesOf(const std::vector<int>& batches, const std::vector<int>& samples,
                               const std::vector<BenchForm>& forms);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_BENCH_BENCH_CASE_H_
