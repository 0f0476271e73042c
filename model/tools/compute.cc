#include "model/tools/compute.h"

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "base/cpu_quota.h"
#include "base/utf8.h"
#include "model/detection/detector.h"
#include "model/tools/failure.h"

namespace bayespfl {

void UseThreads(int threads) { SetComputeThreads(threads > 0 ? threads : AvailableCpus()); }

void AddPrecision(CLI::App& command, std::optional<Precision>& precision, absl::string_view usual) {
  command
      .add_option_function<std::string>(
          "--precision", [&precision](const std::string& text) { precision = *ParsePrecisionChoice(text); },
          absl::StrCat("fp32, bf16, fp16 or int8: of the large matrix products (default: ", usual, ")"))
      ->check([](const std::string& text) {
        const absl::StatusOr<std::optional<Precision>> choice = ParsePrecisionChoice(text);
        return choice.ok() ? std::string() : EscapeControls(choice.status().message());
      });
}

void SayDevice(const ModelInfo& model) {
  const bool usual = model.precision.empty() || model.precision == PrecisionName(Precision::kFp32);
  Say(absl::StrCat("computes on ", model.device, usual ? "" : absl::StrCat(" in ", model.precision),
                   model.kernels.empty() ? "" : absl::StrCat(": ", model.kernels)));
}

}  // namespace bayespfl
