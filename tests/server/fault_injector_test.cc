#include "server/pipeline/fault_injector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "server/pipeline/error_reason.h"
#include "tests/server/pipeline_fixture.h"

namespace bayespfl::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(FaultInjectorTest, EveryNthOccasionFailsAndIsReported) {
  std::vector<Fault> seen;
  const auto injector =
      *FaultInjector::Create("device_error:3,disk_full:1", [&seen](Fault fault) { seen.push_back(fault); });

  std::vector<bool> failed;
  for (int i = 0; i < 6; ++i) failed.push_back(!injector->Check(Fault::kDeviceError).ok());

  EXPECT_THAT(failed, ElementsAre(false, false, true, false, false, true));
  EXPECT_TRUE(injector->Check(Fault::kDecodeError).ok());
  EXPECT_EQ(injector->Delay().count(), 0);
  EXPECT_TRUE(absl::IsResourceExhausted(injector->Check(Fault::kDiskFull)));
  EXPECT_THAT(seen, ElementsAre(Fault::kDeviceError, Fault::kDeviceError, Fault::kDiskFull));
}

TEST(FaultInjectorTest, ASlowDeviceIsSlowForTheGivenTime) {
  const auto injector = *FaultInjector::Create("device_slow:2:250", nullptr);

  EXPECT_EQ(injector->Delay().count(), 0);
  EXPECT_EQ(injector->Delay().count(), 250);
}

TEST(FaultInjectorTest, NamesThePartThatIsWrong) {
  const auto error = [](const char* text) {
    return std::string(FaultInjector::Create(text, nullptr).status().message());
  };
  EXPECT_THAT(error(""),
              HasSubstr("the fault '' is none of device_error, device_memory, device_slow, decode_error, disk_full"));
  EXPECT_THAT(error("device_error:5,meteor:1"), HasSubstr("the fault 'meteor:1' is none of"));
  EXPECT_THAT(error("device_error"), HasSubstr("of the form device_error:N with N >= 1"));
  EXPECT_THAT(error("device_error:0"), HasSubstr("of the form device_error:N with N >= 1"));
  EXPECT_THAT(error("device_error:1:5"), HasSubstr("of the form"));
  EXPECT_THAT(error("device_slow:1"), HasSubstr("of the form device_slow:N:MILLISECONDS"));
  EXPECT_THAT(error("device_slow:1:0"), HasSubstr("needs 1 to 600000 milliseconds"));
  EXPECT_THAT(error("disk_full:1,disk_full:2"), HasSubstr("'disk_full:2' is repeated"));
}

class InjectedFaultTest : public PipelineTest {
 protected:
  void MakeWith(const char* faults) {
    Make({.image_limits = {}, .max_batch = 1, .faults = *FaultInjector::Create(faults, nullptr)});
  }
  FrameResult Inspect() {
    EXPECT_TRUE(pipeline_->Submit(MakeRequest(), results_.Add()).ok());
    return results_.Wait(++submitted_).back();
  }
  // Seconds from the frame's arrival to its answer.
  static double TotalOf(const FrameResult& result) { return result->inspection.timings.back().seconds; }

 private:
  size_t submitted_ = 0;
};

TEST_F(InjectedFaultTest, ADeviceErrorRebuildsTheReplicaAndTheFrameIsAnswered) {
  MakeWith("device_error:2");

  for (int i = 0; i < 4; ++i) EXPECT_TRUE(Inspect().ok()) << i;

  EXPECT_EQ(observer_.rebuilt_replicas.load(), 3);  // of 7 calls, three of them for the second time
  EXPECT_EQ(detector_->rebuilds(), 3);
}

TEST_F(InjectedFaultTest, ADeviceErrorLastsUntilTheReplicaIsRebuilt) {
  Make({.image_limits = {}, .max_batch = 4, .faults = *FaultInjector::Create("device_error:2", nullptr)});
  HoldModel();
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    ASSERT_TRUE(pipeline_->Submit(MakeRequest(seed), results_.Add()).ok());
  }
  ASSERT_TRUE(Eventually([&] { return observer_.waiting_for_model.load() == 4; }));
  detector_->Release();

  for (const FrameResult& result : results_.Wait(5)) EXPECT_TRUE(result.ok()) << result.status();
  EXPECT_GE(detector_->rebuilds(), 1);
}

TEST_F(InjectedFaultTest, ADeviceThatAlwaysFailsIsTheFramesAnswer) {
  MakeWith("device_error:1");

  const FrameResult result = Inspect();

  EXPECT_TRUE(absl::IsInternal(result.status()));
  EXPECT_EQ(ReasonOf(result.status()), ErrorReason::kDeviceFailed);
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("injected fault: device_error"));
}

TEST_F(InjectedFaultTest, AFailingDecoderFailsItsFrameAlone) {
  MakeWith("decode_error:2");

  EXPECT_TRUE(Inspect().ok());
  const FrameResult failed = Inspect();
  EXPECT_TRUE(Inspect().ok());

  EXPECT_TRUE(absl::IsInternal(failed.status()));
  EXPECT_EQ(ReasonOf(failed.status()), ErrorReason::kInternal) << "the picture may be good";
  EXPECT_EQ(detector_->rebuilds(), 0);
}

TEST_F(InjectedFaultTest, ASlowDeviceDelaysItsBatch) {
  MakeWith("device_slow:2:40");

  const double usual = TotalOf(Inspect());
  const double slow = TotalOf(Inspect());

  EXPECT_GE(slow, 0.04);
  EXPECT_LT(usual, slow);
}

}  // namespace
}  // namespace bayespfl::server
