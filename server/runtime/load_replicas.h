// From a model package to the replicas that serve it, in this process.
#ifndef BAYESPFL_SERVER_RUNTIME_LOAD_REPLICAS_H_
#define BAYESPFL_SERVER_RUNTIME_LOAD_REPLICAS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/detection/detector.h"
#include "server/pipeline/replica.h"

namespace bayespfl::server {

// Loads the package once for each device, and makes `per_device` replicas of it, which share the weights; one that is
// rebuilt loads the package again, for itself alone. `devices` as DetectorOptions::device. Errors as
// Detector::Create().
absl::StatusOr<Replicas> LoadReplicas(const std::string& package_dir, const DetectorOptions& options,
                                      const std::vector<std::string>& devices, int per_device);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_LOAD_REPLICAS_H_
