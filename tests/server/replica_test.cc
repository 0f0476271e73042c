#include "server/pipeline/replica.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/server/fake_detector.h"

namespace bayespfl::server {
namespace {

using ::testing::HasSubstr;

// A detector of a package with that digest.
std::shared_ptr<const Detector> DetectorOf(const std::string& digest) {
  return std::make_shared<FakeDetector>("1.0", digest);
}

absl::Status Works(const Detector& /*detector*/) { return absl::OkStatus(); }

TEST(ReplicaTest, ServesWithTheDetectorThatWasLoadedAnew) {
  const std::shared_ptr<const Detector> fresh = DetectorOf("a");
  Replica replica(DetectorOf("a"), [fresh] { return fresh; });

  ASSERT_TRUE(replica.Rebuild(Works).ok());

  EXPECT_EQ(replica.detector(), fresh);
}

TEST(ReplicaTest, APackageThatChangedIsNotWhatFramesWereAcceptedFor) {
  Replica replica(DetectorOf("a"), [] { return DetectorOf("b"); });

  const absl::Status rebuilt = replica.Rebuild(Works);

  EXPECT_EQ(rebuilt.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(rebuilt.message()), HasSubstr("\"fake\" has changed since it was loaded"));
  EXPECT_FALSE(replica.works());
  EXPECT_EQ(replica.detector(), nullptr);
}

TEST(ReplicaTest, FramesArePreparedAndFinishedAlsoWhenTheWeightsAreLost) {
  Replica replica(DetectorOf("a"), [] { return absl::InternalError("the device is gone"); });

  EXPECT_EQ(replica.Rebuild(Works), absl::InternalError("the device is gone"));

  EXPECT_FALSE(replica.works());
  EXPECT_EQ(replica.info().digest, "a");
  EXPECT_TRUE(replica.frame_handler().Validate("wood", 1).ok());
}

TEST(ReplicaTest, ThoseOfOneDeviceAreRebuiltTogether) {
  int loads = 0;
  const auto reload = [&loads] {
    ++loads;
    return DetectorOf("a");
  };
  const Replicas replicas = MakeReplicas(DetectorOf("a"), reload, 2);
  ASSERT_EQ(replicas[0]->detector(), replicas[1]->detector());

  // Both fail in the same moment.
  ASSERT_TRUE(replicas[0]->Rebuild(Works).ok());
  ASSERT_TRUE(replicas[1]->Rebuild(Works).ok());

  EXPECT_EQ(loads, 1);
  EXPECT_EQ(replicas[0]->detector(), replicas[1]->detector());
}

}  // namespace
}  // namespace bayespfl::server
