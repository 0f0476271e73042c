// Pictures on their way in: which are refused and why, how a result names the one it is of, and the one that is sent
// back.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/sha256.h"
#include "model/image/decode.h"
#include "model/image/encode.h"
#include "server/pipeline/error_reason.h"
#include "tests/server/pipeline_fixture.h"

namespace bayespfl::server {
namespace {

absl::Span<const uint8_t> BytesOf(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// Every pixel of another color.
RgbImage ColorfulImage(int width, int height) {
  RgbImage image{.width = width, .height = height, .pixels = {}};
  for (size_t i = 0; i < 3 * image.pixel_count(); ++i) image.pixels.push_back(static_cast<uint8_t>(37 * i));
  return image;
}

class PipelinePictureTest : public PipelineTest {
 protected:
  // A frame of the bytes of a file.
  static FrameRequest FileRequest(std::string file) {
    FrameRequest request = MakeRequest();
    auto bytes = std::make_shared<std::string>(std::move(file));
    request.image.pixels = EncodedImage{.data = BytesOf(*bytes)};
    request.owner = std::move(bytes);
    return request;
  }
  // A frame of raw pixels, all of `raw` but the data.
  static FrameRequest RawRequest(std::vector<uint8_t> data, RawImage raw) {
    FrameRequest request = MakeRequest();
    auto bytes = std::make_shared<std::vector<uint8_t>>(std::move(data));
    raw.data = *bytes;
    request.image.pixels = raw;
    request.owner = std::move(bytes);
    return request;
  }

  FrameResult Answer(FrameRequest request) {
    EXPECT_TRUE(pipeline_->Submit(std::move(request), results_.Add()).ok());
    return results_.Wait(++submitted_).back();
  }

  // The frame is the client's to mend, for this reason, and the model never saw it.
  void ExpectRefused(FrameRequest request, ErrorReason reason) {
    const absl::Status status = Answer(std::move(request)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_EQ(ReasonOf(status), reason) << status;
    EXPECT_TRUE(detector_->batches().empty());
  }

  void MakeWith(const ImageLimits& limits) { Make({.image_limits = limits, .max_batch = 1}); }

 private:
  size_t submitted_ = 0;
};

// ---- Pictures that are refused -------------------------------------------------------------------------------------

TEST_F(PipelinePictureTest, WhatIsNoPictureIsInvalid) {
  ExpectRefused(FileRequest("no picture"), ErrorReason::kInvalidPicture);
}

TEST_F(PipelinePictureTest, APictureThatIsCutOffIsInvalid) {
  const std::string file = *EncodePng(ColorfulImage(40, 30));

  ExpectRefused(FileRequest(file.substr(0, file.size() / 2)), ErrorReason::kInvalidPicture);
}

TEST_F(PipelinePictureTest, PixelsThatDoNotFitTheirSizeAreInvalid) {
  ExpectRefused(RawRequest({1, 2, 3}, {.data = {}, .width = 4, .height = 2}), ErrorReason::kInvalidPicture);
}

TEST_F(PipelinePictureTest, MorePixelsThanTheLimitAreTooLarge) {
  MakeWith({.max_pixels = 7});

  ExpectRefused(MakeRequest(), ErrorReason::kPictureTooLarge);
  ExpectRefused(FileRequest(*EncodePng(ColorfulImage(4, 2))), ErrorReason::kPictureTooLarge);
}

TEST_F(PipelinePictureTest, MoreBytesThanTheLimitAreTooLarge) {
  MakeWith({.max_bytes = 7});

  ExpectRefused(MakeRequest(), ErrorReason::kPictureTooLarge);
  ExpectRefused(FileRequest(*EncodePng(ColorfulImage(4, 2))), ErrorReason::kPictureTooLarge);
}

// ---- The picture's identity ----------------------------------------------------------------------------------------

TEST_F(PipelinePictureTest, AFileIsKnownByTheHashOfItsBytes) {
  const std::string file = *EncodePng(ColorfulImage(4, 2));

  const FrameResult result = Answer(FileRequest(file));

  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->inspection.provenance.picture, (PictureIdentity{.sha256 = Sha256Hex(file)}));
}

TEST_F(PipelinePictureTest, RawPixelsAreKnownByTheirBytesAndGeometry) {
  const FrameResult result = Answer(MakeRequest());

  ASSERT_TRUE(result.ok()) << result.status();
  const PictureIdentity& picture = result->inspection.provenance.picture;
  // printf '\x80%.0s' 1 2 3 4 5 6 7 8 | sha256sum
  EXPECT_EQ(picture.sha256, "5d5c717bcf5008538df90f0d980ca679bb2db08b75cffb79c3009ae507d40635");
  EXPECT_EQ(picture.raw, (RawGeometry{.width = 4, .height = 2, .stride = 0, .pfnc_pixel_format = 0x01080001}));
  EXPECT_EQ(picture.significant_bits, 0);
}

TEST_F(PipelinePictureTest, PaddingAndSignificantBitsBelongToTheIdentity) {
  const std::vector<uint8_t> data = {1, 2, 3, 4, 99, 99, 5, 6, 7, 8, 99, 99};
  FrameRequest request =
      RawRequest(data, {.data = {}, .width = 2, .height = 2, .stride = 6, .format = PixelFormat::kMono16});
  request.image.significant_bits = 12;

  const FrameResult result = Answer(std::move(request));

  ASSERT_TRUE(result.ok()) << result.status();
  const PictureIdentity& picture = result->inspection.provenance.picture;
  EXPECT_EQ(picture.sha256, Sha256Hex({reinterpret_cast<const char*>(data.data()), data.size()}));
  EXPECT_EQ(picture.raw, (RawGeometry{.width = 2, .height = 2, .stride = 6, .pfnc_pixel_format = 0x01100007}));
  EXPECT_EQ(picture.significant_bits, 12);
}

// A JPEG of 40 x 30 pixels that says it lies on its side.
std::string JpegOnItsSide() {
  const std::string jpeg = *EncodeJpeg(ColorfulImage(40, 30), 90);
  const std::string exif(
      "\xff\xe1\0\x22"
      "Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0",
      36);
  return jpeg.substr(0, 2) + exif + jpeg.substr(2);
}

TEST_F(PipelinePictureTest, AFileStaysAsItIsStored) {
  const FrameResult result = Answer(FileRequest(JpegOnItsSide()));

  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->inspection.frame_width, 40);
  EXPECT_FALSE(result->inspection.provenance.picture.apply_orientation);
}

TEST_F(PipelinePictureTest, AFileIsTurnedUprightOnDemandAndItsIdentitySaysSo) {
  const std::string file = JpegOnItsSide();
  FrameRequest request = FileRequest(file);
  request.image.apply_orientation = true;
  request.options.picture = PictureEncoding::kPng;

  const FrameResult result = Answer(std::move(request));

  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->inspection.frame_width, 30);
  EXPECT_EQ(result->inspection.frame_height, 40);
  EXPECT_EQ(result->inspection.provenance.picture,
            (PictureIdentity{.sha256 = Sha256Hex(file), .apply_orientation = true}));
}

// The fixture's leather was calibrated with pictures that were turned upright.
TEST_F(PipelinePictureTest, APictureThatStandsOtherwiseThanItsCategorysIsWarnedOf) {
  FrameRequest turned = FileRequest(JpegOnItsSide());
  turned.image.apply_orientation = true;
  turned.options.category = {.category = "leather"};
  FrameRequest stored = FileRequest(JpegOnItsSide());
  stored.options.category = {.category = "leather"};

  const FrameResult warned = Answer(std::move(stored));
  const FrameResult silent = Answer(std::move(turned));

  ASSERT_TRUE(warned.ok() && silent.ok()) << warned.status() << silent.status();
  ASSERT_EQ(warned->inspection.warnings.size(), 1U);
  EXPECT_EQ(warned->inspection.warnings[0].reason, "OTHER_ORIENTATION");
  EXPECT_TRUE(silent->inspection.warnings.empty());
}

// ---- The picture that was inspected --------------------------------------------------------------------------------

TEST_F(PipelinePictureTest, APngOfTheInspectedPictureHasExactlyItsPixels) {
  // Lossy on its way in: what is sent back is what became of it.
  const std::string jpeg = *EncodeJpeg(ColorfulImage(40, 30), 50);
  FrameRequest request = FileRequest(jpeg);
  request.options.picture = PictureEncoding::kPng;

  const FrameResult result = Answer(std::move(request));

  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_TRUE(result->picture.has_value());
  EXPECT_EQ(result->picture->encoding, PictureEncoding::kPng);
  const RgbImage inspected = *DecodeImage(BytesOf(jpeg));
  const absl::StatusOr<RgbImage> sent = DecodeImage(BytesOf(result->picture->data));
  ASSERT_TRUE(sent.ok()) << sent.status();
  EXPECT_EQ(sent->width, inspected.width);
  EXPECT_EQ(sent->pixels, inspected.pixels);
}

TEST_F(PipelinePictureTest, AJpegOfTheInspectedPictureIsMadeOfItsPixels) {
  const RgbImage image = ColorfulImage(40, 30);
  FrameRequest request = FileRequest(*EncodePng(image));
  request.options.picture = PictureEncoding::kJpeg;

  const FrameResult result = Answer(std::move(request));

  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_TRUE(result->picture.has_value());
  EXPECT_EQ(result->picture->encoding, PictureEncoding::kJpeg);
  EXPECT_EQ(result->picture->data, *EncodeJpeg(image, 90));
}

TEST_F(PipelinePictureTest, RawPixelsAreSentBackAsTheyWereConverted) {
  FrameRequest request = RawRequest({0xFF, 0x0F, 0x00, 0x00},
                                    {.data = {}, .width = 2, .height = 1, .stride = 0, .format = PixelFormat::kMono12});
  request.options.picture = PictureEncoding::kPng;

  const FrameResult result = Answer(std::move(request));

  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_TRUE(result->picture.has_value());
  EXPECT_EQ(DecodeImage(BytesOf(result->picture->data))->pixels, (std::vector<uint8_t>{255, 255, 255, 0, 0, 0}));
}

TEST_F(PipelinePictureTest, BytesBehindThePixelsAreRecordedWhereTheyAreAllowed) {
  const FrameResult result = Answer(RawRequest(
      {7, 7, 0xCA, 0xFE},
      {.data = {}, .width = 2, .height = 1, .stride = 0, .format = PixelFormat::kMono8, .max_trailing_bytes = 16}));

  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->inspection.provenance.picture.raw->max_trailing_bytes, 16U);
}

