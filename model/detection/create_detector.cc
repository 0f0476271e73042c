// Which form of detector a package gets. Apart from detector.cc, so that whoever only uses detectors needs no LibTorch.
#include "absl/status/status.h"
#include "model/detection/bayespfl_detector.h"
#include "model/detection/detector.h"
#include "model/libtorch.h"
#include "model/network/network_kernels.h"
#include "model/package/model_package.h"

namespace bayespfl {

void SetComputeThreads(int threads) { at::set_num_threads(threads); }

absl::Status CheckKernels(absl::string_view kernels) {
  return kernels == kUsualKernels ? absl::OkStatus() : ParseNetworkKernels(kernels).status();
}

absl::StatusOr<std::unique_ptr<Detector>> Detector::Create(const std::string& package_dir,
                                                           const DetectorOptions& options) {
  const absl::StatusOr<torch::Device> device = ResolveDevice(options.device);
  if (!device.ok()) return device.status();
  const absl::StatusOr<ModelPackage> package =
      ModelPackage::Open(package_dir, {.calibration_file = options.calibration_file,
                                       .ignore_calibration = options.ignore_calibration,
                                       .precision = options.precision});
  if (!package.ok()) return package.status();
  switch (package->config.kind) {
    case ModelKind::kBayesPfl:
      return BayesPflDetector::Load(*package, *device, options);
  }
  return absl::InternalError("a kind of model without a detector");
}

}  // namespace bayespfl
