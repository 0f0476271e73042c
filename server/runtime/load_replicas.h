// From a model package to the replicas that serve it, in this process.
#ifndef BAYESPFL_SERVER_RUNTIME_LOAD_REPLICAS_H_
#define BAYESPFL_SERVER_RUNTIME_LOAD_REPLICAS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/detection/detector.h"
#include "server/pipeline/replica.h"

namespace bayespfl::server {

// Says whether the package still fits on a device, named as DetectorOptions::device, before it is loaded there.
using FitsOnDevice = std::function<absl::Status(const std::string& device)>;

// Loads the package once for each device, and makes `per_device` replicas of it, which share the weights, also when
// they are rebuilt; `fits` is asked before that, when the old ones are gone. Replicas of all devices, rebuilt or not,
// draw the image-agnostic prompts of "iad_sampling": "first" alike. `devices` as DetectorOptions::device. Errors as
// Detector::Create().
absl::StatusOr<Replicas> LoadReplicas(const std::string& package_dir, const DetectorOptions& options,
                                      const std::vector<std::string>& devices, int per_device,
                                      const FitsOnDevice& fits);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_LOAD_REPLICAS_H_
