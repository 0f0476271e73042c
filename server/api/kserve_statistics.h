// What the Open Inference Protocol's ModelStatistics tells: how many requests of that protocol each model answered, and
// where their time went.
#ifndef BAYESPFL_SERVER_API_KSERVE_STATISTICS_H_
#define BAYESPFL_SERVER_API_KSERVE_STATISTICS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/mutex.h"
#include "inference/grpc_service.pb.h"
#include "model/verdict/inspection.h"
#include "server/pipeline/served_model.h"

namespace bayespfl::server {

// A version as Triton has them, an integer: what `version` begins with, "2" of "2.1+0123456789ab"; "1" when that is
// none of at most 18 digits. perf_analyzer finds a model's statistics by nothing else.
std::string TritonVersion(absl::string_view version);

// Counts from when a model began to serve; one that is loaded anew begins anew, as with Triton. Thread-safe.
class KserveStatistics {
 public:
  // A request was answered `took` after it was read, with one result for each picture, at least one. Where its time
  // went is what its slowest picture says, for pictures of a request are inspected side by side. `executions` are the
  // calls of the model that it took; one that had pictures of other requests besides counts in part.
  void NoteAnswered(const std::shared_ptr<const ServedModel>& model, absl::Span<const Inspection> results,
                    double executions, absl::Duration took);

  // A request for the model ended with an error, whatever the cause, `took` after it was read.
  void NoteFailed(const std::shared_ptr<const ServedModel>& model, absl::Duration took);

  // The version is told as TritonVersion(). Calls of the model that had other pictures besides count in part, rounded
  // in all.
  inference::ModelStatistics StatisticsOf(const std::shared_ptr<const ServedModel>& model) const;

 private:
  struct Counts {
    uint64_t answered = 0;  // requests
    uint64_t failed = 0;
    uint64_t pictures = 0;  // of answered requests
    double executions = 0;
    absl::Duration answered_took;
    absl::Duration failed_took;
    absl::Duration queue;  // of answered requests, as are the next
    absl::Duration compute_input;
    absl::Duration compute_infer;
    absl::Duration compute_output;
    absl::Time last = absl::UnixEpoch();
  };

  Counts& CountsOf(const std::shared_ptr<const ServedModel>& model) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable Mutex mu_;
  // Those of models that are gone are forgotten when another model is first asked for.
  std::map<std::weak_ptr<const ServedModel>, Counts, std::owner_less<>> counts_ ABSL_GUARDED_BY(mu_);
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_KSERVE_STATISTICS_H_
