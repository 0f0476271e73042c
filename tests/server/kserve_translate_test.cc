#include "server/api/kserve_translate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/time/clock.h"
#include "tests/server/fake_executor.h"
#include "tests/server/kserve_requests.h"

namespace bayespfl::server {
namespace {

using inference::InferParameter;
using inference::ModelInferRequest;
using inference::ModelInferResponse;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kMaxFrames = 8;

absl::StatusOr<Inference> Translate(ModelInferRequest request, int max_frames = kMaxFrames) {
  return InferenceFromProto(std::make_shared<const ModelInferRequest>(std::move(request)), max_frames);
}

void ExpectInvalid(ModelInferRequest request, const std::string& part) {
  const absl::StatusOr<Inference> inference = Translate(std::move(request));
  EXPECT_EQ(inference.status().code(), absl::StatusCode::kInvalidArgument) << part;
  EXPECT_THAT(std::string(inference.status().message()), HasSubstr(part));
}

absl::Span<const uint8_t> EncodedOf(const FrameRequest& frame) {
  return std::get<EncodedImage>(frame.image.pixels).data;
}

const RawImage& RawOf(const FrameRequest& frame) { return std::get<RawImage>(frame.image.pixels); }

// ---- inputs --------------------------------------------------------------------------------------------------------

TEST(KserveTranslateTest, TakesEncodedPicturesFromRawContents) {
  const absl::StatusOr<Inference> inference = Translate(MakeKserveRequest({"one", "three"}, {"nut", "bolt"}));

  ASSERT_TRUE(inference.ok()) << inference.status();
  ASSERT_EQ(inference->frames.size(), 2U);
  EXPECT_THAT(EncodedOf(inference->frames[0]), ElementsAre('o', 'n', 'e'));
  EXPECT_EQ(EncodedOf(inference->frames[1]).size(), 5U);
  EXPECT_EQ(inference->frames[0].options.category, "nut");
  EXPECT_EQ(inference->frames[1].options.category, "bolt");
}

TEST(KserveTranslateTest, TakesEncodedPicturesFromTypedContents) {
  ModelInferRequest request;
  AddInput(request, "category", "BYTES", {1}).mutable_contents()->add_bytes_contents("nut");
  AddInput(request, "image", "BYTES", {1}).mutable_contents()->add_bytes_contents("one");

  const absl::StatusOr<Inference> inference = Translate(request);

  ASSERT_TRUE(inference.ok()) << inference.status();
  ASSERT_EQ(inference->frames.size(), 1U);
  EXPECT_THAT(EncodedOf(inference->frames[0]), ElementsAre('o', 'n', 'e'));
  EXPECT_EQ(inference->frames[0].options.category, "nut");
}

TEST(KserveTranslateTest, OneCategoryServesAllPictures) {
  const absl::StatusOr<Inference> inference = Translate(MakeKserveRequest({"a", "b", "c"}, {"nut"}));

  ASSERT_TRUE(inference.ok()) << inference.status();
  for (const FrameRequest& frame : inference->frames) EXPECT_EQ(frame.options.category, "nut");
}

TEST(KserveTranslateTest, TakesOnePictureOfPixels) {
  const absl::StatusOr<Inference> inference = Translate(MakePixelRequest({4, 5, 3}));

  ASSERT_TRUE(inference.ok()) << inference.status();
  ASSERT_EQ(inference->frames.size(), 1U);
  const RawImage& raw = RawOf(inference->frames[0]);
  EXPECT_EQ(raw.height, 4);
  EXPECT_EQ(raw.width, 5);
  EXPECT_EQ(raw.format, PixelFormat::kRGB8);
  EXPECT_EQ(raw.data.size(), 60U);
}

TEST(KserveTranslateTest, EachPictureOfABatchOfPixelsHasItsOwnBytes) {
  ModelInferRequest request = MakePixelRequest({2, 1, 2, 3});
  *request.mutable_raw_input_contents(0) = "abcdefABCDEF";

  const absl::StatusOr<Inference> inference = Translate(request);

  ASSERT_TRUE(inference.ok()) << inference.status();
  ASSERT_EQ(inference->frames.size(), 2U);
  EXPECT_THAT(RawOf(inference->frames[0]).data, ElementsAre('a', 'b', 'c', 'd', 'e', 'f'));
  EXPECT_THAT(RawOf(inference->frames[1]).data, ElementsAre('A', 'B', 'C', 'D', 'E', 'F'));
}

TEST(KserveTranslateTest, TypedPixelsOutliveTheRequest) {
  ModelInferRequest request;
  auto& image = AddInput(request, "image", "UINT8", {1, 1, 3});
  for (const uint32_t value : {0U, 128U, 255U}) image.mutable_contents()->add_uint_contents(value);
  AddInput(request, "category", "BYTES", {1}).mutable_contents()->add_bytes_contents("nut");

  const absl::StatusOr<Inference> inference = Translate(std::move(request));

  ASSERT_TRUE(inference.ok()) << inference.status();
  EXPECT_THAT(RawOf(inference->frames[0]).data, ElementsAre(0, 128, 255));
  EXPECT_NE(inference->frames[0].owner, nullptr);
}

TEST(KserveTranslateTest, RejectsTypedPixelsAbove255) {
  ModelInferRequest request;
  auto& image = AddInput(request, "image", "UINT8", {1, 1, 3});
  for (const uint32_t value : {0U, 256U, 255U}) image.mutable_contents()->add_uint_contents(value);
  AddInput(request, "category", "BYTES", {1}).mutable_contents()->add_bytes_contents("nut");

  ExpectInvalid(request, "input image has the element 256");
}

TEST(KserveTranslateTest, RejectsMissingRepeatedAndUnknownInputs) {
  ModelInferRequest request;
  ExpectInvalid(request, "input image is not given");
  AddInput(request, "image", "BYTES", {1}).mutable_contents()->add_bytes_contents("one");
  ExpectInvalid(request, "input category is not given");
  AddInput(request, "image", "BYTES", {1});
  ExpectInvalid(request, "input image is given twice");
  request.mutable_inputs(1)->set_name("secret\nname");
  ExpectInvalid(request, "inputs[1] is neither image nor category");
}

TEST(KserveTranslateTest, RejectsTensorParameters) {
  ModelInferRequest request = MakeKserveRequest({"one"});
  (*request.mutable_inputs(0)->mutable_parameters())["shared_memory_region"].set_string_param("x");

  ExpectInvalid(request, "input image has parameters");
}

TEST(KserveTranslateTest, RejectsOtherDatatypesWithoutRepeatingThem) {
  ModelInferRequest request = MakeKserveRequest({"one"});
  request.mutable_inputs(0)->set_datatype("FP32\n");
  ExpectInvalid(request, "input image.datatype is neither BYTES (encoded) nor UINT8 (RGB)");
  request = MakeKserveRequest({"one"});
  request.mutable_inputs(1)->set_datatype("UINT8");
  ExpectInvalid(request, "input category.datatype is not BYTES");
}

TEST(KserveTranslateTest, RejectsWrongRanks) {
  ModelInferRequest request = MakeKserveRequest({"one"});
  request.mutable_inputs(0)->add_shape(1);
  ExpectInvalid(request, "input image of BYTES has 2 dimensions; expected [N]");
  ExpectInvalid(MakePixelRequest({4, 3}), "input image of UINT8 has 2 dimensions");
  ExpectInvalid(MakePixelRequest({1, 1, 4, 4, 3}), "has 5 dimensions");
}

TEST(KserveTranslateTest, RejectsPixelsThatAreNotRgb) {
  ExpectInvalid(MakePixelRequest({4, 4, 4}), "input image of UINT8 has 4 channels");
  ExpectInvalid(MakePixelRequest({3, 4, 4}), "has 4 channels; expected 3, RGB, last");
}

TEST(KserveTranslateTest, RejectsSidesBelowOne) {
  ModelInferRequest request = MakePixelRequest({4, 4, 3});
  request.mutable_inputs(0)->set_shape(0, 0);
  ExpectInvalid(request, "input image.shape has a side of 0");
  request.mutable_inputs(0)->set_shape(0, -4);
  ExpectInvalid(request, "input image.shape has a side of -4");
  request.mutable_inputs(1)->set_shape(0, 0);
  request.mutable_inputs(0)->set_shape(0, 4);
  ExpectInvalid(request, "input category has 0 elements by its shape");
}

TEST(KserveTranslateTest, RejectsShapesWhoseProductOverflows) {
  ModelInferRequest request = MakePixelRequest({4, 4, 3});
  // 2^32 * 2^32 * 3 is 0 in 64 bits: no elements would seem to be right.
  request.mutable_inputs(0)->set_shape(0, int64_t{1} << 32);
  request.mutable_inputs(0)->set_shape(1, int64_t{1} << 32);
  ExpectInvalid(request, "has 48 elements, fewer than its shape");
  request.mutable_raw_input_contents(0)->clear();
  ExpectInvalid(request, "has 0 elements, fewer than its shape");
  request.mutable_inputs(0)->set_shape(0, std::numeric_limits<int64_t>::max());
  ExpectInvalid(request, "has 0 elements, fewer than its shape");
}

TEST(KserveTranslateTest, RejectsTooFewAndTooManyPixels) {
  ModelInferRequest request = MakePixelRequest({4, 4, 3});
  request.mutable_raw_input_contents(0)->push_back('x');
  ExpectInvalid(request, "input image has 49 elements; its shape has 48");
  request.mutable_raw_input_contents(0)->resize(47);
  ExpectInvalid(request, "input image has 47 elements, fewer than its shape");
}

TEST(KserveTranslateTest, RejectsTruncatedBytes) {
  for (size_t size = 0; size < PackBytes({"one", "three"}).size(); ++size) {
    ModelInferRequest request = MakeKserveRequest({"one", "three"});
    request.mutable_raw_input_contents(0)->resize(size);
    ExpectInvalid(request, "input image: ");
  }
}

TEST(KserveTranslateTest, RejectsALengthBeyondTheEnd) {
  ModelInferRequest request = MakeKserveRequest({"one"});
  (*request.mutable_raw_input_contents(0))[3] = '\xFF';

  ExpectInvalid(request, "element 0 has 4278190083 bytes by its length, but 3 are left");
}

TEST(KserveTranslateTest, RejectsBytesAfterTheLastElement) {
  ModelInferRequest request = MakeKserveRequest({"one", "three"});
  request.mutable_inputs(0)->set_shape(0, 1);

  ExpectInvalid(request, "9 bytes follow element 0, the last of its shape");
}

TEST(KserveTranslateTest, RejectsTypedContentsOfAnotherLength) {
  ModelInferRequest request;
  AddInput(request, "image", "BYTES", {2}).mutable_contents()->add_bytes_contents("one");
  AddInput(request, "category", "BYTES", {1}).mutable_contents()->add_bytes_contents("nut");

  ExpectInvalid(request, "input image has 1 elements in bytes_contents; its shape has 2");
}

TEST(KserveTranslateTest, RejectsRawAndTypedContentsTogether) {
  ModelInferRequest request = MakeKserveRequest({"one"});
  request.mutable_inputs(0)->mutable_contents()->add_bytes_contents("one");
  ExpectInvalid(request, "input image has contents besides raw_input_contents");
  request = MakeKserveRequest({"one"});
  request.mutable_raw_input_contents()->RemoveLast();
  ExpectInvalid(request, "raw_input_contents has 1 entries for 2 inputs");
}

TEST(KserveTranslateTest, RejectsEmptyPicturesAndBadCategories) {
  ExpectInvalid(MakeKserveRequest({"one", ""}), "input image: element 1 is empty");
  ExpectInvalid(MakeKserveRequest({"one"}, {""}), "input category: element 0 has 0 bytes; expected 1 to 256");
  ExpectInvalid(MakeKserveRequest({"one"}, {std::string(257, 'a')}), "input category: element 0 has 257 bytes");
  ExpectInvalid(MakeKserveRequest({"one"}, {"\xFF"}), "input category: element 0 is not valid UTF-8");
}

TEST(KserveTranslateTest, RejectsCategoriesThatAreNeitherOneNorOneForEach) {
  ExpectInvalid(MakeKserveRequest({"a", "b", "c"}, {"nut", "bolt"}), "2 elements for 3 pictures");
  ExpectInvalid(MakeKserveRequest({"a"}, {"nut", "bolt"}), "2 elements for 1 pictures");
}

TEST(KserveTranslateTest, RejectsMorePicturesThanMayBeInside) {
  ExpectInvalid(MakeKserveRequest(std::vector<std::string>(9, "x")), "has 9 elements by its shape; expected 1 to 8");
  ExpectInvalid(MakePixelRequest({9, 1, 1, 3}), "input image has 9 pictures; expected 1 to 8");
}

TEST(KserveTranslateTest, LowPriorityMayHaveThreeQuartersOfThem) {
  ModelInferRequest request = MakeKserveRequest(std::vector<std::string>(7, "x"));
  (*request.mutable_parameters())["priority"].set_string_param("low");
  ExpectInvalid(request, "has 7 elements by its shape; expected 1 to 6");
  (*request.mutable_parameters())["priority"].set_string_param("normal");
  EXPECT_TRUE(Translate(request).ok());
}

TEST(KserveTranslateTest, RejectsALongId) {
  ModelInferRequest request = MakeKserveRequest({"one"});
  request.set_id(std::string(129, 'a'));

  ExpectInvalid(request, "id has 129 bytes; at most 128");
}

// ---- parameters ----------------------------------------------------------------------------------------------------

TEST(KserveTranslateTest, AbsentParametersBecomeTheDefaults) {
  const absl::StatusOr<Inference> inference = Translate(MakeKserveRequest({"one"}));

  ASSERT_TRUE(inference.ok()) << inference.status();
  const FrameRequest& frame = inference->frames[0];
  EXPECT_EQ(frame.options.samples, 0);
  EXPECT_FALSE(frame.options.mask_threshold.has_value());
  EXPECT_EQ(frame.options.priority, Priority::kNormal);
  EXPECT_EQ(frame.options.anomaly_map, MapEncoding::kNone);
  EXPECT_EQ(frame.options.mask, MapEncoding::kNone);
  EXPECT_EQ(frame.deadline, absl::InfiniteFuture());
}

TEST(KserveTranslateTest, GivenParametersAreTaken) {
  ModelInferRequest request = MakeKserveRequest({"one", "two"});
  auto& parameters = *request.mutable_parameters();
  parameters["samples"].set_int64_param(64);
  parameters["seed"].set_uint64_param(std::numeric_limits<uint64_t>::max());
  parameters["mask_threshold"].set_double_param(0.25);
  parameters["resolution"].set_string_param("frame");
  parameters["priority"].set_string_param("high");
  parameters["timeout"].set_int64_param(3'600'000'000);
  const absl::Time before = absl::Now();

  const absl::StatusOr<Inference> inference = Translate(request);

  ASSERT_TRUE(inference.ok()) << inference.status();
  for (const FrameRequest& frame : inference->frames) {
    EXPECT_EQ(frame.options.samples, 64);
    EXPECT_EQ(frame.options.seed, std::numeric_limits<uint64_t>::max());
    EXPECT_EQ(frame.options.mask_threshold, 0.25F);
    EXPECT_EQ(frame.options.resolution, MapSize::kFrame);
    EXPECT_EQ(frame.options.priority, Priority::kHigh);
    EXPECT_GE(frame.deadline, before + absl::Hours(1));
    EXPECT_LE(frame.deadline, absl::Now() + absl::Hours(1));
  }
}

TEST(KserveTranslateTest, DrawsASeedThatClientsCanSendBackForEachPicture) {
  const absl::StatusOr<Inference> inference = Translate(MakeKserveRequest({"a", "b", "c", "d", "e", "f"}));

  ASSERT_TRUE(inference.ok()) << inference.status();
  for (const FrameRequest& frame : inference->frames) {
    EXPECT_LE(frame.options.seed, static_cast<uint64_t>(std::numeric_limits<int64_t>::max()));
  }
  EXPECT_NE(inference->frames[0].options.seed, inference->frames[1].options.seed);
}

TEST(KserveTranslateTest, PriorityByNumberIsTritons) {
  const std::vector<std::pair<uint64_t, Priority>> expected = {
      {0, Priority::kNormal}, {1, Priority::kHigh}, {2, Priority::kNormal}, {3, Priority::kLow}, {99, Priority::kLow}};
  for (const auto& [number, priority] : expected) {
    ModelInferRequest request = MakeKserveRequest({"one"});
    (*request.mutable_parameters())["priority"].set_uint64_param(number);
    const absl::StatusOr<Inference> inference = Translate(request);
    ASSERT_TRUE(inference.ok()) << inference.status();
    EXPECT_EQ(inference->frames[0].options.priority, priority) << number;
  }
}

struct BadParameter {
  const char* key;
  InferParameter value;
};

InferParameter Integer(int64_t value) {
  InferParameter parameter;
  parameter.set_int64_param(value);
  return parameter;
}
InferParameter Number(double value) {
  InferParameter parameter;
  parameter.set_double_param(value);
  return parameter;
}
InferParameter Text(const std::string& value) {
  InferParameter parameter;
  parameter.set_string_param(value);
  return parameter;
}

TEST(KserveTranslateTest, RejectsBadParametersByNameWithoutRepeatingThem) {
  const std::vector<BadParameter> cases = {{"samples", Integer(0)},
                                           {"samples", Integer(65)},
                                           {"samples", Number(3)},
                                           {"samples", InferParameter()},
                                           {"seed", Integer(-1)},
                                           {"seed", Text("7seven")},
                                           {"mask_threshold", Number(1.01)},
                                           {"mask_threshold", Number(-0.01)},
                                           {"mask_threshold", Number(std::nan(""))},
                                           {"mask_threshold", Integer(2)},
                                           {"resolution", Text("7seven")},
                                           {"resolution", Integer(1)},
                                           {"priority", Text("7seven")},
                                           {"priority", Integer(-1)},
                                           {"timeout", Integer(-1)},
                                           {"timeout", Text("7seven")}};
  for (const BadParameter& bad : cases) {
    ModelInferRequest request = MakeKserveRequest({"one"});
    (*request.mutable_parameters())[bad.key] = bad.value;
    const absl::StatusOr<Inference> inference = Translate(request);
    EXPECT_EQ(inference.status().code(), absl::StatusCode::kInvalidArgument) << bad.key;
    EXPECT_THAT(std::string(inference.status().message()),
                AllOf(HasSubstr("parameter " + std::string(bad.key) + ": expected"), Not(HasSubstr("7seven"))));
  }
}

TEST(KserveTranslateTest, RejectsAnUnknownParameterWithoutRepeatingIt) {
  ModelInferRequest request = MakeKserveRequest({"one"});
  (*request.mutable_parameters())["7seven"].set_bool_param(true);

  const absl::StatusOr<Inference> inference = Translate(request);

  EXPECT_THAT(std::string(inference.status().message()),
              AllOf(HasSubstr("a parameter that is not served"), Not(HasSubstr("7seven"))));
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
  EXPECT_THAT(inference->outputs, ElementsAre(KserveOutput::kScore, KserveOutput::kScoreStd, KserveOutput::kTextScore,
                                              KserveOutput::kMapScore, KserveOutput::kSeed));
}

TEST(KserveTranslateTest, WantedMapsAreComputed) {
  ModelInferRequest request = MakeKserveRequest({"one"});
  WantOutputs(request, {"mask", "score", "anomaly_map"});

  const absl::StatusOr<Inference> inference = Translate(request);

  ASSERT_TRUE(inference.ok()) << inference.status();
  EXPECT_THAT(inference->outputs, ElementsAre(KserveOutput::kMask, KserveOutput::kScore, KserveOutput::kAnomalyMap));
  EXPECT_EQ(inference->frames[0].options.anomaly_map, MapEncoding::kFloat32);
  EXPECT_EQ(inference->frames[0].options.mask, MapEncoding::kUint8);
}

TEST(KserveTranslateTest, RejectsBadOutputs) {
  ModelInferRequest request = MakeKserveRequest({"one"});
  WantOutputs(request, {"score", "7seven"});
  ExpectInvalid(request, "outputs[1] is none of score, ");
  request.mutable_outputs(1)->set_name("score");
  ExpectInvalid(request, "output score is wanted twice");
  request.mutable_outputs(1)->set_name("mask");
  (*request.mutable_outputs(1)->mutable_parameters())["classification"].set_int64_param(3);
  ExpectInvalid(request, "output mask has parameters");
}

InspectionOutcome MakeOutcome(float score, int width = 2, int height = 1) {
  InspectionOutcome outcome;
  outcome.score = score;
  outcome.score_std = 0.125F;
  outcome.seed = 258;
  outcome.model = std::string("fake");
  outcome.model_version = "1.0+abc";
  outcome.anomaly_map = EncodedMap{.encoding = MapEncoding::kFloat32, .width = width, .height = height, .data = {}};
  outcome.anomaly_map->data.assign(static_cast<size_t>(width) * static_cast<size_t>(height) * 4, 'm');
  outcome.mask = EncodedMap{.encoding = MapEncoding::kUint8, .width = width, .height = height, .data = {}};
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

ServedModel Model() { return ServedModel("fake", {std::make_shared<FakeExecutor>()}); }

// ---- the model -----------------------------------------------------------------------------------------------------

TEST(KserveTranslateTest, KnowsItsModelWithAndWithoutItsVersion) {
  EXPECT_TRUE(CheckVersion(Model(), "").ok());
  EXPECT_TRUE(CheckVersion(Model(), "1.0+0123456789ab").ok());
}

TEST(KserveTranslateTest, AnotherVersionIsNotFoundAndNotRepeated) {
  const absl::Status status = CheckVersion(Model(), "7seven");

  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("is loaded"), Not(HasSubstr("7seven"))));
}

TEST(KserveTranslateTest, MetadataDescribeEveryTensor) {
  const inference::ModelMetadataResponse metadata = MetadataToProto(Model());

  EXPECT_EQ(metadata.name(), "fake");
  EXPECT_THAT(metadata.versions(), ElementsAre("1.0+0123456789ab"));
  ASSERT_EQ(metadata.inputs_size(), 2);
  EXPECT_EQ(metadata.inputs(0).name(), "image");
  EXPECT_EQ(metadata.inputs(0).datatype(), "BYTES");
  EXPECT_THAT(metadata.inputs(0).shape(), ElementsAre(-1));
  std::vector<std::string> names;
  for (const auto& output : metadata.outputs()) names.push_back(output.name());
  EXPECT_THAT(names, ElementsAre("score", "score_std", "text_score", "map_score", "seed", "anomaly_map", "mask"));
  EXPECT_THAT(metadata.outputs(5).shape(), ElementsAre(-1, -1, -1));
}

}  // namespace
}  // namespace bayespfl::server
