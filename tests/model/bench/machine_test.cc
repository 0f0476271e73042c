#include "model/bench/machine.h"

#include "base/cpu_quota.h"
#include "gtest/gtest.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

TEST(MachineTest, IsAsTheKernelNamesIt) {
  const testing::TemporaryFolder proc;
  proc.Write("cpuinfo", "processor\t: 0\nmodel\t\t: 1\nmodel name\t: Some CPU @ 2.50GHz\n\nmodel name\t: Another\n");
  proc.Write("loadavg", "1.25 0.50 0.10 2/100 4242\n");
  const Machine machine = ThisMachine(proc.path());
  EXPECT_EQ(machine.processor, "Some CPU @ 2.50GHz");
  EXPECT_EQ(machine.load, 1.25);
  EXPECT_EQ(machine.processors, AvailableCpus());
}

TEST(MachineTest, WhatIsNotThereIsNotMadeUp) {
  const testing::TemporaryFolder proc;
  const Machine machine = ThisMachine(proc.path());
  EXPECT_EQ(machine.processor, "");
  EXPECT_FALSE(machine.load.has_value());
}

}  // namespace
}  // namespace bayespfl
