// The first run of a model, before it serves.
#ifndef BAYESPFL_SERVER_PIPELINE_WARM_UP_H_
#define BAYESPFL_SERVER_PIPELINE_WARM_UP_H_

#include <atomic>

#include "absl/status/status.h"
#include "model/detection/detector.h"

namespace bayespfl::server {

// Runs batches of 1 to `max_batch` synthetic pictures, so that no client waits for lazy initialisation, and so that a
// model that cannot run is found before it serves. The detector's error when it fails; Cancelled when `stop` turned
// true.
absl::Status WarmUp(const Detector& detector, int max_batch, const std::atomic<bool>& stop);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_WARM_UP_H_
