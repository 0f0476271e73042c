// The tools' way to an answer and the server's are one: for the same picture both say the same, to the bit.
#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/inspector/inspector.h"
#include "model/inspector/replay.h"
#include "model/verdict/comparison.h"
#include "tests/model/tools/calibrated_model.h"
#include "tests/server/service_fixture.h"
#include "tests/support/demo_model.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_device.h"

namespace bayespfl::server {
namespace {

using ::testing::IsEmpty;

absl::Span<const uint8_t> Bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// The same for both: what is fastest is found out by measurement, which may end either way.
constexpr const char* kKernels = "linear=torch attention=torch";

class LocalInspectionTest : public ServiceTest {
 protected:
  void SetUp() override {
    ServerConfig config = DefaultConfig();
    config.model = testing::kDemoModel;
    config.device = testing::TestDevice();
    config.kernels = kKernels;
    config.calibration = calibration_;
    config.result_log = folder_.File("results.jsonl");
    Start(config, nullptr);
    auto inspector = Inspector::Create(
        testing::kDemoModel, {.device = testing::TestDevice(), .calibration_file = calibration_, .kernels = kKernels},
        BAYESPFL_VERSION);
    ASSERT_TRUE(inspector.ok()) << inspector.status();
    inspector_ = *std::move(inspector);
  }

  // What the server answers, as its result log has it. Stops the server.
  absl::StatusOr<Inspection> Recorded(const v1::InspectRequest& request) {
    const grpc::Status status = Inspect(request, &response_);
    EXPECT_TRUE(status.ok()) << status.error_message();
    server_.reset();  // which writes the last lines
    std::ifstream log(folder_.File("results.jsonl"));
    return ReadRecordedResult(log, "results.jsonl", response_.provenance().result_id());
  }

  void ExpectEqual(const absl::StatusOr<Inspection>& recorded, const absl::StatusOr<InspectedPicture>& local) {
    ASSERT_TRUE(recorded.ok()) << recorded.status();
    ASSERT_TRUE(local.ok()) << local.status();
    const Comparison comparison = Compare(*recorded, local->inspection);
    EXPECT_EQ(comparison.agreement, Agreement::kEqual) << ReplayText(*recorded, comparison);
    EXPECT_THAT(comparison.conditions, IsEmpty());
    EXPECT_EQ(recorded->category, local->inspection.category);
    EXPECT_EQ(recorded->thresholds, local->inspection.thresholds);
    EXPECT_EQ(recorded->provenance.model_version, local->inspection.provenance.model_version);
  }

  const testing::TemporaryFolder folder_;
  const std::string calibration_ =
      folder_.Write("calibration.json", testing::DemoCalibration("belt 12", "leather", 0.5F));
  std::unique_ptr<Inspector> inspector_;
  v1::InspectResponse response_;
};

TEST_F(LocalInspectionTest, ACalibratedCategoryGetsTheServersAnswer) {
  const std::string picture = EncodePng(150, 90);
  v1::InspectRequest request;
  request.mutable_image()->set_encoded(picture);
  request.mutable_options()->set_category("belt 12");

  const auto recorded = Recorded(request);
  const auto local = inspector_->Inspect({.bytes = Bytes(picture)}, {.category = "belt 12"}, {});

  ExpectEqual(recorded, local);
  EXPECT_EQ(local->inspection.provenance.seed, 7U);
  EXPECT_NE(local->inspection.decision.verdict, Verdict::kNone);
}

TEST_F(LocalInspectionTest, OptionsOfTheRequestGetTheServersAnswer) {
  const std::string picture = EncodeJpeg(90, 150);
  v1::InspectRequest request;
  request.mutable_image()->set_encoded(picture);
  v1::InspectOptions& options = *request.mutable_options();
  options.set_category("lid 3");
  options.set_object("metal nut");
  options.set_samples(3);
  options.set_seed(42);
  options.set_mask_threshold(0.25F);
  options.mutable_regions()->set_max_regions(5);
  options.set_anomaly_map(v1::MAP_ENCODING_FLOAT32);
  options.set_resolution(v1::MAP_RESOLUTION_MODEL);

  const auto recorded = Recorded(request);
  const auto local = inspector_->Inspect({.bytes = Bytes(picture)},
                                         {.category = "lid 3", .object = "metal nut", .samples = 3, .seed = 42},
                                         {.mask_threshold = 0.25F, .want_regions = true, .max_regions = 5});

  ExpectEqual(recorded, local);
  EXPECT_EQ(response_.regions_total(), local->inspection.regions_total);
  EXPECT_EQ(static_cast<size_t>(response_.regions_size()), local->inspection.regions.size());
  const std::vector<float>& map = local->map.values;
  EXPECT_EQ(response_.anomaly_map().data(),
            std::string(reinterpret_cast<const char*>(map.data()), map.size() * sizeof(float)));
}

TEST_F(LocalInspectionTest, ATurnedPictureGetsTheServersAnswer) {
  const std::string jpeg = EncodeJpeg(90, 150);
  const std::string exif(
      "\xff\xe1\0\x22"
      "Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0",
      36);
  const std::string picture = jpeg.substr(0, 2) + exif + jpeg.substr(2);
  v1::InspectRequest request;
  request.mutable_image()->set_encoded(picture);
  request.mutable_image()->set_apply_orientation(true);
  request.mutable_options()->set_category("wood");
  request.mutable_options()->set_samples(2);

  const auto recorded = Recorded(request);
  const auto local =
      inspector_->Inspect({.bytes = Bytes(picture), .apply_orientation = true}, {.category = "wood", .samples = 2}, {});

  ExpectEqual(recorded, local);
  EXPECT_EQ(recorded->frame_width, 150);
  EXPECT_TRUE(recorded->provenance.picture.apply_orientation);
}

TEST_F(LocalInspectionTest, RawPixelsGetTheServersAnswer) {
  const std::string pixels(size_t{2} * 60 * 40, '\x0b');
  v1::InspectRequest request;
  v1::RawImage& raw = *request.mutable_image()->mutable_raw();
  raw.set_data(pixels);
  raw.set_width(60);
  raw.set_height(40);
  raw.set_pfnc_pixel_format(0x01100007);  // Mono16
  request.mutable_image()->set_significant_bits(12);
  request.mutable_options()->set_category("wood");
  request.mutable_options()->set_samples(2);

  const auto recorded = Recorded(request);
  const auto local =
      inspector_->Inspect({.bytes = Bytes(pixels),
                           .raw = RawGeometry{.width = 60, .height = 40, .pfnc_pixel_format = 0x01100007},
                           .significant_bits = 12},
                          {.category = "wood", .samples = 2}, {});

  ExpectEqual(recorded, local);
}

}  // namespace
}  // namespace bayespfl::server
