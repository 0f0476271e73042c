#include "model/detection/device_stream.h"

#include <ATen/DeviceAccelerator.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace bayespfl {

std::optional<c10::Stream> MakeStream(torch::Device device) {
  if (!at::accelerator::isAccelerator(device.type())) return std::nullopt;
  return c10::impl::VirtualGuardImpl(device.type()).getNewStream(device);
}

c10::Stream MakeRecordingStream(torch::Device device) {
  constexpr int kHighPriority = -1;
  return c10::impl::VirtualGuardImpl(device.type()).getNewStream(device, kHighPriority);
}

size_t StageClock::Mark() {
  if (!stream_.has_value()) {
    times_.push_back(std::chrono::steady_clock::now());
    return times_.size() - 1;
  }
  events_.emplace_back(stream_->device_type(), c10::EventFlag::BACKEND_DEFAULT);
  events_.back().record(*stream_);
  return events_.size() - 1;
}

double StageClock::Between(size_t from, size_t to) const {
  constexpr double kSecondsOfAMillisecond = 1e-3;
  if (stream_.has_value()) return events_[from].elapsedTime(events_[to]) * kSecondsOfAMillisecond;
  return std::chrono::duration<double>(times_[to] - times_[from]).count();
}

}  // namespace bayespfl
