#include "server/telemetry/process_metrics.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "prometheus/metric_type.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl::server {
namespace {

std::map<std::string, double> Values(const ProcessMetrics& metrics) {
  std::map<std::string, double> values;
  for (const prometheus::MetricFamily& family : metrics.Collect()) {
    const bool counter = family.type == prometheus::MetricType::Counter;
    values[family.name] = counter ? family.metric.at(0).counter.value : family.metric.at(0).gauge.value;
  }
  return values;
}

// A proc file system with one process, of the name `name`.
void WriteProcess(const testing::TemporaryFolder& proc, const std::string& name) {
  std::filesystem::create_directories(proc.File("self/fd"));
  for (const char* descriptor : {"0", "1", "2", "3"}) proc.Write(std::string("self/fd/") + descriptor, "");
  // Fields 3 to 24 of proc(5): state ... utime(14)=150 stime(15)=50 ... starttime(22)=1000 vsize(23) rss(24)=7.
  proc.Write("self/stat", "42 (" + name + ") S 1 1 1 0 -1 4194560 9 0 0 0 150 50 3 4 20 0 9 0 1000 8192000 7 99 1\n");
  proc.Write("stat", "cpu  1 2 3\nbtime 1700000000\nprocesses 5\n");
}

TEST(ProcessMetricsTest, ReadsWhatTheKernelSays) {
  const testing::TemporaryFolder proc;
  WriteProcess(proc, "server");
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));

  auto values = Values(ProcessMetrics(proc.path()));

  EXPECT_DOUBLE_EQ(values["process_cpu_seconds_total"], 200 / ticks);
  EXPECT_DOUBLE_EQ(values["process_start_time_seconds"], 1700000000 + 1000 / ticks);
  EXPECT_DOUBLE_EQ(values["process_virtual_memory_bytes"], 8192000);
  EXPECT_DOUBLE_EQ(values["process_resident_memory_bytes"], 7.0 * static_cast<double>(sysconf(_SC_PAGESIZE)));
  EXPECT_DOUBLE_EQ(values["process_open_fds"], 3);  // four entries, one of them the count's own
}

TEST(ProcessMetricsTest, AProgramsNameMayHoldSpacesAndParentheses) {
  const testing::TemporaryFolder proc;
  WriteProcess(proc, "a) 1 2 (b");

  EXPECT_DOUBLE_EQ(Values(ProcessMetrics(proc.path()))["process_virtual_memory_bytes"], 8192000);
}

TEST(ProcessMetricsTest, WhatCannotBeReadHasNoSeries) {
  const testing::TemporaryFolder proc;
  proc.Write("stat", "btime 1700000000\n");

  const auto values = Values(ProcessMetrics(proc.path()));

  EXPECT_EQ(values.size(), 1U);
  EXPECT_EQ(values.count("process_max_fds"), 1U);  // asked from the kernel, not from the files
}

TEST(ProcessMetricsTest, AStatThatIsCutShortHasNoSeries) {
  const testing::TemporaryFolder proc;
  WriteProcess(proc, "server");
  proc.Write("self/stat", "42 (server) S 1 1");

  const auto values = Values(ProcessMetrics(proc.path()));

  EXPECT_EQ(values.count("process_cpu_seconds_total"), 0U);
  EXPECT_EQ(values.count("process_start_time_seconds"), 0U);
  EXPECT_EQ(values.count("process_open_fds"), 1U);
}

TEST(ProcessMetricsTest, FollowsThisProcess) {
  const ProcessMetrics metrics;
  const double before = Values(metrics)["process_open_fds"];
  const int descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(descriptor, 0);

  auto values = Values(metrics);
  close(descriptor);

  EXPECT_DOUBLE_EQ(values["process_open_fds"], before + 1);
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_DOUBLE_EQ(values["process_max_fds"], static_cast<double>(limit.rlim_cur));
  EXPECT_GT(values["process_resident_memory_bytes"], 0);
  EXPECT_GE(values["process_virtual_memory_bytes"], values["process_resident_memory_bytes"]);
  const double now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  EXPECT_LE(values["process_start_time_seconds"], now + 1);
  EXPECT_GT(values["process_start_time_seconds"], now - 3600);
}

}  // namespace
}  // namespace bayespfl::server
