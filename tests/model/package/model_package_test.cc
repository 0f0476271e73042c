// The embedded package, opened in the precision that it says and in others.
#include "model/package/model_package.h"

#include <optional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/model/tools/calibrated_model.h"
#include "tests/support/demo_model.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

// What calibrations and results of the embedded package have named since it was made.
constexpr char kDemoComputation[] = "743592be5d35d724965efdeac1247d02df3dd67bfa2d647119c4f53f306c95fb";

class ModelPackageTest : public ::testing::Test {
 protected:
  void SetUp() override { testing::CopyDemoModel(folder_.File("model")); }

  void Say(const std::string& precision) const {
    folder_.Replace("model/config.json", "{", "{\"precision\": \"" + precision + "\",");
  }
  ModelPackage MustOpen(std::optional<Precision> precision = std::nullopt) const {
    absl::StatusOr<ModelPackage> package = ModelPackage::Open(folder_.File("model"), {.precision = precision});
    EXPECT_TRUE(package.ok()) << package.status();
    return package.ok() ? *std::move(package) : ModelPackage{};
  }
  // The embedded package's calibration of one category, made in that precision.
  void Calibrate(Precision precision) const {
    folder_.Write("model/calibration.json", testing::DemoCalibration("belt 12", "leather", 0.5F, precision));
  }
  std::string Refusal(std::optional<Precision> precision) const {
    const absl::Status status = ModelPackage::Open(folder_.File("model"), {.precision = precision}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    return std::string(status.message());
  }

  const testing::TemporaryFolder folder_;
};

TEST_F(ModelPackageTest, InFp32DigestAndVersionAreWhatTheyWereBeforeThereWereOthers) {
  const ModelPackage silent = MustOpen();
  EXPECT_EQ(silent.computation_digest, kDemoComputation);
  EXPECT_THAT(silent.version(), MatchesRegex("2\\.0\\.0\\+[0-9a-f]{12}"));
  EXPECT_EQ(MustOpen(Precision::kFp32).computation_digest, kDemoComputation);
  Say("fp32");
  EXPECT_EQ(MustOpen().computation_digest, kDemoComputation);
}

TEST_F(ModelPackageTest, WhatItIsAskedForWinsOverWhatItSays) {
  const ModelPackage asked = MustOpen(Precision::kBf16);
  EXPECT_EQ(asked.config.precision, Precision::kBf16);
  Say("bf16");
  const ModelPackage said = MustOpen();
  EXPECT_EQ(said.config.precision, Precision::kBf16);
  EXPECT_EQ(said.computation_digest, asked.computation_digest) << "the same numbers come out";
  const ModelPackage back = MustOpen(Precision::kFp32);
  EXPECT_EQ(back.config.precision, Precision::kFp32);
  EXPECT_EQ(back.computation_digest, kDemoComputation);
}

TEST_F(ModelPackageTest, EachPrecisionIsAnotherComputationOfTheSameFilesAndItsVersionShowsIt) {
  const ModelPackage fp32 = MustOpen();
  const ModelPackage bf16 = MustOpen(Precision::kBf16);
  const ModelPackage int8 = MustOpen(Precision::kInt8);

  EXPECT_NE(bf16.computation_digest, fp32.computation_digest);
  EXPECT_NE(int8.computation_digest, fp32.computation_digest);
  EXPECT_NE(int8.computation_digest, bf16.computation_digest);
  EXPECT_EQ(bf16.digest, fp32.digest);
  EXPECT_EQ(bf16.version(), fp32.version() + "+bf16");
  EXPECT_EQ(int8.version(), fp32.version() + "+int8");
}

TEST_F(ModelPackageTest, ACalibrationServesThePrecisionThatItWasMadeIn) {
  Calibrate(Precision::kBf16);
  EXPECT_EQ(MustOpen(Precision::kBf16).calibration->precision, Precision::kBf16);
  Calibrate(Precision::kFp32);
  EXPECT_EQ(MustOpen().calibration->precision, Precision::kFp32);
}

TEST_F(ModelPackageTest, ACalibrationOfAnotherPrecisionIsRefusedWithTheWayOut) {
  Calibrate(Precision::kFp32);
  EXPECT_THAT(
      Refusal(Precision::kBf16),
      AllOf(HasSubstr("calibration.json: its thresholds were made in fp32, and the package is computed in bf16"),
            HasSubstr("bayespfl-model calibrate --precision bf16"), HasSubstr("set precision to fp32"),
            Not(HasSubstr("another model"))));
  Calibrate(Precision::kBf16);
  EXPECT_THAT(Refusal(std::nullopt),
              AllOf(HasSubstr("its thresholds were made in bf16, and the package is computed in fp32"),
                    HasSubstr("bayespfl-model calibrate --precision fp32"), HasSubstr("set precision to bf16")));
  EXPECT_THAT(Refusal(Precision::kInt8), HasSubstr("made in bf16, and the package is computed in int8"));
}

TEST_F(ModelPackageTest, ACalibrationOfAnotherModelInTheSamePrecisionIsStillCalledThat) {
  Calibrate(Precision::kBf16);
  folder_.Replace("model/config.json", "\"map_smoothing_sigma\": 3.7065637", "\"map_smoothing_sigma\": 5");
  EXPECT_THAT(Refusal(Precision::kBf16),
              AllOf(HasSubstr("its thresholds were made with another model"), Not(HasSubstr("bf16"))));
}

}  // namespace
}  // namespace bayespfl
