#include "server/runtime/load_replicas.h"

#include <cstddef>
#include <memory>
#include <utility>

namespace bayespfl::server {
namespace {

absl::StatusOr<std::shared_ptr<const Detector>> LoadDetector(const std::string& package_dir,
                                                             const DetectorOptions& options) {
  absl::StatusOr<std::unique_ptr<Detector>> loaded = Detector::Create(package_dir, options);
  if (!loaded.ok()) return loaded.status();
  return std::shared_ptr<const Detector>(*std::move(loaded));
}

}  // namespace

absl::StatusOr<Replicas> LoadReplicas(const std::string& package_dir, const DetectorOptions& options,
                                      const std::vector<std::string>& devices, int per_device,
                                      const FitsOnDevice& fits) {
  Replicas replicas;
  DetectorOptions own = options;
  if (own.first_seed == nullptr) own.first_seed = std::make_shared<FirstSeed>();
  for (const std::string& device : devices) {
    own.device = device;
    absl::StatusOr<std::shared_ptr<const Detector>> detector = LoadDetector(package_dir, own);
    if (!detector.ok()) return detector.status();
    // A rebuilt replica computes as it did before.
    DetectorOptions again = own;
    again.kernels = (*detector)->info().kernels;
    const auto reload = [package_dir, again, fits]() -> absl::StatusOr<std::shared_ptr<const Detector>> {
      if (absl::Status wrong = fits(again.device); !wrong.ok()) return wrong;
      return LoadDetector(package_dir, again);
    };
    for (auto& replica : MakeReplicas(*std::move(detector), reload, static_cast<size_t>(per_device))) {
      replicas.push_back(std::move(replica));
    }
  }
  return replicas;
}

}  // namespace bayespfl::server
