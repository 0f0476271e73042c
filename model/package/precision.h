// In which numbers a network's large matrix products are multiplied.
#ifndef BAYESPFL_MODEL_PACKAGE_PRECISION_H_
#define BAYESPFL_MODEL_PACKAGE_PRECISION_H_

#include <array>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace bayespfl {

class JsonObjectReader;

// It touches the operands of the towers' linear maps and of their attention alone. Sums, softmax, normalisation, the
// residual stream, the flows, unit lengths and heads are fp32 in each of them.
enum class Precision {
  kFp32,
  kBf16,  // operands rounded to bfloat16 (8 bits of significand)
  kFp16,  // operands rounded to half precision (11 bits, up to 65504); an accelerator's (a GPU's) alone
  kInt8,  // of linear maps that bear it: operands of 8 bits; of the others, and of attention: as kBf16; the CPU's alone
};

inline constexpr std::array kPrecisions = {Precision::kFp32, Precision::kBf16, Precision::kFp16, Precision::kInt8};

// "fp32", "bf16", "fp16", "int8": as config.json, the setting `precision` and a result's provenance spell them.
absl::string_view PrecisionName(Precision precision);

// Whether the CPU computes in it, and whether an accelerator (a GPU) does.
bool IsOfTheCpu(Precision precision);
bool IsOfAccelerators(Precision precision);

// How far a score may be from the one that another form of the computation gives: another batch, kernel or machine; in
// less than fp32 also fp32 itself.
double ScoreTolerance(Precision precision);

// InvalidArgument: none of these names.
absl::StatusOr<Precision> ParsePrecision(absl::string_view name);

// What the setting `precision` and the tools' flag ask for; nullopt, with "package" or nothing: what the package says.
// InvalidArgument: neither that nor a precision's name.
absl::StatusOr<std::optional<Precision>> ParsePrecisionChoice(absl::string_view text);

inline constexpr char kPrecisionKey[] = "precision";  // in the files of a package

// The value of that key; fp32 where there is none, as in files that are older than the others.
Precision ReadPrecision(JsonObjectReader& reader);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_PACKAGE_PRECISION_H_
