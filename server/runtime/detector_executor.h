// The executor that runs the real model, in this process, on one device.
#ifndef BAYESPFL_SERVER_RUNTIME_DETECTOR_EXECUTOR_H_
#define BAYESPFL_SERVER_RUNTIME_DETECTOR_EXECUTOR_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "server/pipeline/executor.h"

namespace bayespfl::server {

class DetectorExecutor final : public Executor {
 public:
  // Loads the package once for each device, and makes `per_device` executors of it, which share the weights. `devices`
  // as DetectorOptions::device. Errors as Detector::Create().
  static absl::StatusOr<Replicas> Load(const std::string& package_dir, const DetectorOptions& options,
                                       const std::vector<std::string>& devices, int per_device);

  DetectorExecutor(std::string package_dir, DetectorOptions options, std::shared_ptr<const Detector> detector)
      : package_dir_(std::move(package_dir)), options_(std::move(options)), detector_(std::move(detector)) {
    info_ = detector_->info();
  }

  std::vector<absl::StatusOr<Detection>> Execute(absl::Span<const bayespfl::Frame> frames) override;
  // Loads the package again, for this executor alone. FailedPrecondition: the package on the disk has changed
  // meanwhile.
  absl::Status Rebuild() override;
  absl::Status Validate(absl::string_view category, int samples) const override;
  const ModelInfo& info() const override { return info_; }

 private:
  std::shared_ptr<const Detector> detector() const;

  const std::string package_dir_;
  const DetectorOptions options_;
  ModelInfo info_;
  mutable Mutex mu_;
  std::shared_ptr<const Detector> detector_ ABSL_GUARDED_BY(mu_);
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_DETECTOR_EXECUTOR_H_
