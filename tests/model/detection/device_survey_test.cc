#include "model/detection/device_survey.h"

#include <filesystem>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A folder that stands in for "/".
class DeviceSurveyTest : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directories(root_ / "dev"); }

  void Put(const std::string& name, absl::string_view bytes) const { folder_.Write(name, bytes); }

  const testing::TemporaryFolder folder_;
  const fs::path root_ = folder_.path();
};

TEST_F(DeviceSurveyTest, SeesCardsAndNotWhatBelongsToTheDriver) {
  for (const char* name : {"nvidia1", "nvidia0", "nvidiactl", "nvidia-uvm", "nvme0", "null"}) {
    Put(std::string("dev/") + name, "x");
  }

  EXPECT_THAT(NvidiaDevices(root_), ElementsAre("/dev/nvidia0", "/dev/nvidia1"));
}

TEST_F(DeviceSurveyTest, SeesTheDeviceOfWindows) {
  Put("dev/dxg", "x");

  EXPECT_THAT(NvidiaDevices(root_), ElementsAre("/dev/dxg"));
}

TEST_F(DeviceSurveyTest, SeesNothingWhereThereIsNothing) {
  EXPECT_THAT(NvidiaDevices(root_), IsEmpty());
  EXPECT_EQ(NvidiaDriverVersion(root_), "");
}

TEST_F(DeviceSurveyTest, ReadsTheVersionOfBothKindsOfDriver) {
  const std::string version = "proc/driver/nvidia/version";
  Put(version,
      "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  Sun Jul 27 07:22:14 UTC 2025\nGCC version: 12\n");
  EXPECT_EQ(NvidiaDriverVersion(root_), "580.65.06");
  Put(version, "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.133.20  Release Build  (root@host)\n");
  EXPECT_EQ(NvidiaDriverVersion(root_), "570.133.20");
}

TEST_F(DeviceSurveyTest, SaysWhyNoGpuIsUsed) {
  if (!NvidiaDevices().empty()) GTEST_SKIP() << "this machine has a GPU";

  const absl::Status usable = GpuUsable();

  EXPECT_EQ(usable.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(usable.message()), HasSubstr("/dev/nvidia0"));
}

TEST_F(DeviceSurveyTest, LooksForTheBackendBesideTheLibraryThatIsLoaded) {
  EXPECT_TRUE(fs::exists(CudaBackend().parent_path() / "libtorch_cpu.so")) << CudaBackend();
}

TEST_F(DeviceSurveyTest, SaysWhatTheBackendNeedsAndWhetherItOpens) {
  const DeviceSurvey survey = SurveyDevices();

  EXPECT_THAT(survey.cpu, HasSubstr("libtorch"));
  EXPECT_EQ(survey.backend_opens.ok(), survey.backend_is_installed && survey.missing_libraries.empty())
      << survey.backend_opens;
}

}  // namespace
}  // namespace bayespfl
