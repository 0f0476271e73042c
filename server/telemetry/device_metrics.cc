#include "server/telemetry/device_metrics.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "prometheus/metric_type.h"
#include "server/telemetry/metric_family.h"

namespace bayespfl::server {
namespace {

// The device that an entry of CUDA_VISIBLE_DEVICES names.
std::optional<size_t> DeviceOf(absl::string_view entry, const std::vector<std::string>& uuids) {
  entry = absl::StripAsciiWhitespace(entry);
  if (size_t index = 0; absl::SimpleAtoi(entry, &index)) {
    return index < uuids.size() ? std::optional<size_t>(index) : std::nullopt;
  }
  const auto matches = [entry](const std::string& uuid) { return absl::StartsWith(uuid, entry); };
  const auto found = std::find_if(uuids.begin(), uuids.end(), matches);
  if (!absl::StartsWith(entry, "GPU-") || found == uuids.end()) return std::nullopt;
  return static_cast<size_t>(found - uuids.begin());
}

}  // namespace

std::vector<size_t> VisibleDevices(std::optional<absl::string_view> visible, const std::vector<std::string>& uuids) {
  std::vector<size_t> devices;
  if (!visible.has_value()) {
    for (size_t i = 0; i < uuids.size(); ++i) devices.push_back(i);
    return devices;
  }
  for (const absl::string_view entry : absl::StrSplit(*visible, ',')) {
    const std::optional<size_t> device = DeviceOf(entry, uuids);
    if (!device.has_value()) break;
    devices.push_back(*device);
  }
  return devices;
}

DeviceMetrics::DeviceMetrics(std::unique_ptr<Nvml> nvml, std::optional<absl::string_view> visible)
    : nvml_(std::move(nvml)), devices_(VisibleDevices(visible, nvml_->uuids())) {}

std::vector<prometheus::MetricFamily> DeviceMetrics::Collect() const {
  using prometheus::MetricType;
  prometheus::MetricFamily used = NewFamily("bayespfl_device_memory_used_bytes",
                                            "Memory of the GPU that is in use, by all processes.", MetricType::Gauge);
  prometheus::MetricFamily total =
      NewFamily("bayespfl_device_memory_total_bytes", "Memory of the GPU.", MetricType::Gauge);
  prometheus::MetricFamily utilization =
      NewFamily("bayespfl_device_utilization_ratio", "Share of the last moments in which a kernel ran on the GPU.",
                MetricType::Gauge);
  for (size_t i = 0; i < devices_.size(); ++i) {
    const MetricLabels labels = {{"device", absl::StrCat("cuda:", i)}};
    const DeviceReading reading = nvml_->Read(devices_[i]);
    if (reading.memory.has_value()) {
      AddValue(labels, static_cast<double>(reading.memory->used_bytes), used);
      AddValue(labels, static_cast<double>(reading.memory->total_bytes), total);
    }
    if (reading.utilization.has_value()) AddValue(labels, *reading.utilization, utilization);
  }
  return WithSeries({used, total, utilization});
}

}  // namespace bayespfl::server
