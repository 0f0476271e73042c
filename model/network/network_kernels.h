// Which form of its costly operations a network runs on the CPU. Processors differ in what is fastest, and
// libraries in which processors they are good for: so both are tried when a model is loaded, or a text pins them.
#ifndef BAYESPFL_MODEL_NETWORK_NETWORK_KERNELS_H_
#define BAYESPFL_MODEL_NETWORK_NETWORK_KERNELS_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/kernels/instruction_set.h"
#include "model/package/precision.h"

namespace bayespfl {

enum class LinearForm {
  kTorch,   // torch::linear: the BLAS that LibTorch is built with
  kOneDnn,  // oneDNN with weights packed once, bias and GELU in the same pass
  kOwn,     // our own of bfloat16 and of 8 bits, for InstructionSet::kAvx512Bf16 (model/kernels/linear.h)
  kNarrow,  // torch::linear of operands that are kept and multiplied in 16 bits: an accelerator's fast products
};

// The forms differ in the order of their sums: results by some 1e-6. One form gives the same bits each time.
struct NetworkKernels {
  LinearForm linear = LinearForm::kTorch;
  // Our own (model/kernels/attention.h); none: LibTorch's. kAvx512Bf16 differs from kAvx512 where precision is not
  // fp32.
  std::optional<InstructionSet> attention = std::nullopt;
  std::optional<InstructionSet> maps = std::nullopt;  // our own (model/kernels/map_fusion.h); none: LibTorch's
  // LibTorch's attention is given its operands in 16 bits, as kNarrow's linear maps are, and not as rounded floats.
  bool narrow_attention = false;

  bool operator==(const NetworkKernels&) const = default;
};

// "torch", "onednn", "avx512_bf16", "narrow".
absl::string_view LinearFormName(LinearForm form);

// "linear=torch attention=torch maps=torch", "linear=onednn attention=avx512 maps=avx512",
// "linear=avx512_bf16 attention=avx512_bf16 maps=avx512".
std::string NetworkKernelsText(const NetworkKernels& kernels);

// What the words "linear=", "attention=" and "maps=" of `text` say, wherever they stand in it; a word that is not there
// says "torch", as in results from before there was a choice. InvalidArgument: a value that does not exist, or that
// this processor cannot run; the message names it.
absl::StatusOr<NetworkKernels> ParseNetworkKernels(absl::string_view text);

// What is taken on this kind of processor unless somebody says otherwise. By rule, not by trial: the same package,
// picture and seed must give the same bits on the same machine each time, and a trial ends one way or the other as the
// machine happens to be busy.
NetworkKernels UsualNetworkKernels(Precision precision = Precision::kFp32);

// What a device that is not the CPU computes with: LibTorch's operations. Below fp32 they get operands of 16 bits,
// which they multiply at several times the rate of floats; their sums are floats.
NetworkKernels AcceleratorKernels(Precision precision);

// InvalidArgument: linear maps or attention of these forms do not multiply numbers of this precision, or not on this
// processor: oneDNN would take bfloat16 without instructions for it, and be slower than with floats. kTorch multiplies
// all of them everywhere, as floats.
absl::Status CheckPrecision(const NetworkKernels& kernels, Precision precision);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_NETWORK_KERNELS_H_
