// The forms in which pictures come over the Open Inference Protocol, over a real socket.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "tests/server/kserve_server_test.h"

namespace bayespfl::server {
namespace {

using inference::ModelInferRequest;
using inference::ModelInferResponse;
using ::testing::ElementsAre;

class KserveInputsTest : public KserveServerTest {
 protected:
  // Sends the request with the seed 42 and expects its score and one map of this size.
  void ExpectMap(ModelInferRequest request, int height, int width) {
    SetSeed(request, 42);
    WantOutputs(request, {"score", "anomaly_map"});
    ModelInferResponse response;
    const grpc::Status status = Infer(request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_THAT(OutputOf<float>(response, "score"), ElementsAre(0.42F));
    EXPECT_THAT(response.outputs(1).shape(), ElementsAre(1, height, width));
  }

  // A request whose category is typed, without a picture.
  static ModelInferRequest TypedRequest() {
    ModelInferRequest request;
    request.set_model_name("fake");
    AddInput(request, "category", "BYTES", {1}).mutable_contents()->add_bytes_contents("metal nut");
    return request;
  }
};

TEST_F(KserveInputsTest, OnePictureOfPixelsNeedsNoBatchAxis) { ExpectMap(MakePixelRequest({3, 5, 3}), 3, 5); }

TEST_F(KserveInputsTest, AnEncodedPictureMayBeTyped) {
  ModelInferRequest request = TypedRequest();
  AddInput(request, "image", "BYTES", {1}).mutable_contents()->add_bytes_contents(EncodePng(20, 10));

  ExpectMap(request, 10, 20);
}

TEST_F(KserveInputsTest, PixelsMayBeTyped) {
  ModelInferRequest request = TypedRequest();
  auto& image = AddInput(request, "image", "UINT8", {1, 2, 4, 3});
  for (uint32_t value = 0; value < 24; ++value) image.mutable_contents()->add_uint_contents(value);

  ExpectMap(request, 2, 4);
}

}  // namespace
}  // namespace bayespfl::server
