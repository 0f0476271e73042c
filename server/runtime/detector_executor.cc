#include "server/runtime/detector_executor.h"

#include "absl/strings/str_cat.h"

namespace bayespfl::server {

absl::StatusOr<Replicas> DetectorExecutor::Load(const std::string& package_dir, const DetectorOptions& options,
                                                const std::vector<std::string>& devices, int per_device) {
  Replicas replicas;
  for (const std::string& device : devices) {
    DetectorOptions own = options;
    own.device = device;
    absl::StatusOr<std::unique_ptr<Detector>> loaded = Detector::Create(package_dir, own);
    if (!loaded.ok()) return loaded.status();
    const std::shared_ptr<const Detector> detector = *std::move(loaded);
    for (int i = 0; i < per_device; ++i) {
      replicas.push_back(std::make_shared<DetectorExecutor>(package_dir, own, detector));
    }
  }
  return replicas;
}

std::vector<absl::StatusOr<Detection>> DetectorExecutor::Execute(absl::Span<const bayespfl::Frame> frames) {
  return detector()->Detect(frames);
}

absl::Status DetectorExecutor::Rebuild() {
  absl::StatusOr<std::unique_ptr<Detector>> loaded = Detector::Create(package_dir_, options_);
  if (!loaded.ok()) return loaded.status();
  if ((*loaded)->info().digest != info_.digest) {
    return absl::FailedPreconditionError(absl::StrCat(package_dir_, " has changed since it was loaded"));
  }
  std::shared_ptr<const Detector> fresh = *std::move(loaded);
  MutexLock lock(mu_);
  detector_.swap(fresh);  // the old one is destroyed after the lock is gone
  return absl::OkStatus();
}

absl::Status DetectorExecutor::Validate(absl::string_view category, int samples) const {
  return detector()->Validate(category, samples);
}

std::shared_ptr<const Detector> DetectorExecutor::detector() const {
  MutexLock lock(mu_);
  return detector_;
}

}  // namespace bayespfl::server
