#include "server/pipeline/fault_injector.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace bayespfl::server {
namespace {

constexpr std::array<absl::string_view, kFaults> kNames = {"device_error", "device_memory", "device_slow",
                                                           "decode_error", "disk_full"};
constexpr int64_t kLongestDelay = 600'000;  // milliseconds

}  // namespace

absl::string_view FaultName(Fault fault) { return kNames[static_cast<size_t>(fault)]; }

absl::StatusOr<std::shared_ptr<FaultInjector>> FaultInjector::Create(absl::string_view specification,
                                                                     std::function<void(Fault)> on_fault) {
  auto injector = std::shared_ptr<FaultInjector>(new FaultInjector());
  injector->on_fault_ = std::move(on_fault);
  for (const absl::string_view part : absl::StrSplit(specification, ',')) {
    const absl::Status added = injector->Add(part);
    if (!added.ok()) return added;
  }
  return injector;
}

absl::Status FaultInjector::Add(absl::string_view part) {
  const auto wrong = [part](const auto&... why) {
    return absl::InvalidArgumentError(absl::StrCat("the fault '", part, "' ", why...));
  };
  const std::vector<absl::string_view> fields = absl::StrSplit(part, ':');
  const auto* const name = std::find(kNames.begin(), kNames.end(), fields.front());
  if (name == kNames.end()) return wrong("is none of ", absl::StrJoin(kNames, ", "));
  const auto fault = static_cast<Fault>(name - kNames.begin());
  const size_t expected = fault == Fault::kDeviceSlow ? 3 : 2;
  int64_t period = 0;
  if (fields.size() != expected || !absl::SimpleAtoi(fields[1], &period) || period < 1) {
    return wrong("is not of the form ", *name, expected == 3 ? ":N:MILLISECONDS" : ":N", " with N >= 1");
  }
  if (fault == Fault::kDeviceSlow) {
    int64_t milliseconds = 0;
    if (!absl::SimpleAtoi(fields[2], &milliseconds) || milliseconds < 1 || milliseconds > kLongestDelay) {
      return wrong("needs 1 to ", kLongestDelay, " milliseconds");
    }
    delay_ = std::chrono::milliseconds(milliseconds);
  }
  Schedule& schedule = schedules_[static_cast<size_t>(fault)];
  if (schedule.period != 0) return wrong("is repeated");
  schedule.period = static_cast<uint64_t>(period);
  return absl::OkStatus();
}

absl::Status FaultInjector::Check(Fault fault) {
  if (!Fires(fault)) return absl::OkStatus();
  const std::string message = absl::StrCat("injected fault: ", FaultName(fault));
  const bool no_room = fault == Fault::kDeviceMemory || fault == Fault::kDiskFull;
  return no_room ? absl::ResourceExhaustedError(message) : absl::InternalError(message);
}

std::chrono::milliseconds FaultInjector::Delay() {
  return Fires(Fault::kDeviceSlow) ? delay_ : std::chrono::milliseconds(0);
}

bool FaultInjector::Fires(Fault fault) {
  Schedule& schedule = schedules_[static_cast<size_t>(fault)];
  if (schedule.period == 0 || (schedule.occasions.fetch_add(1) + 1) % schedule.period != 0) return false;
  if (on_fault_) on_fault_(fault);
  return true;
}

}  // namespace bayespfl::server
