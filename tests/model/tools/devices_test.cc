#include "model/tools/devices.h"

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/detection/device_survey.h"

namespace bayespfl {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(DescribeDevicesTest, SaysWhatIsMissing) {
  const DeviceSurvey survey = {.cpu = "libtorch 2.11.0 AVX2 threads=2",
                               .nvidia_devices = {"/dev/nvidia0"},
                               .driver_version = "580.65.06",
                               .backend = "/lib/libtorch_cuda.so",
                               .backend_is_installed = true,
                               .missing_libraries = {"libcublas.so.13", "libnccl.so.2"},
                               .backend_opens = absl::FailedPreconditionError("two are missing"),
                               .gpu_usable = absl::FailedPreconditionError("two are missing"),
                               .gpus = 0};

  EXPECT_EQ(DescribeDevices(survey),
            "cpu           libtorch 2.11.0 AVX2 threads=2\n"
            "NVIDIA        /dev/nvidia0\n"
            "driver        580.65.06\n"
            "CUDA backend  /lib/libtorch_cuda.so\n"
            "missing       libcublas.so.13, libnccl.so.2\n"
            "opens         no: two are missing\n"
            "auto takes    cpu: two are missing\n");
}

TEST(DescribeDevicesTest, SaysThatTheBackendIsNotInstalled) {
  DeviceSurvey survey;
  survey.gpu_usable = absl::FailedPreconditionError("no backend");
  const std::string page = DescribeDevices(survey);

  EXPECT_THAT(page, HasSubstr("CUDA backend  not installed\n"));
  EXPECT_THAT(page, Not(HasSubstr("opens")));
  EXPECT_THAT(page, HasSubstr("auto takes    cpu: no backend\n"));
}

TEST(DescribeDevicesTest, SaysThatAutoTakesTheGpu) {
  EXPECT_THAT(DescribeDevices(DeviceSurvey()), HasSubstr("auto takes    cuda:0\n"));
}

}  // namespace
}  // namespace bayespfl
