#include "model/detection/detector.h"

#include <algorithm>
#include <utility>

namespace bayespfl {
namespace {

// In halves where the whole does not fit into the device's memory.
std::vector<absl::StatusOr<ComputedFrame>> ComputeWhatFits(const Detector& detector,
                                                           absl::Span<const PreparedFrame* const> batch) {
  std::vector<absl::StatusOr<ComputedFrame>> results = detector.Compute(batch);
  const bool too_large = std::all_of(results.begin(), results.end(),
                                     [](const auto& result) { return absl::IsResourceExhausted(result.status()); });
  if (!too_large || batch.size() == 1) return results;
  const size_t half = batch.size() / 2;
  results = ComputeWhatFits(detector, batch.first(half));
  for (auto& result : ComputeWhatFits(detector, batch.subspan(half))) results.push_back(std::move(result));
  return results;
}

}  // namespace

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
  std::vector<absl::StatusOr<ComputedFrame>> computed = ComputeWhatFits(*this, batch);
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
