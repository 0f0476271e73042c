#include "server/api/kserve_translate.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/server/fake_detector.h"
#include "tests/server/kserve_translation.h"

namespace bayespfl::server {
namespace {

using inference::ModelInferRequest;
using inference::ModelInferResponse;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// ---- requests ------------------------------------------------------------------------------------------------------

TEST(KserveTranslateTest, CategoriesAreTakenWithoutTheWhiteSpaceAroundThem) {
  const absl::StatusOr<Inference> inference = Translate(MakeKserveRequest({"one"}, {" PCB-4711  rev C\n"}));

  ASSERT_TRUE(inference.ok()) << inference.status();
  EXPECT_EQ(inference->frames[0].options.category.category, "PCB-4711  rev C");
}

TEST(KserveTranslateTest, RejectsALongId) {
  ModelInferRequest request = MakeKserveRequest({"one"});
  request.set_id(std::string(129, 'a'));

  ExpectInvalid(request, "id has 129 bytes; at most 128");
}

TEST(KserveTranslateTest, RejectsMorePicturesThanMayBeInside) {
  ExpectInvalid(MakeKserveRequest(std::vector<std::string>(9, "x")),
                "has 9 elements by its shape; expected 1 to 8: max_frames_in_flight = 8");
  ExpectInvalid(MakePixelRequest({9, 1, 1, 3}),
                "input image has 9 pictures; expected 1 to 8: max_frames_in_flight = 8");
}

TEST(KserveTranslateTest, LowPriorityMayHaveThreeQuartersOfThem) {
  ModelInferRequest request = MakeKserveRequest(std::vector<std::string>(7, "x"));
  (*request.mutable_parameters())["priority"].set_string_param("low");
  ExpectInvalid(request, "expected 1 to 6: max_frames_in_flight = 8 (low priority: three quarters)");
  (*request.mutable_parameters())["priority"].set_string_param("normal");
  EXPECT_TRUE(Translate(request).ok());
}

TEST(KserveTranslateTest, SeveralEncodedPicturesHaveMapsOfTheModelsSize) {
  const absl::StatusOr<Inference> one = Translate(MakeKserveRequest({"a"}));
  const absl::StatusOr<Inference> several = Translate(MakeKserveRequest({"a", "b"}));
  const absl::StatusOr<Inference> pixels = Translate(MakePixelRequest({2, 4, 4, 3}));

  EXPECT_EQ(one->frames[0].options.resolution, MapSize::kFrame);
  EXPECT_EQ(several->frames[0].options.resolution, MapSize::kModel);
  EXPECT_EQ(pixels->frames[0].options.resolution, MapSize::kFrame);
}

// ---- outputs -------------------------------------------------------------------------------------------------------

TEST(KserveTranslateTest, WithoutWantedOutputsThereAreNoMaps) {
  const absl::StatusOr<Inference> inference = Translate(MakeKserveRequest({"one"}));

  ASSERT_TRUE(inference.ok()) << inference.status();
  EXPECT_THAT(inference->outputs, ElementsAre(KserveOutput::kScore, KserveOutput::kScoreStd, KserveOutput::kMapScore,
                                              KserveOutput::kSeed, KserveOutput::kVerdict));
}

TEST(KserveTranslateTest, WantedMapsAreComputed) {
  ModelInferRequest request = MakeKserveRequest({"one"});
  WantOutputs(request, {"mask", "score", "anomaly_map"});

  const absl::StatusOr<Inference> inference = Translate(request);

  ASSERT_TRUE(inference.ok()) << inference.status();
  EXPECT_THAT(inference->outputs, ElementsAre(KserveOutput::kMask, KserveOutput::kScore, KserveOutput::kAnomalyMap));
  EXPECT_EQ(inference->frames[0].options.anomaly_map, MapEncoding::kFloat32);
  EXPECT_EQ(inference->frames[0].options.mask, MaskEncoding::kUint8);
}

TEST(KserveTranslateTest, RejectsBadOutputs) {
  ModelInferRequest request = MakeKserveRequest({"one"});
  WantOutputs(request, {"score", "7seven"});
  ExpectInvalid(request, "outputs[1] is none of score, ");
  request.mutable_outputs(1)->set_name("text_score");  // the score's other name, of old
  ExpectInvalid(request, "outputs[1] is none of score, ");
  request.mutable_outputs(1)->set_name("score");
  ExpectInvalid(request, "output score is wanted twice");
  request.mutable_outputs(1)->set_name("mask");
  (*request.mutable_outputs(1)->mutable_parameters())["classification"].set_int64_param(3);
  ExpectInvalid(request, "output mask has parameters");
}

InspectionOutcome MakeOutcome(float score, int width = 2, int height = 1) {
  InspectionOutcome outcome;
  outcome.inspection.score = score;
  outcome.inspection.score_std = 0.125F;
  outcome.inspection.map_score = 0.25F;
  outcome.inspection.provenance.seed = 258;
  outcome.inspection.provenance.model = "fake";
  outcome.inspection.provenance.model_version = "1.0+abc";
  outcome.anomaly_map = EncodedMap{.encoding = MapEncoding::kFloat32, .width = width, .height = height, .data = {}};
  outcome.anomaly_map->data.assign(static_cast<size_t>(width) * static_cast<size_t>(height) * 4, 'm');
  outcome.mask = EncodedMask{.encoding = MaskEncoding::kUint8, .width = width, .height = height, .data = {}};
  outcome.mask->data.assign(static_cast<size_t>(width) * static_cast<size_t>(height), '\xFF');
  return outcome;
}

TEST(KserveTranslateTest, AnswersInRawLittleEndianContents) {
  const absl::StatusOr<ModelInferResponse> reply =
      ReplyToProto("id 7", {KserveOutput::kSeed, KserveOutput::kScore}, {MakeOutcome(0.5F), MakeOutcome(1.0F)});

  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->model_name(), "fake");
  EXPECT_EQ(reply->model_version(), "1.0+abc");
  EXPECT_EQ(reply->id(), "id 7");
  ASSERT_EQ(reply->outputs_size(), 2);
  EXPECT_EQ(reply->outputs(0).name(), "seed");
  EXPECT_EQ(reply->outputs(0).datatype(), "UINT64");
  EXPECT_THAT(reply->outputs(0).shape(), ElementsAre(2));
  EXPECT_FALSE(reply->outputs(0).has_contents());
  EXPECT_EQ(reply->raw_output_contents(0), std::string("\2\1\0\0\0\0\0\0\2\1\0\0\0\0\0\0", 16));
  EXPECT_EQ(reply->outputs(1).name(), "score");
  EXPECT_EQ(reply->raw_output_contents(1), std::string("\0\0\0\x3F\0\0\x80\x3F", 8));
}

TEST(KserveTranslateTest, WarningsAreAParameterThatNamesTheirPictures) {
  std::vector<InspectionOutcome> outcomes = {MakeOutcome(0.5F), MakeOutcome(0.5F), MakeOutcome(0.5F)};
  outcomes[0].inspection.warnings = {{.reason = kShallowSamples, .message = "dark"}};
  outcomes[2].inspection.warnings = {{.reason = kShallowSamples, .message = "too dark"}};

  const absl::StatusOr<ModelInferResponse> warned = ReplyToProto("", {KserveOutput::kScore}, std::move(outcomes));
  const absl::StatusOr<ModelInferResponse> good = ReplyToProto("", {KserveOutput::kScore}, {MakeOutcome(0.5F)});

  EXPECT_EQ(warned->parameters().at("warnings").string_param(),
            "image[0]: SHALLOW_SAMPLES: dark\nimage[2]: SHALLOW_SAMPLES: too dark");
  EXPECT_TRUE(good->parameters().empty());
}

TEST(KserveTranslateTest, ScoresAreFloatsOfTheirOwn) {
  const absl::StatusOr<ModelInferResponse> reply =
      ReplyToProto("", {KserveOutput::kScoreStd, KserveOutput::kMapScore}, {MakeOutcome(0.5F)});

  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->outputs(0).name(), "score_std");
  EXPECT_EQ(reply->raw_output_contents(0), std::string("\0\0\0\x3E", 4));
  EXPECT_EQ(reply->outputs(1).name(), "map_score");
  EXPECT_EQ(reply->raw_output_contents(1), std::string("\0\0\x80\x3E", 4));
}

