#include "model/detection/detector.h"

#include <utility>

namespace bayespfl {

std::vector<absl::StatusOr<Detection>> Detector::Detect(absl::Span<const Frame> frames) const {
  std::vector<absl::StatusOr<Detection>> results;
  std::vector<std::unique_ptr<const PreparedFrame>> prepared;
  std::vector<const PreparedFrame*> batch;
  std::vector<size_t> places;  // of the batch's frames among the caller's
  for (const Frame& frame : frames) {
    absl::StatusOr<std::unique_ptr<const PreparedFrame>> ready = Prepare(frame);
    results.emplace_back(ready.ok() ? absl::UnknownError("not run") : ready.status());
    if (!ready.ok()) continue;
    places.push_back(results.size() - 1);
    batch.push_back(ready->get());
    prepared.push_back(*std::move(ready));
  }
  if (batch.empty()) return results;
  std::vector<absl::StatusOr<ComputedFrame>> computed = Compute(batch);
  for (size_t i = 0; i < computed.size(); ++i) {
    if (computed[i].ok()) {
      results[places[i]] = Finish(*std::move(computed[i]));
    } else {
      results[places[i]] = computed[i].status();
    }
  }
  return results;
}

}  // namespace bayespfl
