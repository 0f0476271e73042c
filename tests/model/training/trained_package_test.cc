#include "model/training/trained_package.h"

#include <filesystem>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/libtorch.h"
#include "model/network/model.h"
#include "model/package/tensor_catalogue.h"
#include "model/training/parameters.h"
#include "tests/model/training/tiny_training.h"
#include "tests/support/demo_model.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

class TrainedPackageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto source = ModelPackage::Open(testing::kDemoModel);
    ASSERT_TRUE(source.ok()) << source.status();
    source_ = *std::move(source);
    parameters_ = LoadParameters(*source_.bayespfl, source_.config, torch::kCPU).value();
    const torch::NoGradGuard no_grad;
    for (const auto& [name, tensor] : parameters_) tensor.add_(1);
    options_ = {.output_dir = folder_.File("trained"), .stage = 1, .name = "trained", .version = "7"};
  }

  ModelPackage Written() {
    const auto config = WriteTrainedPackage(source_, parameters_, options_);
    EXPECT_TRUE(config.ok()) << config.status();
    return ModelPackage::Open(options_.output_dir).value();
  }

  const testing::TemporaryFolder folder_;
  ModelPackage source_;
  TensorMap parameters_;
  TrainedPackageOptions options_;
};

TEST_F(TrainedPackageTest, HoldsTheTrainedWeightsAndComputesWithThem) {
  const ModelPackage written = Written();
  const auto again = LoadParameters(*written.bayespfl, written.config, torch::kCPU);
  ASSERT_TRUE(again.ok()) << again.status();
  ASSERT_EQ(again->size(), parameters_.size());
  for (const auto& [name, tensor] : parameters_) EXPECT_TRUE(torch::equal(again->at(name), tensor)) << name;
  EXPECT_TRUE(BayesPflModel::Load(written.config, *written.clip, *written.bayespfl, torch::kCPU).ok());
}

TEST_F(TrainedPackageTest, SaysWhatItIs) {
  options_.provenance = {{"made_by", "a test"}};
  const ModelPackage written = Written();
  EXPECT_EQ(written.config.name, "trained");
  EXPECT_EQ(written.config.version, "7");
  EXPECT_EQ(written.config.stage, 1);
  EXPECT_FALSE(written.config.mask_threshold.has_value());
  EXPECT_FALSE(written.calibration.has_value());
}

TEST_F(TrainedPackageTest, DecodersAndEveryNameOfASharedTensorSurvive) {
  const ModelPackage written = Written();
  for (const auto& [name, spec] : BayesPflTensors(source_.config)) {
    const TensorView* const view = written.bayespfl->Find(name);
    ASSERT_NE(view, nullptr) << name;
    const TensorView* const canonical = written.bayespfl->Find(CanonicalName(name));
    ASSERT_NE(canonical, nullptr) << name;
    EXPECT_EQ(view->data, canonical->data) << name;
  }
}

TEST_F(TrainedPackageTest, APackageThatIsThereStays) {
  Written();
  EXPECT_EQ(WriteTrainedPackage(source_, parameters_, options_).status().code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(TrainedPackageTest, ANameThatIsNoneIsRefusedBeforeAnythingIsWritten) {
  options_.name.clear();
  EXPECT_EQ(WriteTrainedPackage(source_, parameters_, options_).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(std::filesystem::exists(options_.output_dir));
}

}  // namespace
}  // namespace bayespfl
