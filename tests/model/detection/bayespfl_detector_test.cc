// What is decided before a device is touched, so that it can be tried where there is none.
#include "model/detection/bayespfl_detector.h"

#include <ATen/Context.h>

#include <cstdint>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/demo_model.h"

namespace bayespfl {
namespace {

using ::testing::HasSubstr;

absl::Status LoadOn(const std::string& device, Precision precision) {
  const absl::StatusOr<ModelPackage> package =
      ModelPackage::Open(testing::kDemoModel, {.ignore_calibration = true, .precision = precision});
  if (!package.ok()) return package.status();
  return BayesPflDetector::Load(*package, torch::Device(device), {}).status();
}

TEST(BayesPflDetectorTest, AGpuRefusesInt8WithTheWayOut) {
  const absl::Status status = LoadOn("cuda:7", Precision::kInt8);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(),
            "int8 is computed on the CPU alone, and the device is cuda:7: set precision to bf16 or fp32, or the device "
            "to cpu");
}

// Whatever becomes of a device that is not there, the precision is not why.
TEST(BayesPflDetectorTest, AGpuTakesTheOtherPrecisions) {
  for (const Precision precision : {Precision::kFp32, Precision::kBf16, Precision::kFp16}) {
    EXPECT_THAT(std::string(LoadOn("cuda:7", precision).message()), ::testing::Not(HasSubstr("set precision")));
  }
}

TEST(BayesPflDetectorTest, TheCpuRefusesFp16WithTheWayOut) {
  const absl::Status status = LoadOn("cpu", Precision::kFp16);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(),
            "fp16 is computed on a GPU alone, and the device is cpu: set precision to bf16 or fp32, or the device to "
            "cuda:0");
}

TEST(KeepSumsInFp32Test, LibTorchAddsUpInNothingLess) {
  using at::CuBLASReductionOption;
  KeepSumsInFp32();
  const at::Context& context = at::globalContext();
  EXPECT_EQ(context.allowBF16ReductionCuBLAS(), CuBLASReductionOption::DisallowReducedPrecisionAllowSplitK);
  EXPECT_EQ(context.allowFP16ReductionCuBLAS(), CuBLASReductionOption::DisallowReducedPrecisionAllowSplitK);
  EXPECT_FALSE(context.allowFP16AccumulationCuBLAS());
  EXPECT_FALSE(context.allowFP16BF16ReductionMathSDP());
}

TEST(AttentionOrderTest, CudnnComesFirstFromHopperOn) {
  EXPECT_EQ(AttentionOrder(9).front(), static_cast<int64_t>(at::SDPBackend::cudnn_attention));
  EXPECT_EQ(AttentionOrder(10).front(), static_cast<int64_t>(at::SDPBackend::cudnn_attention));
  EXPECT_EQ(AttentionOrder(8).front(), static_cast<int64_t>(at::SDPBackend::flash_attention));
  EXPECT_EQ(AttentionOrder(0).front(), static_cast<int64_t>(at::SDPBackend::flash_attention));
}

TEST(AttentionOrderTest, LibTorchTakesEveryOrderThatThereIs) {
  for (const int capability : {8, 9}) {
    const std::vector<int64_t> wanted = AttentionOrder(capability);
    at::globalContext().setSDPPriorityOrder(wanted);
    std::vector<int64_t> taken;
    for (const at::SDPBackend backend : at::globalContext().sDPPriorityOrder()) {
      taken.push_back(static_cast<int64_t>(backend));
    }
    EXPECT_EQ(taken, wanted);
  }
}

TEST(BayesPflDetectorTest, TheCpuTakesInt8) { EXPECT_TRUE(LoadOn("cpu", Precision::kInt8).ok()); }

}  // namespace
}  // namespace bayespfl
