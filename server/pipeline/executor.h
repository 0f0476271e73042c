// The seam between the pipeline and whatever runs the model: one device replica, several of them, or a test's stand-in.
#ifndef BAYESPFL_SERVER_PIPELINE_EXECUTOR_H_
#define BAYESPFL_SERVER_PIPELINE_EXECUTOR_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/detection/detector.h"

namespace bayespfl::server {

// Validate() and info() may be called from any thread at any time; Execute() from one thread at a time. No exceptions.
class Executor {
 public:
  virtual ~Executor() = default;

  // One result per frame, in order. InvalidArgument: that frame is wrong and fails alone. Internal for all of them: the
  // device failed.
  virtual std::vector<absl::StatusOr<Detection>> Execute(absl::Span<const bayespfl::Frame> frames) = 0;

  // Builds the replica anew after Execute() failed as a whole; called from the thread that calls Execute(). Any error:
  // it cannot be used any more.
  virtual absl::Status Rebuild() = 0;

  // What Execute() would say about the category and the sample count (0: the default), without running anything.
  virtual absl::Status Validate(absl::string_view category, int samples) const = 0;

  virtual const ModelInfo& info() const = 0;
};

// The executors of one model, at least one: one for each of the pipeline's replicas.
using Replicas = std::vector<std::shared_ptr<Executor>>;

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_EXECUTOR_H_
