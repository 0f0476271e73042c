// Faults on purpose: how the server behaves when a device, a picture or a disk fails can be tried on the very program
// that is deployed. Off unless it is configured.
#ifndef BAYESPFL_SERVER_PIPELINE_FAULT_INJECTOR_H_
#define BAYESPFL_SERVER_PIPELINE_FAULT_INJECTOR_H_

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace bayespfl::server {

enum class Fault {
  kDeviceError,   // device_error: the model's call fails for the whole batch, as when a GPU falls off its bus
  kDeviceMemory,  // device_memory: the device's memory does not suffice for the batch
  kDeviceSlow,    // device_slow: the model's call takes longer
  kDecodeError,   // decode_error: a picture cannot be decoded for a reason that lies in the server
  kDiskFull,      // disk_full: a line of the result log cannot be written
};
inline constexpr size_t kFaults = 5;
absl::string_view FaultName(Fault fault);

// Which occasions fail is counted, not drawn, so that a trial can be repeated. Thread-safe.
class FaultInjector {
 public:
  // `specification` is a list "fault:N" separated by commas: every N-th occasion fails. device_slow takes milliseconds
  // besides: "device_error:50,device_slow:10:250". `on_fault`, which may be empty, is called for each fault, from the
  // thread that meets it. InvalidArgument names the part that is wrong.
  static absl::StatusOr<std::shared_ptr<FaultInjector>> Create(absl::string_view specification,
                                                               std::function<void(Fault)> on_fault);

  // One occasion of the fault. OK, or the error to behave as if it had happened: Internal, ResourceExhausted for
  // kDeviceMemory and kDiskFull. Not for kDeviceSlow.
  absl::Status Check(Fault fault);

  // One occasion of kDeviceSlow: how long to wait, mostly 0.
  std::chrono::milliseconds Delay();

 private:
  FaultInjector() = default;
  absl::Status Add(absl::string_view part);
  bool Fires(Fault fault);

  struct Schedule {
    uint64_t period = 0;  // 0: never
    std::atomic<uint64_t> occasions{0};
  };
  std::array<Schedule, kFaults> schedules_;
  std::chrono::milliseconds delay_{0};
  std::function<void(Fault)> on_fault_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_FAULT_INJECTOR_H_
