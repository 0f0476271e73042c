#include "server/api/frame_group.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/server/pipeline_fixture.h"

namespace bayespfl::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr size_t kMapBytes = 32;  // of a 4 x 2 picture in kFloat32

class FrameGroupTest : public PipelineTest {
 protected:
  // Frames of these seeds, whose maps are wanted.
  static std::vector<FrameRequest> Frames(std::initializer_list<uint64_t> seeds) {
    std::vector<FrameRequest> frames;
    for (const uint64_t seed : seeds) {
      frames.push_back(MakeRequest(seed));
      frames.back().options.anomaly_map = MapEncoding::kFloat32;
    }
    return frames;
  }

  void Submit(std::vector<FrameRequest> frames, size_t max_map_bytes) {
    SubmitGroup(*pipeline_, std::move(frames), max_map_bytes, std::make_shared<CancellationToken>(),
                [this](GroupResult result) {
                  MutexLock lock(mu_);
                  result_ = std::move(result);
                  changed_.NotifyAll();
                });
  }

  GroupResult Wait() {
    MutexLock lock(mu_);
    while (!result_.has_value()) changed_.Wait(mu_);
    return *result_;
  }

 private:
  Mutex mu_;
  CondVar changed_;
  std::optional<GroupResult> result_ ABSL_GUARDED_BY(mu_);
};

TEST_F(FrameGroupTest, OutcomesComeInTheFramesOrder) {
  Submit(Frames({3, 1, 2}), 3 * kMapBytes);

  const GroupResult result = Wait();

  ASSERT_TRUE(result.ok()) << result.status();
  std::vector<uint64_t> seeds;
  for (const InspectionOutcome& outcome : *result) seeds.push_back(outcome.inspection.provenance.seed);
  EXPECT_THAT(seeds, ElementsAre(3, 1, 2));
}

TEST_F(FrameGroupTest, TheFirstErrorIsTheGroupsAndNamesItsFrame) {
  Submit(Frames({1, kFailingSeed, 2}), 3 * kMapBytes);

  const GroupResult result = Wait();

  EXPECT_EQ(result.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(result.status().message()), StartsWith("image[1]: "));
}

// The first two frames are of a model that answers, the others of one that hangs. The maps of the first two are too
// many: the fourth must leave its place, while the third may be inside the model that hangs.
TEST_F(FrameGroupTest, MapsThatAreTooManyEndTheGroupBeforeAllAreThere) {
  Make({.image_limits = {}, .max_frames_in_flight = 8, .max_batch = 1});
  auto hanging = std::make_shared<FakeDetector>();
  hanging->Hold();
  ModelSet models = OneModel({detector_});
  models.models["hanging"] = std::make_shared<ServedModel>("hanging", ReplicasOf({hanging}));
  pipeline_->SetModels(models);
  std::vector<FrameRequest> frames = Frames({1, 2, 3, 4});
  frames[2].options.model = "hanging";
  frames[3].options.model = "hanging";

  HoldModel();  // until all are inside
  Submit(std::move(frames), 2 * kMapBytes - 1);
  detector_->Release();  // one thread decodes them, and one runs the models: in this order
  EXPECT_TRUE(Eventually([&] { return observer_.failed.load() >= 1; }));
  hanging->Release();

  const GroupResult result = Wait();
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("more than the 63 bytes of a reply"));
  EXPECT_LE(hanging->batches().size(), 1U);
}

}  // namespace
}  // namespace bayespfl::server