TEST(KserveTranslateTest, VerdictsAreTextsEachWithItsLength) {
  std::vector<InspectionOutcome> outcomes;
  for (const Verdict verdict : {Verdict::kPass, Verdict::kReview, Verdict::kFail, Verdict::kNone}) {
    outcomes.push_back(MakeOutcome(0.5F));
    outcomes.back().inspection.decision.verdict = verdict;
  }

  const absl::StatusOr<ModelInferResponse> reply = ReplyToProto("", {KserveOutput::kVerdict}, std::move(outcomes));

  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->outputs(0).name(), "verdict");
  EXPECT_EQ(reply->outputs(0).datatype(), "BYTES");
  EXPECT_THAT(reply->outputs(0).shape(), ElementsAre(4));
  EXPECT_EQ(reply->raw_output_contents(0), PackBytes({"PASS", "REVIEW", "FAIL", "NONE"}));
}

TEST(KserveTranslateTest, MapsOfAllPicturesFollowEachOther) {
  const absl::StatusOr<ModelInferResponse> reply = ReplyToProto("", {KserveOutput::kAnomalyMap, KserveOutput::kMask},
                                                                {MakeOutcome(0.5F, 3, 2), MakeOutcome(1.0F, 3, 2)});

  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_THAT(reply->outputs(0).shape(), ElementsAre(2, 2, 3));
  EXPECT_EQ(reply->raw_output_contents(0), std::string(48, 'm'));
  EXPECT_EQ(reply->outputs(1).datatype(), "UINT8");
  EXPECT_EQ(reply->raw_output_contents(1), std::string(12, '\xFF'));
}

