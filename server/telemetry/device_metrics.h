// The metrics of the GPUs that this process can use.
//
//   bayespfl_device_memory_used_bytes{device}     gauge  by all processes on the device
//   bayespfl_device_memory_total_bytes{device}    gauge
//   bayespfl_device_utilization_ratio{device}     gauge  0..1, share of the last moments in which a kernel ran
// `device` is the name of the setting `device`, "cuda:0".
#ifndef BAYESPFL_SERVER_TELEMETRY_DEVICE_METRICS_H_
#define BAYESPFL_SERVER_TELEMETRY_DEVICE_METRICS_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "prometheus/collectable.h"
#include "prometheus/metric_family.h"
#include "server/telemetry/nvml.h"

namespace bayespfl::server {

// Which of the machine's devices CUDA calls 0, 1, ...: indices into `uuids`, which has NVML's order. `visible` is the
// environment's CUDA_VISIBLE_DEVICES: indices and UUIDs, which may be cut short, up to the first that is no device;
// absent: all of them. CUDA numbers different GPUs in the order of the PCI bus only with CUDA_DEVICE_ORDER=PCI_BUS_ID.
std::vector<size_t> VisibleDevices(std::optional<absl::string_view> visible, const std::vector<std::string>& uuids);

// Asks the driver at the time of the scrape, which a driver that hangs holds up. What a device does not say has no
// series. Thread-safe.
class DeviceMetrics final : public prometheus::Collectable {
 public:
  DeviceMetrics(std::unique_ptr<Nvml> nvml, std::optional<absl::string_view> visible);

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const std::unique_ptr<Nvml> nvml_;
  const std::vector<size_t> devices_;  // by CUDA's number
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_DEVICE_METRICS_H_
