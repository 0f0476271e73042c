// Inputs of the Open Inference Protocol, up to the frames that are made of them.
#include "server/api/kserve_tensor.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <variant>

#include "tests/server/kserve_translation.h"

namespace bayespfl::server {
namespace {

using inference::ModelInferRequest;
using ::testing::ElementsAre;

absl::Span<const uint8_t> EncodedOf(const FrameRequest& frame) {
  return std::get<EncodedImage>(frame.image.pixels).data;
}

const RawImage& RawOf(const FrameRequest& frame) { return std::get<RawImage>(frame.image.pixels); }

TEST(KserveTensorTest, TakesEncodedPicturesFromRawContents) {
  const absl::StatusOr<Inference> inference = Translate(MakeKserveRequest({"one", "three"}, {"nut", "bolt"}));

  ASSERT_TRUE(inference.ok()) << inference.status();
  ASSERT_EQ(inference->frames.size(), 2U);
  EXPECT_THAT(EncodedOf(inference->frames[0]), ElementsAre('o', 'n', 'e'));
  EXPECT_EQ(EncodedOf(inference->frames[1]).size(), 5U);
  EXPECT_EQ(inference->frames[0].options.category.category, "nut");
  EXPECT_EQ(inference->frames[1].options.category.category, "bolt");
}

TEST(KserveTensorTest, TakesEncodedPicturesFromTypedContents) {
  ModelInferRequest request;
  AddInput(request, "category", "BYTES", {1}).mutable_contents()->add_bytes_contents("nut");
  AddInput(request, "image", "BYTES", {1}).mutable_contents()->add_bytes_contents("one");

  const absl::StatusOr<Inference> inference = Translate(request);

  ASSERT_TRUE(inference.ok()) << inference.status();
  ASSERT_EQ(inference->frames.size(), 1U);
  EXPECT_THAT(EncodedOf(inference->frames[0]), ElementsAre('o', 'n', 'e'));
  EXPECT_EQ(inference->frames[0].options.category.category, "nut");
}

TEST(KserveTensorTest, OneCategoryServesAllPictures) {
  const absl::StatusOr<Inference> inference = Translate(MakeKserveRequest({"a", "b", "c"}, {"nut"}));

  ASSERT_TRUE(inference.ok()) << inference.status();
  for (const FrameRequest& frame : inference->frames) EXPECT_EQ(frame.options.category.category, "nut");
}

TEST(KserveTensorTest, TakesOnePictureOfPixels) {
  const absl::StatusOr<Inference> inference = Translate(MakePixelRequest({4, 5, 3}));

  ASSERT_TRUE(inference.ok()) << inference.status();
  ASSERT_EQ(inference->frames.size(), 1U);
  const RawImage& raw = RawOf(inference->frames[0]);
  EXPECT_EQ(raw.height, 4);
  EXPECT_EQ(raw.width, 5);
  EXPECT_EQ(raw.format, PixelFormat::kRGB8);
  EXPECT_EQ(raw.data.size(), 60U);
}

TEST(KserveTensorTest, EachPictureOfABatchOfPixelsHasItsOwnBytes) {
  ModelInferRequest request = MakePixelRequest({2, 1, 2, 3});
  *request.mutable_raw_input_contents(0) = "abcdefABCDEF";

  const absl::StatusOr<Inference> inference = Translate(request);

  ASSERT_TRUE(inference.ok()) << inference.status();
  ASSERT_EQ(inference->frames.size(), 2U);
  EXPECT_THAT(RawOf(inference->frames[0]).data, ElementsAre('a', 'b', 'c', 'd', 'e', 'f'));
  EXPECT_THAT(RawOf(inference->frames[1]).data, ElementsAre('A', 'B', 'C', 'D', 'E', 'F'));
}

TEST(KserveTensorTest, TypedPixelsOutliveTheRequest) {
  ModelInferRequest request;
  auto& image = AddInput(request, "image", "UINT8", {1, 1, 3});
  for (const uint32_t value : {0U, 128U, 255U}) image.mutable_contents()->add_uint_contents(value);
  AddInput(request, "category", "BYTES", {1}).mutable_contents()->add_bytes_contents("nut");

  const absl::StatusOr<Inference> inference = Translate(std::move(request));

  ASSERT_TRUE(inference.ok()) << inference.status();
  EXPECT_THAT(RawOf(inference->frames[0]).data, ElementsAre(0, 128, 255));
  EXPECT_NE(inference->frames[0].owner, nullptr);
}

TEST(KserveTensorTest, RejectsTypedPixelsAbove255) {
  ModelInferRequest request;
  auto& image = AddInput(request, "image", "UINT8", {1, 1, 3});
  for (const uint32_t value : {0U, 256U, 255U}) image.mutable_contents()->add_uint_contents(value);
  AddInput(request, "category", "BYTES", {1}).mutable_contents()->add_bytes_contents("nut");

  ExpectInvalid(request, "input image has the element 256");
}

TEST(KserveTensorTest, RejectsMissingRepeatedAndUnknownInputs) {
  ModelInferRequest request;
  ExpectInvalid(request, "input image is not given");
  AddInput(request, "image", "BYTES", {1}).mutable_contents()->add_bytes_contents("one");
  ExpectInvalid(request, "input category is not given");
  AddInput(request, "image", "BYTES", {1});
  ExpectInvalid(request, "input image is given twice");
  request.mutable_inputs(1)->set_name("secret\nname");
  ExpectInvalid(request, "inputs[1] is neither image nor category");
}

TEST(KserveTensorTest, RejectsTensorParameters) {
  ModelInferRequest request = MakeKserveRequest({"one"});
  (*request.mutable_inputs(0)->mutable_parameters())["shared_memory_region"].set_string_param("x");

  ExpectInvalid(request, "input image has parameters");
}

TEST(KserveTensorTest, RejectsOtherDatatypesWithoutRepeatingThem) {
  ModelInferRequest request = MakeKserveRequest({"one"});
  request.mutable_inputs(0)->set_datatype("FP32\n");
  ExpectInvalid(request, "input image.datatype is neither BYTES (encoded) nor UINT8 (RGB)");
  request = MakeKserveRequest({"one"});
  request.mutable_inputs(1)->set_datatype("UINT8");
  ExpectInvalid(request, "input category.datatype is not BYTES");
}

TEST(KserveTensorTest, RejectsWrongRanks) {
  ModelInferRequest request = MakeKserveRequest({"one"});
  request.mutable_inputs(0)->add_shape(1);
  ExpectInvalid(request, "input image of BYTES has 2 dimensions; expected [N]");
  ExpectInvalid(MakePixelRequest({4, 3}), "input image of UINT8 has 2 dimensions");
  ExpectInvalid(MakePixelRequest({1, 1, 4, 4, 3}), "has 5 dimensions");
}

TEST(KserveTensorTest, RejectsPixelsThatAreNotRgb) {
  ExpectInvalid(MakePixelRequest({4, 4, 4}), "input image of UINT8 has 4 channels");
  ExpectInvalid(MakePixelRequest({3, 4, 4}), "has 4 channels; expected 3, RGB, last");
}

TEST(KserveTensorTest, RejectsSidesBelowOne) {
  ModelInferRequest request = MakePixelRequest({4, 4, 3});
  request.mutable_inputs(0)->set_shape(0, 0);
  ExpectInvalid(request, "input image.shape has a side of 0");
  request.mutable_inputs(0)->set_shape(0, -4);
  ExpectInvalid(request, "input image.shape has a side of -4");
  request.mutable_inputs(1)->set_shape(0, 0);
  request.mutable_inputs(0)->set_shape(0, 4);
  ExpectInvalid(request, "input category has 0 elements by its shape");
}

TEST(KserveTensorTest, RejectsShapesWhoseProductOverflows) {
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

TEST(KserveTensorTest, RejectsTooFewAndTooManyPixels) {
  ModelInferRequest request = MakePixelRequest({4, 4, 3});
  request.mutable_raw_input_contents(0)->push_back('x');
  ExpectInvalid(request, "input image has 49 elements; its shape has 48");
  request.mutable_raw_input_contents(0)->resize(47);
  ExpectInvalid(request, "input image has 47 elements, fewer than its shape");
}

TEST(KserveTensorTest, RejectsTruncatedBytes) {
  for (size_t size = 0; size < PackBytes({"one", "three"}).size(); ++size) {
    ModelInferRequest request = MakeKserveRequest({"one", "three"});
    request.mutable_raw_input_contents(0)->resize(size);
    ExpectInvalid(request, "input image: ");
  }
}

TEST(KserveTensorTest, RejectsALengthBeyondTheEnd) {
  ModelInferRequest request = MakeKserveRequest({"one"});
  (*request.mutable_raw_input_contents(0))[3] = '\xFF';

  ExpectInvalid(request, "element 0 has 4278190083 bytes by its length, but 3 are left");
}

TEST(KserveTensorTest, RejectsBytesAfterTheLastElement) {
  ModelInferRequest request = MakeKserveRequest({"one", "three"});
  request.mutable_inputs(0)->set_shape(0, 1);

  ExpectInvalid(request, "9 bytes follow element 0, the last of its shape");
}

TEST(KserveTensorTest, RejectsTypedContentsOfAnotherLength) {
  ModelInferRequest request;
  AddInput(request, "image", "BYTES", {2}).mutable_contents()->add_bytes_contents("one");
  AddInput(request, "category", "BYTES", {1}).mutable_contents()->add_bytes_contents("nut");

  ExpectInvalid(request, "input image has 1 elements in bytes_contents; its shape has 2");
}

TEST(KserveTensorTest, RejectsRawAndTypedContentsTogether) {
  ModelInferRequest request = MakeKserveRequest({"one"});
  request.mutable_inputs(0)->mutable_contents()->add_bytes_contents("one");
  ExpectInvalid(request, "input image has contents besides raw_input_contents");
  request = MakeKserveRequest({"one"});
  request.mutable_raw_input_contents()->RemoveLast();
  ExpectInvalid(request, "raw_input_contents has 1 entries for 2 inputs");
}

TEST(KserveTensorTest, RejectsEmptyPicturesAndBadCategories) {
  ExpectInvalid(MakeKserveRequest({"one", ""}), "input image: element 1 is empty");
  ExpectInvalid(MakeKserveRequest({"one"}, {""}), "input category: element 0 is empty");
  ExpectInvalid(MakeKserveRequest({"one", "two"}, {"nut", " \t"}), "input category: element 1 is empty");
  ExpectInvalid(MakeKserveRequest({"one"}, {std::string(257, 'a')}), "input category: element 0 has 257 bytes");
  ExpectInvalid(MakeKserveRequest({"one"}, {"\xFF"}), "input category: element 0 is not valid UTF-8");
}

TEST(KserveTensorTest, RejectsCategoriesThatAreNeitherOneNorOneForEach) {
  ExpectInvalid(MakeKserveRequest({"a", "b", "c"}, {"nut", "bolt"}), "2 elements for 3 pictures");
  ExpectInvalid(MakeKserveRequest({"a"}, {"nut", "bolt"}), "2 elements for 1 pictures");
}

}  // namespace
}  // namespace bayespfl::server
