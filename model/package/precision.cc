#include "model/package/precision.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/package/json_object_reader.h"

namespace bayespfl {

absl::string_view PrecisionName(Precision precision) {
  switch (precision) {
    case Precision::kFp32:
      break;
    case Precision::kBf16:
      return "bf16";
    case Precision::kFp16:
      return "fp16";
    case Precision::kInt8:
      return "int8";
  }
  return "fp32";
}

bool IsOfTheCpu(Precision precision) { return precision != Precision::kFp16; }

bool IsOfAccelerators(Precision precision) { return precision != Precision::kInt8; }

double ScoreTolerance(Precision precision) {
  switch (precision) {
    case Precision::kFp32:
      break;
    case Precision::kBf16:
      return 5e-3;
    case Precision::kFp16:
      return 2e-3;
    case Precision::kInt8:
      return 2e-2;
  }
  return 1e-5;
}

absl::StatusOr<Precision> ParsePrecision(absl::string_view name) {
  for (const Precision precision : kPrecisions) {
    if (name == PrecisionName(precision)) return precision;
  }
  return absl::InvalidArgumentError(absl::StrCat("precision is \"", name, "\"; expected fp32, bf16, fp16 or int8"));
}

absl::StatusOr<std::optional<Precision>> ParsePrecisionChoice(absl::string_view text) {
  if (text.empty() || text == "package") return std::nullopt;
  const absl::StatusOr<Precision> precision = ParsePrecision(text);
  if (precision.ok()) return *precision;
  return absl::InvalidArgumentError(
      absl::StrCat("precision is \"", text, "\"; expected package, fp32, bf16, fp16 or int8"));
}

Precision ReadPrecision(JsonObjectReader& reader) {
  if (!reader.Has(kPrecisionKey)) return Precision::kFp32;
  const absl::StatusOr<Precision> precision = ParsePrecision(reader.String(kPrecisionKey));
  if (!precision.ok()) reader.Fail(kPrecisionKey, "must be \"fp32\", \"bf16\", \"fp16\" or \"int8\"");
  return precision.value_or(Precision::kFp32);
}

}  // namespace bayespfl
