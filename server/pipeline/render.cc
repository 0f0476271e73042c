#include "server/pipeline/render.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "model/image/encode.h"
#include "model/inspector/assemble.h"

namespace bayespfl::server {
namespace {

constexpr int kJpegQuality = 90;

uint32_t Quantize(float value, float scale) {
  return static_cast<uint32_t>(std::lround(std::clamp(value, 0.0F, 1.0F) * scale));
}

std::vector<uint8_t> QuantizeTo8Bits(const bayespfl::PixelMap& map) {
  std::vector<uint8_t> samples;
  samples.reserve(map.values.size());
  for (const float value : map.values) samples.push_back(static_cast<uint8_t>(Quantize(value, 255.0F)));
  return samples;
}

// Big-endian, as PNG has them.
std::vector<uint8_t> QuantizeTo16Bits(const bayespfl::PixelMap& map) {
  std::vector<uint8_t> samples;
  samples.reserve(2 * map.values.size());
  for (const float value : map.values) {
    const uint32_t sample = Quantize(value, 65535.0F);
    samples.push_back(static_cast<uint8_t>(sample >> 8U));
    samples.push_back(static_cast<uint8_t>(sample & 0xFFU));
  }
  return samples;
}

std::string LittleEndianFloats(const std::vector<float>& values) {
  std::string bytes(values.size() * sizeof(float), '\0');
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(bytes.data(), values.data(), bytes.size());
  } else {
    for (size_t i = 0; i < values.size(); ++i) {
      const auto bits = std::bit_cast<uint32_t>(values[i]);
      for (size_t byte = 0; byte < 4; ++byte) bytes[4 * i + byte] = static_cast<char>((bits >> (8 * byte)) & 0xFFU);
    }
  }
  return bytes;
}

bool IsConsistent(const bayespfl::PixelMap& map) {
  return map.width > 0 && map.height > 0 &&
         map.values.size() == static_cast<size_t>(map.width) * static_cast<size_t>(map.height);
}

// Maps in the size that is asked for: the model's as they are, the frame's made on the first use.
class SizedMap {
 public:
  SizedMap(const bayespfl::PixelMap& map, MapSize size, const Inspection& frame)
      : map_(map), full_(size == MapSize::kFrame), width_(frame.frame_width), height_(frame.frame_height) {}

  const bayespfl::PixelMap& operator()() {
    if (!full_) return map_;
    if (resized_.values.empty()) resized_ = ResizeMap(map_, width_, height_);
    return resized_;
  }

 private:
  const bayespfl::PixelMap& map_;
  const bool full_;
  const int width_;
  const int height_;
  bayespfl::PixelMap resized_;
};

absl::Status EncodeMaps(const Detection& detection, const FrameOptions& options, InspectionOutcome& outcome) {
  SizedMap map(detection.map, options.resolution, outcome.inspection);
  if (options.mask != MaskEncoding::kNone) {
    absl::StatusOr<EncodedMask> mask = EncodeMask(map(), outcome.inspection.mask_threshold, options.mask);
    if (!mask.ok()) return mask.status();
    outcome.mask = *std::move(mask);
  }
  if (options.anomaly_map != MapEncoding::kNone) {
    absl::StatusOr<EncodedMap> encoded = EncodeMap(map(), options.anomaly_map);
    if (!encoded.ok()) return encoded.status();
    outcome.anomaly_map = *std::move(encoded);
  }
  if (options.deviation_map != MapEncoding::kNone) {
    SizedMap deviation(detection.map_std, options.resolution, outcome.inspection);
    absl::StatusOr<EncodedMap> encoded = EncodeMap(deviation(), options.deviation_map);
    if (!encoded.ok()) return encoded.status();
    outcome.deviation_map = *std::move(encoded);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<EncodedMap> EncodeMap(const bayespfl::PixelMap& map, MapEncoding encoding) {
  if (!IsConsistent(map)) return absl::InternalError("the map is empty");
  absl::StatusOr<std::string> data;
  switch (encoding) {
    case MapEncoding::kPng8:
      data = EncodePng(PngSamples::kGray8, map.width, map.height, QuantizeTo8Bits(map));
      break;
    case MapEncoding::kPng16:
      data = EncodePng(PngSamples::kGray16, map.width, map.height, QuantizeTo16Bits(map));
      break;
    case MapEncoding::kFloat32:
      data = LittleEndianFloats(map.values);
      break;
    case MapEncoding::kNone:
      return absl::InternalError("no encoding given");
  }
  if (!data.ok()) return data.status();
  return EncodedMap{.encoding = encoding, .width = map.width, .height = map.height, .data = *std::move(data)};
}

absl::StatusOr<EncodedMask> EncodeMask(const bayespfl::PixelMap& map, float threshold, MaskEncoding encoding) {
  if (!IsConsistent(map)) return absl::InternalError("the map is empty");
  EncodedMask mask{.encoding = encoding, .width = map.width, .height = map.height, .data = {}, .area = 0};
  std::vector<uint8_t> pixels;
  pixels.reserve(map.values.size());
  for (const float value : map.values) {
    const bool inside = value >= threshold;
    pixels.push_back(inside ? 255 : 0);
    mask.area += inside ? 1 : 0;
  }
  absl::StatusOr<std::string> data;
  switch (encoding) {
    case MaskEncoding::kPng8:
      data = EncodePng(PngSamples::kGray8, map.width, map.height, pixels);
      break;
    case MaskEncoding::kPng1:
      data = EncodePng(PngSamples::kGray1, map.width, map.height, pixels);
      break;
    case MaskEncoding::kCocoRle:
      data = EncodeCocoRle(map.width, map.height, pixels);
      break;
    case MaskEncoding::kUint8:
      data = std::string(pixels.begin(), pixels.end());
      break;
    case MaskEncoding::kNone:
      return absl::InternalError("no encoding given");
  }
  if (!data.ok()) return data.status();
  mask.data = *std::move(data);
  return mask;
}

absl::StatusOr<EncodedPicture> EncodePicture(const RgbImage& image, PictureEncoding encoding) {
  absl::StatusOr<std::string> data =
      encoding == PictureEncoding::kJpeg ? EncodeJpeg(image, kJpegQuality) : EncodePng(image);
  if (!data.ok()) return data.status();
  return EncodedPicture{.encoding = encoding, .data = *std::move(data)};
}

absl::Status Render(const Detection& detection, const CategorySetting& setting, const FrameOptions& options,
                    InspectionOutcome& outcome) {
  const absl::Status noted =
      NoteDetection(detection, options.category.category, setting, options.judge, outcome.inspection);
  if (!noted.ok()) return noted;
  if (options.deviation_map != MapEncoding::kNone && !IsConsistent(detection.map_std)) {
    return absl::InternalError("the model returned no deviation map");
  }
  return EncodeMaps(detection, options, outcome);
}

}  // namespace bayespfl::server
