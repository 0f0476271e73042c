// The door of the pipeline: which models frames can ask for, and why one may not come in, but for want of room, which
// is Slots' to say. It knows nothing of what happens to a frame inside.
//
//   absl::StatusOr<std::shared_ptr<ServedModel>> model = admission.ModelOf(request);
//   if (!model.ok()) return model.status();
//   absl::Status admitted = admission.Check(request, **model);
//   if (admitted.ok()) admitted = admission.AdmitClient(request.client, 1);
#ifndef BAYESPFL_SERVER_PIPELINE_ADMISSION_H_
#define BAYESPFL_SERVER_PIPELINE_ADMISSION_H_

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "server/pipeline/frame.h"
#include "server/pipeline/hung_replicas.h"
#include "server/pipeline/pipeline_options.h"
#include "server/pipeline/served_model.h"
#include "server/pipeline/slots.h"

namespace bayespfl::server {

// Thread-safe.
class Admission {
 public:
  // All of them outlive the object; `options` has its values at or above their minimums and a state.
  Admission(const PipelineOptions& options, const Slots& slots, const HungReplicas& hung)
      : options_(options), slots_(slots), hung_(hung) {}
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  // What the methods of these names of Pipeline say.
  void SetModels(ModelSet models);
  std::shared_ptr<const ServedModel> model(absl::string_view name) const;
  ModelSet models() const;
  absl::StatusOr<std::shared_ptr<ServedModel>> FindModel(absl::string_view name) const;
  absl::Status Accepting() const;
  absl::Status Ready() const;
  absl::Status Healthy() const;
  std::chrono::nanoseconds RetryDelay() const;

  // Asks PipelineOptions::admit for frames of a client that come together. Refusals have their RefusalOf().
  absl::Status AdmitClient(const std::string& client, size_t frames) const;

  // The model that the frame is for, whether it works or not. Refusals as those of Pipeline::Submit().
  absl::StatusOr<std::shared_ptr<ServedModel>> ModelOf(const FrameRequest& request) const;

  // OK: the frame may take a slot, if its client may send it now (AdmitClient()). Refusals as those of
  // Pipeline::Submit().
  absl::Status Check(const FrameRequest& request, const ServedModel& model) const;

  // A replica took `seconds` for a batch of `frames` >= 1: what RetryDelay() reckons with.
  void NoteBatch(size_t frames, double seconds);

 private:
  absl::Status Draining() const;
  absl::Status AllServe() const;
  absl::Status CanServe(const ServedModel& model) const;
  absl::StatusOr<std::shared_ptr<ServedModel>> Lookup(absl::string_view name) const;

  const PipelineOptions& options_;
  const Slots& slots_;
  const HungReplicas& hung_;

  mutable Mutex mu_;
  ModelSet models_ ABSL_GUARDED_BY(mu_);
  double seconds_per_frame_ ABSL_GUARDED_BY(mu_) = 0;  // of one replica, moving average over batches
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_ADMISSION_H_
