#include "model/tools/compute.h"

#include "absl/strings/str_cat.h"
#include "base/cpu_quota.h"
#include "model/detection/detector.h"
#include "model/tools/failure.h"

namespace bayespfl {

void UseThreads(int threads) { SetComputeThreads(threads > 0 ? threads : AvailableCpus()); }

void SayDevice(const ModelInfo& model) {
  Say(absl::StrCat("computes on ", model.device, model.kernels.empty() ? "" : absl::StrCat(": ", model.kernels)));
}

}  // namespace bayespfl
