// Detector::Detect from picture file to score and map, against tests/parity/reference/detection.py, which computes the
// same with none of this project's code: decoding, resize, tokens, noise of a seed, network, smoothing, scores.

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "model/detection/detector.h"
#include "model/image/decode.h"
#include "nlohmann/json.hpp"
#include "tests/support/demo_model.h"
#include "tests/support/paths.h"
#include "tests/support/safetensors_fixture.h"
#include "tests/support/test_device.h"

namespace bayespfl {
namespace {

constexpr double kTolerance = 1e-5;  // the reference computes in double precision

struct Case {
  nlohmann::json golden;
  RgbImage picture;
  Frame frame() const {
    return {.image = &picture,
            .object = golden["object"],
            .seed = golden["seed"],
            .samples = golden["samples"],
            .map_deviation = true};
  }
};

std::vector<Case> Cases() {
  const std::vector<uint8_t> text = testing::ReadFileBytes(testing::TestData("embedded/detections.json"));
  std::vector<Case> cases;
  for (const nlohmann::json& golden : nlohmann::json::parse(text)) {
    absl::StatusOr<RgbImage> picture =
        DecodeImage(testing::ReadFileBytes(testing::Asset("demo/images/" + golden["picture"].get<std::string>())));
    EXPECT_TRUE(picture.ok()) << picture.status();
    cases.push_back({golden, *std::move(picture)});
  }
  return cases;
}

void ExpectMap(const PixelMap& map, const nlohmann::json& golden, int side, int step) {
  ASSERT_EQ(map.width, side);
  ASSERT_EQ(map.height, side);
  size_t next = 0;
  for (int y = 0; y < side; y += step) {
    for (int x = 0; x < side; x += step) {
      ASSERT_NEAR(map.values[static_cast<size_t>(y * side + x)], golden.at(next++).get<double>(), kTolerance)
          << x << ", " << y;
    }
  }
  ASSERT_EQ(next, golden.size());
}

void ExpectDetection(const absl::StatusOr<Detection>& detection, const nlohmann::json& golden) {
  SCOPED_TRACE(golden["picture"].get<std::string>());
  ASSERT_TRUE(detection.ok()) << detection.status();
  EXPECT_NEAR(detection->score, golden["score"].get<double>(), kTolerance);
  EXPECT_NEAR(detection->score_std, golden["score_std"].get<double>(), kTolerance);
  EXPECT_NEAR(detection->map_score, golden["map_score"].get<double>(), kTolerance);
  ExpectMap(detection->map, golden["map"], golden["side"], golden["step"]);
  ExpectMap(detection->map_std, golden["map_std"], golden["side"], golden["step"]);
}

class DetectGoldenTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto detector = Detector::Create(testing::kDemoModel, {.device = testing::TestDevice()});
    ASSERT_TRUE(detector.ok()) << detector.status();
    detector_ = *std::move(detector);
    ASSERT_EQ(cases_.size(), 2U);
  }

  const std::vector<Case> cases_ = Cases();
  std::unique_ptr<Detector> detector_;
};

TEST_F(DetectGoldenTest, OnePictureAtATime) {
  for (const Case& each : cases_) {
    const Frame frame = each.frame();
    ExpectDetection(detector_->Detect({&frame, 1})[0], each.golden);
  }
}

TEST_F(DetectGoldenTest, InOneBatch) {
  const std::vector<Frame> frames = {cases_[1].frame(), cases_[0].frame()};
  const auto detections = detector_->Detect(frames);
  ASSERT_EQ(detections.size(), 2U);
  ExpectDetection(detections[0], cases_[1].golden);
  ExpectDetection(detections[1], cases_[0].golden);
}

}  // namespace
}  // namespace bayespfl
