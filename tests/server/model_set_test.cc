// Several models in one pipeline, and models that come and go.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "server/pipeline/error_reason.h"
#include "tests/server/pipeline_fixture.h"

namespace bayespfl::server {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ModelSetTest : public PipelineTest {
 protected:
  void SetUp() override { MakeWith(1); }
  void TearDown() override {
    detector_->Release();
    other_->Release();
  }
  void MakeWith(int replicas) {
    Make({.image_limits = {}, .max_frames_in_flight = 32, .max_batch = 4, .replicas = replicas});
    pipeline_->SetModels(Both());
  }
  static std::shared_ptr<ServedModel> Model(const std::string& name,
                                            const std::vector<std::shared_ptr<FakeDetector>>& detectors) {
    return std::make_shared<ServedModel>(name, ReplicasOf(detectors));
  }
  ModelSet Both() const {
    return {.models = {{"first", Model("first", {detector_})}, {"second", Model("second", {other_})}},
            .default_model = "first"};
  }
  absl::Status Submit(const std::string& model, uint64_t seed = 1) {
    FrameRequest request = MakeRequest(seed);
    request.options.model = model;
    return pipeline_->Submit(std::move(request), results_.Add());
  }

  const std::shared_ptr<FakeDetector> other_ = std::make_shared<FakeDetector>();
};

TEST_F(ModelSetTest, AFrameGoesToTheModelItNamesOrToTheDefault) {
  ASSERT_TRUE(Submit("second").ok());
  EXPECT_EQ(results_.Wait(1)[0]->inspection.provenance.model, "second");
  ASSERT_TRUE(Submit("").ok());
  EXPECT_EQ(results_.Wait(2)[1]->inspection.provenance.model, "first");

  EXPECT_EQ(detector_->batches().size(), 1U);
  EXPECT_EQ(other_->batches().size(), 1U);
  EXPECT_EQ(pipeline_->model("second")->name(), "second");
  EXPECT_EQ(pipeline_->model()->name(), "first");
  EXPECT_EQ(pipeline_->model("third"), nullptr);
}

TEST_F(ModelSetTest, RefusesAnUnknownNameWithThoseThatThereAre) {
  const absl::Status refused = Submit("third");

  EXPECT_TRUE(absl::IsNotFound(refused));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("there are: first, second"));
  EXPECT_THAT(std::string(refused.message()), ::testing::Not(HasSubstr("third")));
}

TEST_F(ModelSetTest, ABatchHoldsFramesOfOneModelOnly) {
  detector_->Hold();
  ASSERT_TRUE(Submit("first", 0).ok());
  detector_->WaitForCalls(1);
  for (const uint64_t seed : {1U, 3U, 5U}) {
    ASSERT_TRUE(Submit("first", seed).ok());
    ASSERT_TRUE(Submit("second", seed + 1).ok());
  }
  ASSERT_TRUE(Eventually([&] { return observer_.waiting_for_model.load() == 6; }));
  detector_->Release();
  results_.Wait(7);

  EXPECT_THAT(detector_->batches(), ElementsAre(ElementsAre(0U), ElementsAre(1U, 3U, 5U)));
  EXPECT_THAT(other_->batches(), ElementsAre(ElementsAre(2U, 4U, 6U)));
}

TEST_F(ModelSetTest, FramesThatWereAcceptedEndOnTheModelThatWasReplaced) {
  detector_->Hold();
  for (uint64_t seed = 0; seed < 6; ++seed) ASSERT_TRUE(Submit("", seed).ok());
  detector_->WaitForCalls(1);

  pipeline_->SetModels({.models = {{"first", Model("first", {other_})}}, .default_model = "first"});
  ASSERT_TRUE(Submit("", 7).ok());
  detector_->Release();
  const std::vector<FrameResult> results = results_.Wait(7);

  for (const FrameResult& result : results) EXPECT_TRUE(result.ok()) << result.status();
  size_t on_the_old_one = 0;
  for (const auto& batch : detector_->batches()) on_the_old_one += batch.size();
  EXPECT_EQ(on_the_old_one, 6U);
  EXPECT_THAT(other_->batches(), ElementsAre(ElementsAre(7U)));
}

TEST_F(ModelSetTest, AReplacedModelIsGoneWithItsLastFrame) {
  auto model = Model("first", {detector_});
  const std::weak_ptr<ServedModel> watched = model;
  pipeline_->SetModels({.models = {{"first", std::move(model)}}, .default_model = "first"});
  detector_->Hold();
  ASSERT_TRUE(Submit("").ok());
  detector_->WaitForCalls(1);

  pipeline_->SetModels(Both());
  EXPECT_FALSE(watched.expired());
  detector_->Release();
  results_.Wait(1);
  pipeline_->Shutdown();

  EXPECT_TRUE(watched.expired());
}

TEST_F(ModelSetTest, AModelWithoutReplicasFailsAloneAndHealthyNamesIt) {
  other_->FailCalls(1000);
  other_->AllowRebuilds(0);
  ASSERT_TRUE(Submit("second").ok());
  EXPECT_EQ(ReasonOf(results_.Wait(1)[0].status()), ErrorReason::kNoReplica);

  EXPECT_TRUE(absl::IsUnavailable(Submit("second")));
  EXPECT_TRUE(Submit("first").ok());
  EXPECT_TRUE(results_.Wait(2)[1].ok());
  EXPECT_THAT(std::string(pipeline_->Healthy().message()), HasSubstr("every replica of the model \"second\" failed"));

  pipeline_->SetModels(OneModel({detector_}));
  EXPECT_TRUE(pipeline_->Healthy().ok());
}

TEST_F(ModelSetTest, FramesOfALostReplicaWaitForTheOneThatWorks) {
  MakeWith(2);
  const auto broken = std::make_shared<FakeDetector>();
  broken->FailCalls(1000);
  broken->AllowRebuilds(0);
  pipeline_->SetModels(OneModel({broken, detector_}));
  for (uint64_t seed = 0; seed < 20; ++seed) ASSERT_TRUE(Submit("", seed).ok());
  std::vector<absl::Status> statuses;
  for (const FrameResult& result : results_.Wait(20)) statuses.push_back(result.status());

  EXPECT_THAT(statuses, Each(absl::OkStatus()));
  EXPECT_TRUE(pipeline_->Healthy().ok());
}

}  // namespace
}  // namespace bayespfl::server
