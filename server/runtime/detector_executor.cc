#include "server/runtime/detector_executor.h"

#include <utility>

namespace bayespfl::server {

absl::StatusOr<std::shared_ptr<Executor>> DetectorExecutor::Create(const std::string& package_dir,
                                                                   const DetectorOptions& options) {
  absl::StatusOr<std::unique_ptr<Detector>> detector = Detector::Create(package_dir, options);
  if (!detector.ok()) return detector.status();
  return std::make_shared<DetectorExecutor>(*std::move(detector));
}

DetectorExecutor::DetectorExecutor(std::unique_ptr<Detector> detector) : detector_(std::move(detector)) {}

std::vector<absl::StatusOr<Detection>> DetectorExecutor::Execute(absl::Span<const bayespfl::Frame> frames) {
  return detector_->Detect(frames);
}

absl::Status DetectorExecutor::Validate(absl::string_view category, int samples) const {
  return detector_->Validate(category, samples);
}

const ModelInfo& DetectorExecutor::info() const { return detector_->info(); }

}  // namespace bayespfl::server