TEST(KserveTranslateTest, RejectsMapsOfSeveralSizes) {
  const absl::StatusOr<ModelInferResponse> reply = ReplyToProto(
      "", {KserveOutput::kMask}, {MakeOutcome(0.5F, 3, 2), MakeOutcome(1.0F, 3, 2), MakeOutcome(1.0F, 2, 3)});

  EXPECT_EQ(reply.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(reply.status().message()),
              HasSubstr("image[0] has 3 x 2 pixels and image[2] 2 x 3; leave resolution out"));
}

TEST(KserveTranslateTest, AMapThatIsMissingIsInternal) {
  InspectionOutcome outcome = MakeOutcome(0.5F);
  outcome.mask.reset();

  EXPECT_EQ(ReplyToProto("", {KserveOutput::kMask}, {outcome}).status().code(), absl::StatusCode::kInternal);
}

ServedModel Model() { return ServedModel("fake", ReplicasOf({std::make_shared<FakeDetector>()})); }

// ---- the model -----------------------------------------------------------------------------------------------------

TEST(KserveTranslateTest, KnowsItsModelWithAndWithoutItsVersion) {
  EXPECT_TRUE(CheckVersion(Model(), "").ok());
  EXPECT_TRUE(CheckVersion(Model(), "1.0+0123456789ab").ok());
}

TEST(KserveTranslateTest, AnotherVersionIsNotFoundAndNotRepeated) {
  const absl::Status status = CheckVersion(Model(), "7seven");

  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("1.0+0123456789ab is loaded"), Not(HasSubstr("7seven"))));
}

}  // namespace
}  // namespace bayespfl::server
