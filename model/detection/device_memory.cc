#include "model/detection/device_memory.h"

#include <c10/core/CachingDeviceAllocator.h>

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/detection/device.h"
#include "model/detection/device_errors.h"

namespace bayespfl {

absl::StatusOr<std::optional<int64_t>> FreeDeviceMemory(const std::string& device) {
  const absl::StatusOr<torch::Device> place = ResolveDevice(device);
  if (!place.ok()) return place.status();
  if (place->is_cpu()) return std::nullopt;
  int64_t free_bytes = 0;
  const std::string failure = absl::StrCat("device ", device, ": its free memory is unknown");
  const absl::Status asked = CatchDeviceErrors(absl::StatusCode::kFailedPrecondition, failure, [&] {
    at::globalContext().lazyInitDevice(place->type());  // before it, the allocator knows no device
    c10::DeviceAllocator& allocator = *c10::getDeviceAllocator(place->type());
    const size_t left = allocator.getMemoryInfo(place->index()).first;
    constexpr auto kAll = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
    const auto stats = allocator.getDeviceStats(place->index());
    free_bytes =
        static_cast<int64_t>(left) + stats.reserved_bytes.at(kAll).current - stats.allocated_bytes.at(kAll).current;
    return absl::OkStatus();
  });
  if (!asked.ok()) return asked;
  return free_bytes;
}

}  // namespace bayespfl
