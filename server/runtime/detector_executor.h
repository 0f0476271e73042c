// The executor that runs the real model, in this process, on one device.
#ifndef BAYESPFL_SERVER_RUNTIME_DETECTOR_EXECUTOR_H_
#define BAYESPFL_SERVER_RUNTIME_DETECTOR_EXECUTOR_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/pipeline/executor.h"

namespace bayespfl::server {

class DetectorExecutor final : public Executor {
 public:
  // Loads the package. Errors as Detector::Create().
  static absl::StatusOr<std::shared_ptr<Executor>> Create(const std::string& package_dir,
                                                          const DetectorOptions& options);

  explicit DetectorExecutor(std::unique_ptr<Detector> detector);

  std::vector<absl::StatusOr<Detection>> Execute(absl::Span<const bayespfl::Frame> frames) override;
  absl::Status Validate(absl::string_view category, int samples) const override;
  const ModelInfo& info() const override;

 private:
  const std::unique_ptr<Detector> detector_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_DETECTOR_EXECUTOR_H_