TEST_F(PipelinePictureTest, A16BitFileThatFills12IsWarnedOfUnlessItsBitsAreSaid) {
  const std::vector<uint8_t> samples = {0x0F, 0xFF, 0x08, 0x00};  // 4095 and 2048, big-endian
  const std::string file = *EncodePng(PngSamples::kGray16, 2, 1, samples);
  FrameRequest told = FileRequest(file);
  told.image.significant_bits = 12;
  told.options.picture = PictureEncoding::kPng;

  const FrameResult warned = Answer(FileRequest(file));
  const FrameResult good = Answer(std::move(told));

  ASSERT_TRUE(warned.ok() && good.ok()) << warned.status() << good.status();
  ASSERT_EQ(warned->inspection.warnings.size(), 1U);
  EXPECT_EQ(warned->inspection.warnings[0].reason, kShallowSamples);
  EXPECT_TRUE(good->inspection.warnings.empty());
  EXPECT_EQ(DecodeImage(BytesOf(good->picture->data))->pixels, (std::vector<uint8_t>{255, 255, 255, 128, 128, 128}));
}

TEST_F(PipelinePictureTest, APictureThatNoJpegCanHoldIsTooLargeToBeSentAsOne) {
  constexpr int kWidth = 65'501;
  FrameRequest request =
      RawRequest(std::vector<uint8_t>(kWidth), {.data = {}, .width = kWidth, .height = 1, .stride = 0});
  request.options.picture = PictureEncoding::kJpeg;

  ExpectRefused(std::move(request), ErrorReason::kPictureTooLarge);
}

}  // namespace
}  // namespace bayespfl::server
