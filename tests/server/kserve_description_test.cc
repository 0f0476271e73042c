// What the Open Inference Protocol tells of models.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/api/kserve_models.h"
#include "tests/server/pipeline_fixture.h"

namespace bayespfl::server {
namespace {

using inference::RepositoryIndexResponse;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::Not;

ServedModel Model() { return ServedModel("fake", ReplicasOf({std::make_shared<FakeDetector>()})); }

TEST(KserveDescriptionTest, MetadataDescribeEveryTensor) {
  const inference::ModelMetadataResponse metadata = MetadataToProto(Model());

  EXPECT_EQ(metadata.name(), "fake");
  EXPECT_THAT(metadata.versions(), ElementsAre("1.0+0123456789ab"));
  ASSERT_EQ(metadata.inputs_size(), 2);
  EXPECT_EQ(metadata.inputs(0).name(), "image");
  EXPECT_EQ(metadata.inputs(0).datatype(), "BYTES");
  EXPECT_THAT(metadata.inputs(0).shape(), ElementsAre(-1));
  std::vector<std::string> names;
  for (const auto& output : metadata.outputs()) names.push_back(output.name());
  EXPECT_THAT(names, ElementsAre("score", "score_std", "map_score", "seed", "verdict", "anomaly_map", "mask"));
  EXPECT_EQ(metadata.outputs(4).datatype(), "BYTES");
  EXPECT_THAT(metadata.outputs(4).shape(), ElementsAre(-1));
  EXPECT_THAT(metadata.outputs(5).shape(), ElementsAre(-1, -1, -1));
}

TEST(KserveDescriptionTest, TheConfigurationHasTheTensorsOfTheMetadata) {
  const inference::ModelMetadataResponse metadata = MetadataToProto(Model());

  const inference::ModelConfig config = ConfigToProto(Model());

  EXPECT_EQ(config.name(), metadata.name());
  EXPECT_EQ(config.platform(), metadata.platform());
  EXPECT_EQ(config.backend(), "bayespfl");
  EXPECT_EQ(config.max_batch_size(), 0);
  ASSERT_EQ(config.input_size(), 2);
  EXPECT_EQ(config.input(1).name(), "category");
  EXPECT_EQ(config.input(1).data_type(), inference::TYPE_STRING);
  EXPECT_THAT(config.input(1).dims(), ElementsAre(-1));
  ASSERT_EQ(config.output_size(), metadata.outputs_size());
  for (int i = 0; i < config.output_size(); ++i) {
    EXPECT_EQ(config.output(i).name(), metadata.outputs(i).name());
    EXPECT_THAT(config.output(i).dims(), ElementsAreArray(metadata.outputs(i).shape()));
  }
  EXPECT_EQ(config.output(0).data_type(), inference::TYPE_FP32);
  EXPECT_EQ(config.output(3).data_type(), inference::TYPE_UINT64);
  EXPECT_EQ(config.output(4).data_type(), inference::TYPE_STRING);
  EXPECT_EQ(config.output(6).data_type(), inference::TYPE_UINT8);
}

class RepositoryIndexTest : public PipelineTest {
 protected:
  RepositoryIndexResponse Index(const ModelStatus& model, bool ready_only = false) const {
    return IndexToProto({model}, *pipeline_, ready_only);
  }

  const ModelStatus serving_{.name = "fake", .state = ModelState::kReady, .info = detector_->info()};
  const ModelStatus failed_{.name = "broken",
                            .state = ModelState::kFailed,
                            .last_load = absl::InvalidArgumentError("/srv/models/broken/config.json is damaged")};
};

TEST_F(RepositoryIndexTest, AModelThatServesIsReadyInItsVersion) {
  const RepositoryIndexResponse index = Index(serving_);

  ASSERT_EQ(index.models_size(), 1);
  EXPECT_EQ(index.models(0).name(), "fake");
  EXPECT_EQ(index.models(0).version(), detector_->info().version);
  EXPECT_EQ(index.models(0).state(), "READY");
  EXPECT_EQ(index.models(0).reason(), "");
}

TEST_F(RepositoryIndexTest, WhileItsNextVersionLoadsTheOneThatServesIsReady) {
  ModelStatus reloading = serving_;
  reloading.state = ModelState::kLoading;

  EXPECT_EQ(Index(reloading).models(0).state(), "READY");
}

TEST_F(RepositoryIndexTest, TheFirstOfItsNameIsLoading) {
  EXPECT_EQ(Index({.name = "new", .state = ModelState::kLoading}).models(0).state(), "LOADING");
}

TEST_F(RepositoryIndexTest, WhyAModelCouldNotBeLoadedIsToldWithoutTheServersPaths) {
  const RepositoryIndexResponse index = Index(failed_);

  EXPECT_EQ(index.models(0).state(), "UNAVAILABLE");
  EXPECT_THAT(index.models(0).reason(), HasSubstr("INVALID_ARGUMENT"));
  EXPECT_THAT(index.models(0).reason(), Not(HasSubstr("/srv")));
}

TEST_F(RepositoryIndexTest, AModelWhoseFramesAreRefusedIsUnavailable) {
  pipeline_->Drain();

  const RepositoryIndexResponse index = Index(serving_);

  EXPECT_EQ(index.models(0).state(), "UNAVAILABLE");
  EXPECT_NE(index.models(0).reason(), "");
}

TEST_F(RepositoryIndexTest, WhoAsksForReadyOnesGetsNoOthers) {
  EXPECT_EQ(Index(serving_, /*ready_only=*/true).models_size(), 1);
  EXPECT_EQ(Index(failed_, /*ready_only=*/true).models_size(), 0);
}

}  // namespace
}  // namespace bayespfl::server
