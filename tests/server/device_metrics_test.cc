#include "server/telemetry/device_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "server/telemetry/log.h"
#include "server/telemetry/metrics.h"
#include "server/telemetry/nvml.h"
#include "tests/support/paths.h"

namespace bayespfl::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string MadeUpNvml(const std::string& fault) {
  return testing::BuildOutput(absl::StrCat("tests/made_up_nvml_", fault, ".so"));
}

// Every series as "name{device} value".
std::vector<std::string> SeriesOf(const std::string& fault, std::optional<absl::string_view> visible = std::nullopt) {
  absl::StatusOr<std::unique_ptr<Nvml>> nvml = Nvml::Load(MadeUpNvml(fault));
  EXPECT_TRUE(nvml.ok()) << nvml.status();
  if (!nvml.ok()) return {};
  std::vector<std::string> series;
  for (const prometheus::MetricFamily& family : DeviceMetrics(*std::move(nvml), visible).Collect()) {
    for (const prometheus::ClientMetric& metric : family.metric) {
      series.push_back(absl::StrCat(family.name, "{", metric.label.at(0).value, "} ", metric.gauge.value));
    }
  }
  return series;
}

TEST(NvmlTest, AMachineWithoutTheLibraryHasNone) {
  const auto nvml = Nvml::Load("libnvidia-ml-that-nobody-has.so.1");

  EXPECT_EQ(nvml.status().code(), absl::StatusCode::kNotFound);
}

TEST(NvmlTest, ALibraryWithoutTheFunctionsIsAnotherOne) {
  const auto nvml = Nvml::Load("libm.so.6");

  EXPECT_EQ(nvml.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(nvml.status().message()), HasSubstr("lacks a function"));
}

TEST(NvmlTest, ADriverThatDoesNotAnswerIsNamedWithItsCode) {
  for (const char* fault : {"init", "count"}) {
    const auto nvml = Nvml::Load(MadeUpNvml(fault));

    EXPECT_EQ(nvml.status().code(), absl::StatusCode::kUnavailable) << fault;
    EXPECT_THAT(std::string(nvml.status().message()), HasSubstr("returns 999")) << fault;
  }
}

TEST(NvmlTest, KnowsEveryDeviceByItsUuid) {
  const auto nvml = Nvml::Load(MadeUpNvml("none"));

  ASSERT_TRUE(nvml.ok()) << nvml.status();
  EXPECT_THAT((*nvml)->uuids(), ElementsAre("GPU-aaaa0000-1111", "GPU-bbbb0000-2222"));
}

TEST(DeviceMetricsTest, EveryDeviceHasMemoryAndUtilization) {
  EXPECT_THAT(
      SeriesOf("none"),
      ElementsAre("bayespfl_device_memory_used_bytes{cuda:0} 3072", "bayespfl_device_memory_used_bytes{cuda:1} 1024",
                  "bayespfl_device_memory_total_bytes{cuda:0} 8192", "bayespfl_device_memory_total_bytes{cuda:1} 4096",
                  "bayespfl_device_utilization_ratio{cuda:0} 0.25", "bayespfl_device_utilization_ratio{cuda:1} 1"));
}

TEST(DeviceMetricsTest, NumbersAreThoseOfTheVisibleDevices) {
  EXPECT_THAT(SeriesOf("none", "GPU-bbbb"), ElementsAre("bayespfl_device_memory_used_bytes{cuda:0} 1024",
                                                        "bayespfl_device_memory_total_bytes{cuda:0} 4096",
                                                        "bayespfl_device_utilization_ratio{cuda:0} 1"));
}

TEST(DeviceMetricsTest, WhatADeviceDoesNotSayHasNoSeries) {
  EXPECT_THAT(SeriesOf("utilization"), ElementsAre("bayespfl_device_memory_used_bytes{cuda:0} 3072",
                                                   "bayespfl_device_memory_used_bytes{cuda:1} 1024",
                                                   "bayespfl_device_memory_total_bytes{cuda:0} 8192",
                                                   "bayespfl_device_memory_total_bytes{cuda:1} 4096"));
  EXPECT_THAT(SeriesOf("calls"), IsEmpty());
}

TEST(DeviceMetricsTest, ADeviceThatIsLostDoesNotTakeTheOthersAlong) {
  EXPECT_THAT(SeriesOf("device"), ElementsAre("bayespfl_device_memory_used_bytes{cuda:1} 1024",
                                              "bayespfl_device_memory_total_bytes{cuda:1} 4096",
                                              "bayespfl_device_utilization_ratio{cuda:1} 1"));
}

TEST(VisibleDevicesTest, WithoutTheVariableAllAreVisible) {
  EXPECT_THAT(VisibleDevices(std::nullopt, {"GPU-a", "GPU-b"}), ElementsAre(0, 1));
}

TEST(VisibleDevicesTest, IndicesAndUuidsSetTheOrder) {
  EXPECT_THAT(VisibleDevices("1, GPU-a", {"GPU-a", "GPU-b"}), ElementsAre(1, 0));
}

TEST(VisibleDevicesTest, TheFirstEntryThatIsNoDeviceEndsTheList) {
  EXPECT_THAT(VisibleDevices("1,7,0", {"GPU-a", "GPU-b"}), ElementsAre(1));
  EXPECT_THAT(VisibleDevices("MIG-a,0", {"GPU-a"}), IsEmpty());
  EXPECT_THAT(VisibleDevices("-1", {"GPU-a"}), IsEmpty());
}

TEST(VisibleDevicesTest, AnEmptyVariableHidesAll) { EXPECT_THAT(VisibleDevices("", {"GPU-a"}), IsEmpty()); }

// The page that Metrics writes, and what it logs on the way.
std::string PageOf(const std::string& library, std::string& log) {
  Logger logger = *CreateLogger({.write = [&log](absl::string_view line) { absl::StrAppend(&log, line); }});
  return Metrics({.nvml_library = library, .logger = std::move(logger)}).Serialize();
}

TEST(DeviceMetricsTest, ThePageHoldsTheDevices) {
  std::string log;

  EXPECT_THAT(PageOf(MadeUpNvml("none"), log),
              HasSubstr("bayespfl_device_utilization_ratio{device=\"cuda:0\"} 0.25\n"));
  EXPECT_EQ(log, "");
}

TEST(DeviceMetricsTest, WithoutTheLibraryThePageAndTheLogSayNothing) {
  std::string log;

  EXPECT_THAT(PageOf("libnvidia-ml-that-nobody-has.so.1", log), Not(HasSubstr("bayespfl_device")));
  EXPECT_EQ(log, "");
}

TEST(DeviceMetricsTest, ADriverThatDoesNotAnswerIsWorthAWarning) {
  std::string log;

  EXPECT_THAT(PageOf(MadeUpNvml("init"), log), Not(HasSubstr("bayespfl_device")));
  EXPECT_THAT(log, HasSubstr("there are no metrics of GPUs"));
}

}  // namespace
}  // namespace bayespfl::server
