#include "server/pipeline/admission.h"

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "server/pipeline/error_reason.h"
#include "server/pipeline/errors.h"
#include "server/pipeline/refusal.h"

namespace bayespfl::server {
namespace {

absl::Status NotLoaded() { return absl::UnavailableError("the model is not loaded yet"); }

}  // namespace

void Admission::SetModels(ModelSet models) {
  MutexLock lock(mu_);
  std::swap(models_, models);  // the old ones, if nobody else has them, are destroyed after the lock is gone
}

std::shared_ptr<const ServedModel> Admission::model(absl::string_view name) const {
  MutexLock lock(mu_);
  const auto found = models_.models.find(name.empty() ? models_.default_model : name);
  return found == models_.models.end() ? nullptr : found->second;
}

ModelSet Admission::models() const {
  MutexLock lock(mu_);
  return models_;
}

// A device that hangs is let go by nothing but the end of the process, whoever can do its work.
absl::Status Admission::Healthy() const {
  if (const std::optional<size_t> hung = hung_.First()) {
    return absl::UnavailableError(
        absl::StrCat("replica ", *hung, " hangs: a batch has taken longer than max_batch_seconds"));
  }
  return AllServe();
}

absl::Status Admission::AllServe() const {
  MutexLock lock(mu_);
  for (const auto& [name, model] : models_.models) {
    if (absl::Status serves = hung_.CanServe(*model); !serves.ok()) return serves;
  }
  return absl::OkStatus();
}

absl::Status Admission::Ready() const {
  absl::Status ready = AllServe();
  if (ready.ok()) ready = options_.state->Ready();
  return ready.ok() ? Accepting() : ready;
}

absl::Status Admission::Accepting() const {
  const absl::Status accepting = options_.state->Accepting();
  if (!accepting.ok()) return accepting;
  MutexLock lock(mu_);
  return models_.models.empty() ? NotLoaded() : absl::OkStatus();
}

// OK while it does not.
absl::Status Admission::Draining() const {
  const absl::Status accepting = options_.state->Accepting();
  return accepting.ok() ? accepting : WithRefusal(accepting, Refusal::kDraining);
}

// A model without replicas refuses its own frames; the others go on until somebody restarts the process.
absl::Status Admission::CanServe(const ServedModel& model) const {
  const absl::Status serves = hung_.CanServe(model);
  if (serves.ok()) return serves;
  return WithRefusal(serves, ReasonOf(serves) == ErrorReason::kDeviceHung ? Refusal::kDeviceHung : Refusal::kNoReplica);
}

absl::StatusOr<std::shared_ptr<ServedModel>> Admission::FindModel(absl::string_view name) const {
  absl::StatusOr<std::shared_ptr<ServedModel>> model = Lookup(name);
  if (!model.ok()) return model;
  const absl::Status serves = CanServe(**model);
  if (!serves.ok()) return serves;
  return model;
}

absl::StatusOr<std::shared_ptr<ServedModel>> Admission::Lookup(absl::string_view name) const {
  if (const absl::Status draining = Draining(); !draining.ok()) return draining;
  MutexLock lock(mu_);
  if (models_.models.empty()) return WithRefusal(NotLoaded(), Refusal::kNotReady);
  const auto found = models_.models.find(name.empty() ? models_.default_model : name);
  if (found == models_.models.end()) {
    const auto names = [](std::string* out, const auto& entry) { out->append(entry.first); };
    return WithRefusal(absl::NotFoundError(absl::StrCat("no model of that name is loaded; there are: ",
                                                        absl::StrJoin(models_.models, ", ", names))),
                       Refusal::kUnknownModel);
  }
  return found->second;
}

absl::StatusOr<std::shared_ptr<ServedModel>> Admission::ModelOf(const FrameRequest& request) const {
  if (request.model == nullptr) return Lookup(request.options.model);
  if (const absl::Status draining = Draining(); !draining.ok()) return draining;
  return request.model;
}

absl::Status Admission::AdmitClient(const std::string& client, size_t frames) const {
  const absl::Status admitted = options_.admit ? options_.admit(client, frames) : absl::OkStatus();
  if (admitted.ok()) return admitted;
  return WithRefusal(admitted, absl::IsInvalidArgument(admitted) ? Refusal::kInvalid : Refusal::kClientLimit);
}

absl::Status Admission::Check(const FrameRequest& request, const ServedModel& model) const {
  if (absl::Status broken = CanServe(model); !broken.ok()) return broken;
  const absl::Status valid = model.Validate(request.options.category);
  if (!valid.ok()) return WithRefusal(valid, Refusal::kInvalid);
  if (absl::Now() >= request.deadline) {
    return WithRefusal(DeadlinePassed(request.arrival, Stage::kAdmission), Refusal::kExpired);
  }
  if (IsCancelled(request)) return WithRefusal(ClientLeft(Stage::kAdmission), Refusal::kCancelled);
  return absl::OkStatus();
}

void Admission::NoteBatch(size_t frames, double seconds) {
  constexpr double kWeight = 0.2;  // of the newest batch
  const double now = seconds / static_cast<double>(frames);
  MutexLock lock(mu_);
  seconds_per_frame_ = seconds_per_frame_ == 0 ? now : (1 - kWeight) * seconds_per_frame_ + kWeight * now;
}

std::chrono::nanoseconds Admission::RetryDelay() const {
  const int in_flight = slots_.frames_in_flight();
  MutexLock lock(mu_);
  const std::chrono::duration<double> half(seconds_per_frame_ * in_flight / (2.0 * options_.replicas));
  return std::chrono::duration_cast<std::chrono::nanoseconds>(half);
}

}  // namespace bayespfl::server
