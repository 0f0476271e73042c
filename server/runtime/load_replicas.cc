#include "server/runtime/load_replicas.h"

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
                                      const std::vector<std::string>& devices, int per_device) {
  Replicas replicas;
  for (const std::string& device : devices) {
    DetectorOptions own = options;
    own.device = device;
    const auto load = [package_dir, own] { return LoadDetector(package_dir, own); };
    const absl::StatusOr<std::shared_ptr<const Detector>> detector = load();
    if (!detector.ok()) return detector.status();
    for (int i = 0; i < per_device; ++i) replicas.push_back(std::make_shared<Replica>(*detector, load));
  }
  return replicas;
}

}  // namespace bayespfl::server
