#include "server/pipeline/shared_weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/server/fake_detector.h"
#include "tests/server/until.h"

namespace bayespfl::server {
namespace {

using ::testing::HasSubstr;

absl::Status Works(const Detector& /*detector*/) { return absl::OkStatus(); }

class SharedWeightsTest : public ::testing::Test {
 protected:
  // A detector that is counted while it lives.
  std::shared_ptr<const Detector> Load() {
    ++copies_;
    return {fake_.get(), [this](const Detector* /*gone*/) { --copies_; }};
  }

  const std::shared_ptr<FakeDetector> fake_ = std::make_shared<FakeDetector>();
  std::atomic<int> copies_{0};
  std::atomic<int> loads_{0};
  std::atomic<int> most_copies_{0};
  const std::shared_ptr<SharedWeights> weights_ =
      SharedWeights::Create(Load(), [this]() -> absl::StatusOr<std::shared_ptr<const Detector>> {
        ++loads_;
        std::shared_ptr<const Detector> fresh = Load();
        most_copies_ = copies_.load();
        return fresh;
      });
};

TEST_F(SharedWeightsTest, TheOldOnesAreGoneBeforeTheNewOnesAreLoaded) {
  ASSERT_TRUE(weights_->Rebuild(0, Works).ok());

  EXPECT_EQ(most_copies_, 1);
  EXPECT_EQ(weights_->Borrow().number, 1U);
}

TEST_F(SharedWeightsTest, ARebuildWaitsUntilNobodyComputesWithTheOldOnes) {
  SharedWeights::Loan other = weights_->Borrow();
  std::thread rebuild([this] { EXPECT_TRUE(weights_->Rebuild(0, Works).ok()); });
  ASSERT_TRUE(Eventually([this] { return !weights_->ready(); }));

  EXPECT_EQ(loads_, 0);
  EXPECT_EQ(weights_->Borrow().detector, nullptr) << "or it would never end";
  EXPECT_TRUE(weights_->work());
  other.detector.reset();
  rebuild.join();

  EXPECT_EQ(loads_, 1);
  EXPECT_EQ(most_copies_, 1);
}

TEST_F(SharedWeightsTest, OnesThatWereLoadedSinceAreNotLoadedAgain) {
  ASSERT_TRUE(weights_->Rebuild(0, Works).ok());

  EXPECT_TRUE(weights_->Rebuild(0, Works).ok());

  EXPECT_EQ(loads_, 1);
  EXPECT_TRUE(weights_->Rebuild(1, Works).ok());
  EXPECT_EQ(loads_, 2);
}

TEST_F(SharedWeightsTest, NobodyComputesWithThemBeforeTheyHaveProvedThemselves) {
  const auto proof = [this](const Detector& detector) {
    EXPECT_EQ(&detector, fake_.get());
    EXPECT_EQ(weights_->Borrow().detector, nullptr);
    return absl::OkStatus();
  };

  ASSERT_TRUE(weights_->Rebuild(0, proof).ok());

  EXPECT_NE(weights_->Borrow().detector, nullptr);
}

TEST_F(SharedWeightsTest, OnesThatDoNotAreLost) {
  const auto proof = [](const Detector& /*detector*/) { return absl::InternalError("the device failed"); };

  const absl::Status rebuilt = weights_->Rebuild(0, proof);

  EXPECT_TRUE(absl::IsInternal(rebuilt));
  EXPECT_THAT(std::string(rebuilt.message()), HasSubstr("the warm-up failed: the device failed"));
  EXPECT_FALSE(weights_->work());
  EXPECT_EQ(copies_, 0);
  EXPECT_EQ(weights_->Rebuild(0, Works), rebuilt) << "whoever shares them";
  EXPECT_EQ(loads_, 1);
}

}  // namespace
}  // namespace bayespfl::server
