#include "model/detection/detector.h"

#include <algorithm>
#include <utility>

namespace bayespfl {
namespace {

// Those that found no room in the device's memory again, in halves when nothing was finished.
std::vector<absl::StatusOr<ComputedFrame>> ComputeWhatFits(const Detector& detector,
                                                           absl::Span<const PreparedFrame* const> batch) {
  std::vector<absl::StatusOr<ComputedFrame>> results = detector.Compute(batch);
  if (batch.size() == 1) return results;
  std::vector<const PreparedFrame*> again;
  std::vector<size_t> places;
  for (size_t i = 0; i < results.size(); ++i) {
    if (!absl::IsResourceExhausted(results[i].status())) continue;
    again.push_back(batch[i]);
    places.push_back(i);
  }
  const size_t half = again.size() == batch.size() ? again.size() / 2 : again.size();
  auto place = places.begin();
  for (const auto part : {absl::MakeConstSpan(again).first(half), absl::MakeConstSpan(again).subspan(half)}) {
    if (part.empty()) continue;
    for (auto& computed : ComputeWhatFits(detector, part)) results[*place++] = std::move(computed);
  }
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
