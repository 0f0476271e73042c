#include "server/api/kserve_statistics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/time/clock.h"

namespace bayespfl::server {
namespace {

// Triton's four parts of a request's time.
enum class Part { kQueue, kComputeInput, kComputeInfer, kComputeOutput };
constexpr size_t kParts = 4;

constexpr std::array<std::pair<absl::string_view, Part>, 8> kPartOfStage = {{{"queue", Part::kQueue},
                                                                             {"decode", Part::kComputeInput},
                                                                             {"preprocess", Part::kComputeInput},
                                                                             {"vision", Part::kComputeInfer},
                                                                             {"prompts", Part::kComputeInfer},
                                                                             {"detect", Part::kComputeInfer},
                                                                             {"postprocess", Part::kComputeOutput},
                                                                             {"render", Part::kComputeOutput}}};

double SecondsOf(const Inspection& inspection, absl::string_view stage) {
  const auto found = std::find_if(inspection.timings.begin(), inspection.timings.end(),
                                  [stage](const StageTiming& timing) { return timing.stage == stage; });
  return found == inspection.timings.end() ? 0 : found->seconds;
}

const Inspection& Slowest(absl::Span<const Inspection> results) {
  return *std::max_element(results.begin(), results.end(), [](const Inspection& a, const Inspection& b) {
    return SecondsOf(a, "total") < SecondsOf(b, "total");
  });
}

std::array<absl::Duration, kParts> PartsOf(const Inspection& inspection) {
  std::array<absl::Duration, kParts> parts;
  for (const auto& [stage, part] : kPartOfStage) {
    parts.at(static_cast<size_t>(part)) += absl::Seconds(SecondsOf(inspection, stage));
  }
  return parts;
}

void Set(uint64_t count, absl::Duration took, inference::StatisticDuration& duration) {
  duration.set_count(count);
  duration.set_ns(static_cast<uint64_t>(absl::ToInt64Nanoseconds(took)));
}

}  // namespace

std::string TritonVersion(absl::string_view version) {
  constexpr size_t kMostDigits = 18;  // of a 64-bit integer
  const auto end = std::find_if_not(version.begin(), version.end(),
                                    [](char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); });
  const std::string digits(version.begin(), end);
  return digits.empty() || digits.size() > kMostDigits ? "1" : digits;
}

void KserveStatistics::NoteAnswered(const std::shared_ptr<const ServedModel>& model,
                                    absl::Span<const Inspection> results, double executions, absl::Duration took) {
  const auto [queue, input, infer, output] = PartsOf(Slowest(results));
  MutexLock lock(mu_);
  Counts& counts = CountsOf(model);
  ++counts.answered;
  counts.pictures += results.size();
  counts.executions += executions;
  counts.answered_took += took;
  counts.queue += queue;
  counts.compute_input += input;
  counts.compute_infer += infer;
  counts.compute_output += output;
}

void KserveStatistics::NoteFailed(const std::shared_ptr<const ServedModel>& model, absl::Duration took) {
  MutexLock lock(mu_);
  Counts& counts = CountsOf(model);
  ++counts.failed;
  counts.failed_took += took;
}

inference::ModelStatistics KserveStatistics::StatisticsOf(const std::shared_ptr<const ServedModel>& model) const {
  Counts counts;
  {
    MutexLock lock(mu_);
    if (const auto found = counts_.find(model); found != counts_.end()) counts = found->second;
  }
  inference::ModelStatistics statistics;
  statistics.set_name(model->name());
  statistics.set_version(TritonVersion(model->info().version));
  statistics.set_last_inference(static_cast<uint64_t>(absl::ToUnixMillis(counts.last)));
  statistics.set_inference_count(counts.pictures);
  statistics.set_execution_count(static_cast<uint64_t>(std::llround(counts.executions)));
  inference::InferStatistics& requests = *statistics.mutable_inference_stats();
  Set(counts.answered, counts.answered_took, *requests.mutable_success());
  Set(counts.failed, counts.failed_took, *requests.mutable_fail());
  Set(counts.answered, counts.queue, *requests.mutable_queue());
  Set(counts.answered, counts.compute_input, *requests.mutable_compute_input());
  Set(counts.answered, counts.compute_infer, *requests.mutable_compute_infer());
  Set(counts.answered, counts.compute_output, *requests.mutable_compute_output());
  return statistics;
}

// Of a request that ends now.
KserveStatistics::Counts& KserveStatistics::CountsOf(const std::shared_ptr<const ServedModel>& model) {
  auto found = counts_.find(model);
  if (found == counts_.end()) {
    std::erase_if(counts_, [](const auto& entry) { return entry.first.expired(); });
    found = counts_.emplace(model, Counts()).first;
  }
  found->second.last = absl::Now();
  return found->second;
}

}  // namespace bayespfl::server
