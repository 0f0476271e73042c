// Which form of its two costly operations a network runs on the CPU. Processors differ in what is fastest, and
// libraries in which processors they are good for: so both are tried when a model is loaded, or a text pins them.
#ifndef BAYESPFL_MODEL_NETWORK_NETWORK_KERNELS_H_
#define BAYESPFL_MODEL_NETWORK_NETWORK_KERNELS_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/kernels/instruction_set.h"
#include "model/package/model_config.h"

namespace bayespfl {

enum class LinearForm {
  kTorch,   // torch::linear: the BLAS that LibTorch is built with
  kOneDnn,  // oneDNN with weights packed once, bias and GELU in the same pass
};

// The forms differ in the order of their sums: results by some 1e-6. One form gives the same bits each time.
struct NetworkKernels {
  LinearForm linear = LinearForm::kTorch;
  std::optional<InstructionSet> attention;  // our own (model/kernels/attention.h); none: LibTorch's

  bool operator==(const NetworkKernels&) const = default;
};

// "linear=torch attention=torch", "linear=onednn attention=avx512".
std::string NetworkKernelsText(const NetworkKernels& kernels);

// What the words "linear=" and "attention=" of `text` say, wherever they stand in it; a word that is not there says
// "torch", as in results from before there was a choice. InvalidArgument: a value that does not exist, or that this
// processor cannot run; the message names it.
absl::StatusOr<NetworkKernels> ParseNetworkKernels(absl::string_view text);

// The fastest forms here for towers of this size, by trial products with as many threads as LibTorch uses. Takes
// some hundredths of a second at the published size. LibTorch's own stays unless another is faster by a tenth.
NetworkKernels MeasureNetworkKernels(const ModelConfig& config);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_NETWORK_KERNELS_H_
