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

Replica MakeReplica(const std::shared_ptr<const Detector>& first,
                    const absl::StatusOr<std::shared_ptr<const Detector>>& second) {
  return Replica(first, [second] { return second; });
}

TEST(ReplicaTest, ServesWithTheDetectorThatWasLoadedAnew) {
  const std::shared_ptr<const Detector> fresh = DetectorOf("a");
  Replica replica = MakeReplica(DetectorOf("a"), fresh);

  ASSERT_TRUE(replica.Rebuild().ok());

  EXPECT_EQ(replica.detector(), fresh);
}

TEST(ReplicaTest, APackageThatChangedIsNotWhatFramesWereAcceptedFor) {
  const std::shared_ptr<const Detector> first = DetectorOf("a");
  Replica replica = MakeReplica(first, DetectorOf("b"));

  const absl::Status rebuilt = replica.Rebuild();

  EXPECT_EQ(rebuilt.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(rebuilt.message()), HasSubstr("\"fake\" has changed since it was loaded"));
  EXPECT_EQ(replica.detector(), first);
}

TEST(ReplicaTest, WhatCannotBeLoadedLeavesTheOldDetectorToPrepareAndFinish) {
  const std::shared_ptr<const Detector> first = DetectorOf("a");
  Replica replica = MakeReplica(first, absl::InternalError("the device is gone"));

  EXPECT_EQ(replica.Rebuild(), absl::InternalError("the device is gone"));
  EXPECT_EQ(replica.detector(), first);
}

}  // namespace
}  // namespace bayespfl::server
