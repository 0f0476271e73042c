// Requests of the Open Inference Protocol while models come and go.
#include "server/api/kserve_inference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/server/fake_detector.h"
#include "tests/server/kserve_requests.h"
#include "tests/server/pipeline_fixture.h"

namespace bayespfl::server {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

// One model, "fake", in the version "1" and later in the version "2".
class KserveInferenceTest : public PipelineTest {
 protected:
  void SetUp() override {
    PipelineOptions options;
    options.admit = [this](const std::string& client, size_t frames) {
      asked_.emplace_back(client, frames);
      return admit_;
    };
    Make(options);
    Serve(first_);
  }

  void Serve(const std::shared_ptr<FakeDetector>& detector) { pipeline_->SetModels(OneModel({detector})); }

  // Three pictures for this version, "" for any.
  absl::StatusOr<Inference> Prepare(const std::string& version) {
    auto request = std::make_shared<inference::ModelInferRequest>(MakePixelRequest({3, 2, 4, 3}));
    request->set_model_version(version);
    return PrepareInference({*pipeline_, statistics_}, request, {.name = "client"}, std::chrono::steady_clock::now(),
                            absl::InfiniteFuture());
  }

  absl::StatusOr<InferenceReply> Run(Inference inference) {
    auto answered = std::make_shared<std::promise<absl::StatusOr<InferenceReply>>>();
    std::future<absl::StatusOr<InferenceReply>> reply = answered->get_future();
    RunInference({*pipeline_, statistics_}, std::move(inference), std::make_shared<CancellationToken>(),
                 [answered](absl::StatusOr<InferenceReply> result) { answered->set_value(std::move(result)); });
    return reply.get();
  }

  const std::shared_ptr<FakeDetector> first_ = std::make_shared<FakeDetector>("1");
  const std::shared_ptr<FakeDetector> second_ = std::make_shared<FakeDetector>("2");
  KserveStatistics statistics_;
  std::vector<std::pair<std::string, size_t>> asked_;  // whether a client may send so many frames
  absl::Status admit_;                                 // the answer
};

TEST_F(KserveInferenceTest, TheVersionThatWasAskedForAnswersAlthoughItWasReplaced) {
  absl::StatusOr<Inference> inference = Prepare("1");
  ASSERT_TRUE(inference.ok()) << inference.status();
  Serve(second_);

  const absl::StatusOr<InferenceReply> reply = Run(*std::move(inference));

  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->message.model_version(), "1");
  EXPECT_EQ(first_->frames(), 3U);
  EXPECT_EQ(second_->frames(), 0U);
}

TEST_F(KserveInferenceTest, OneModelAnswersAllPicturesAlthoughItIsReplacedBetweenThem) {
  absl::StatusOr<Inference> inference = Prepare("");
  ASSERT_TRUE(inference.ok()) << inference.status();
  first_->on_validate = [this] { Serve(second_); };

  const absl::StatusOr<InferenceReply> reply = Run(*std::move(inference));

  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->message.model_version(), "1");
  ASSERT_EQ(reply->results.size(), 3U);
  for (const Inspection& result : reply->results) EXPECT_EQ(result.provenance.model_version, "1");
  EXPECT_EQ(first_->frames(), 3U);
}

TEST_F(KserveInferenceTest, TheModelThatWasFoundAnswersAlthoughItWasUnloaded) {
  absl::StatusOr<Inference> inference = Prepare("");
  ASSERT_TRUE(inference.ok()) << inference.status();
  pipeline_->SetModels({});

  const absl::StatusOr<InferenceReply> reply = Run(*std::move(inference));

  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->message.model_name(), "fake");
}

TEST_F(KserveInferenceTest, TheClientIsAskedForOnceForAllPicturesTogether) {
  absl::StatusOr<Inference> inference = Prepare("");
  ASSERT_TRUE(inference.ok()) << inference.status();

  ASSERT_TRUE(Run(*std::move(inference)).ok());

  EXPECT_THAT(asked_, ElementsAre(Pair("client", 3)));
}

TEST_F(KserveInferenceTest, WhatTheClientMayNotSendNowIsRefusedAsAWhole) {
  absl::StatusOr<Inference> inference = Prepare("");
  ASSERT_TRUE(inference.ok()) << inference.status();
  admit_ = absl::ResourceExhaustedError("too fast");

  const absl::Status refused = Run(*std::move(inference)).status();

  EXPECT_EQ(refused.message(), "too fast");
  EXPECT_EQ(RefusalOf(refused), Refusal::kClientLimit);
  EXPECT_EQ(first_->frames(), 0U);
}

TEST_F(KserveInferenceTest, ARequestThatIsAnsweredIsCountedWithItsPicturesAndTheModelsCalls) {
  absl::StatusOr<Inference> inference = Prepare("");
  ASSERT_TRUE(inference.ok()) << inference.status();
  const std::shared_ptr<const ServedModel> model = inference->frames.front().model;

  ASSERT_TRUE(Run(*std::move(inference)).ok());

  const inference::ModelStatistics statistics = statistics_.StatisticsOf(model);
  EXPECT_EQ(statistics.inference_stats().success().count(), 1U);
  EXPECT_EQ(statistics.inference_stats().fail().count(), 0U);
  EXPECT_EQ(statistics.inference_count(), 3U);
  EXPECT_EQ(statistics.execution_count(), first_->batches().size());
}

TEST_F(KserveInferenceTest, ARequestThatIsRefusedIsCountedAsFailed) {
  absl::StatusOr<Inference> inference = Prepare("");
  ASSERT_TRUE(inference.ok()) << inference.status();
  const std::shared_ptr<const ServedModel> model = inference->frames.front().model;
  admit_ = absl::ResourceExhaustedError("too fast");

  ASSERT_FALSE(Run(*std::move(inference)).ok());

  EXPECT_EQ(statistics_.StatisticsOf(model).inference_stats().fail().count(), 1U);
  EXPECT_EQ(statistics_.StatisticsOf(model).inference_count(), 0U);
}

TEST_F(KserveInferenceTest, ARequestThatIsReadBeforeADrainIsRefusedAfterIt) {
  absl::StatusOr<Inference> inference = Prepare("");
  ASSERT_TRUE(inference.ok()) << inference.status();
  pipeline_->Drain();

  const absl::StatusOr<InferenceReply> reply = Run(*std::move(inference));

  EXPECT_TRUE(absl::IsUnavailable(reply.status())) << reply.status();
  EXPECT_EQ(RefusalOf(reply.status()), Refusal::kDraining);
}

TEST_F(KserveInferenceTest, AModelThatLostItsReplicasMeanwhileRefuses) {
  absl::StatusOr<Inference> inference = Prepare("");
  ASSERT_TRUE(inference.ok()) << inference.status();
  const auto fails = [](const Detector& /*detector*/) { return absl::InternalError("the device is gone"); };
  ASSERT_FALSE(inference->frames.front().model->replica(0).Rebuild(fails).ok());

  const absl::StatusOr<InferenceReply> reply = Run(*std::move(inference));

  EXPECT_TRUE(absl::IsUnavailable(reply.status())) << reply.status();
  EXPECT_EQ(RefusalOf(reply.status()), Refusal::kNoReplica);
  EXPECT_EQ(first_->frames(), 0U);
}

}  // namespace
}  // namespace bayespfl::server
