#include "server/api/wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <vector>

#include "bayespfl/inspection/v1/inspection.pb.h"
#include "grpcpp/support/slice.h"
#include "inference/grpc_service.pb.h"

namespace bayespfl::server {
namespace {

using inference::ModelInferRequest;
using ::testing::HasSubstr;

constexpr auto kLimit = static_cast<size_t>(kMaxMessageFields);

// In slices of `slice` bytes, as the network may deliver them.
grpc::ByteBuffer BufferOf(const std::string& bytes, size_t slice = 4096) {
  std::vector<grpc::Slice> slices;
  for (size_t at = 0; at < bytes.size(); at += slice) slices.emplace_back(bytes.substr(at, slice));
  return {slices.data(), slices.size()};
}

template <typename Message>
absl::Status Parse(const std::string& bytes) {
  grpc::ByteBuffer buffer = BufferOf(bytes);
  Message message;
  return ParseMessage(buffer, message);
}

std::string Repeat(const std::string& part, size_t count) {
  std::string bytes;
  for (size_t i = 0; i < count; ++i) bytes += part;
  return bytes;
}

void ExpectTooMany(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("has more than 16384 fields"));
}

TEST(WireTest, ReadsAMessageInAnySlices) {
  ModelInferRequest sent;
  sent.set_id("7");
  sent.add_inputs()->mutable_contents()->add_bytes_contents(std::string(10'000, 'x'));
  sent.add_raw_input_contents(std::string(10'000, 'y'));
  for (const size_t slice : {1U, 7U, 100'000U}) {
    grpc::ByteBuffer buffer = BufferOf(sent.SerializeAsString(), slice);
    ModelInferRequest received;
    ASSERT_TRUE(ParseMessage(buffer, received).ok()) << slice;
    EXPECT_EQ(received.SerializeAsString(), sent.SerializeAsString()) << slice;
  }
}

TEST(WireTest, TellsAnEmptyMessageFromOneThatDidNotCome) {
  grpc::ByteBuffer nothing;
  ModelInferRequest received;

  EXPECT_TRUE(Parse<ModelInferRequest>("").ok());
  EXPECT_EQ(ParseMessage(nothing, received).code(), absl::StatusCode::kCancelled);
}

TEST(WireTest, TakesAsManyFieldsAsTheLimit) {
  EXPECT_TRUE(Parse<ModelInferRequest>(Repeat(std::string("\x2A\0", 2), kLimit)).ok());  // empty inputs
}

TEST(WireTest, RejectsMoreFieldsThanTheLimit) {
  ExpectTooMany(Parse<ModelInferRequest>(Repeat(std::string("\x2A\0", 2), kLimit + 1)));
}

TEST(WireTest, RejectsMoreFieldsThanTheLimitInsideItsParts) {
  ModelInferRequest request;
  for (size_t i = 0; i < kLimit; ++i) request.mutable_inputs()->Add();
  request.mutable_inputs(0)->mutable_contents()->add_bytes_contents("");
  ExpectTooMany(Parse<ModelInferRequest>(request.SerializeAsString()));

  request.Clear();
  for (size_t i = 0; i < kLimit; ++i) request.add_inputs()->mutable_contents();
  ExpectTooMany(Parse<ModelInferRequest>(request.SerializeAsString()));
}

TEST(WireTest, RejectsMoreUnknownFieldsThanTheLimit) {
  const std::string unknown = Repeat(std::string("\xF8\x3F\0", 3), kLimit + 1);  // field 1023, varint 0
  ExpectTooMany(Parse<inspection::v1::InspectRequest>(unknown));
}

template <typename Message>
void AddUnknownField(Message& message) {
  message.GetReflection()->MutableUnknownFields(&message)->AddLengthDelimited(1023, std::string(100'000, 'x'));
}

TEST(WireTest, DropsUnknownFieldsWhereverTheyLie) {
  inspection::v1::InspectStreamRequest frame;
  frame.mutable_frame()->mutable_metadata()->set_frame_id("7");
  ModelInferRequest inference;
  inference.add_inputs()->set_name("image");
  (*inference.mutable_parameters())["seed"].set_int64_param(7);
  const std::string known_frame = frame.SerializeAsString();
  const std::string known_inference = inference.SerializeAsString();
  AddUnknownField(frame);
  AddUnknownField(*frame.mutable_frame()->mutable_metadata());
  AddUnknownField(*inference.mutable_inputs(0));
  AddUnknownField((*inference.mutable_parameters())["seed"]);

  grpc::ByteBuffer frame_bytes = BufferOf(frame.SerializeAsString());
  grpc::ByteBuffer inference_bytes = BufferOf(inference.SerializeAsString());
  ASSERT_TRUE(ParseMessage(frame_bytes, frame).ok());
  ASSERT_TRUE(ParseMessage(inference_bytes, inference).ok());

  EXPECT_EQ(frame.SerializeAsString(), known_frame);
  EXPECT_EQ(inference.SerializeAsString(), known_inference);
}

TEST(WireTest, RejectsGroupsWhichWouldHideTheirFields) {
  ExpectTooMany(Parse<ModelInferRequest>(std::string("\xFB\x3F\xFC\x3F", 4)));  // field 1023, start and end
}

TEST(WireTest, LargeNumbersOfPackedElementsAreOneField) {
  ModelInferRequest request;
  auto& contents = *request.add_inputs()->mutable_contents();
  for (size_t i = 0; i < 2 * kLimit; ++i) contents.add_uint_contents(7);
  EXPECT_TRUE(Parse<ModelInferRequest>(request.SerializeAsString()).ok());
}

// One byte of the wire becomes eight.
TEST(WireTest, EachByteOfPackedWideNumbersIsAField) {
  ModelInferRequest shapes;
  ModelInferRequest signed_contents;
  ModelInferRequest unsigned_contents;
  shapes.add_inputs();
  for (size_t i = 0; i < kLimit; ++i) {
    shapes.mutable_inputs(0)->add_shape(1);
    if (i == 0) signed_contents.add_inputs();
    if (i == 0) unsigned_contents.add_inputs();
    signed_contents.mutable_inputs(0)->mutable_contents()->add_int64_contents(1);
    unsigned_contents.mutable_inputs(0)->mutable_contents()->add_uint64_contents(1);
  }

  ExpectTooMany(Parse<ModelInferRequest>(shapes.SerializeAsString()));
  ExpectTooMany(Parse<ModelInferRequest>(signed_contents.SerializeAsString()));
  ExpectTooMany(Parse<ModelInferRequest>(unsigned_contents.SerializeAsString()));
  shapes.mutable_inputs(0)->mutable_shape()->Truncate(static_cast<int>(kLimit) - 2);  // the input and its shape remain
  EXPECT_TRUE(Parse<ModelInferRequest>(shapes.SerializeAsString()).ok());
}

TEST(WireTest, RejectsDamagedMessages) {
  for (const std::string& damaged : {std::string("\x2A\x05", 2), std::string("\0", 1), std::string("\x0A\x01\xFF", 3),
                                     std::string("\x2A\xFF\xFF\xFF\xFF\x0F", 6), std::string("\x2C", 1)}) {
    const absl::Status status = Parse<ModelInferRequest>(damaged);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << damaged.size();
    EXPECT_THAT(std::string(status.message()), HasSubstr("is no valid inference.ModelInferRequest"));
  }
}

}  // namespace
}  // namespace bayespfl::server
