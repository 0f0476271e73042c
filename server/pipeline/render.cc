#include "server/pipeline/render.h"

#include <algorithm>
#include <bit>
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

// Rounds half up, as std::lround() does: a double holds the sum exactly. Unlike that, loops of it can be vectorised.
uint32_t Quantize(float value, float scale) {
  return static_cast<uint32_t>(static_cast<double>(std::clamp(value, 0.0F, 1.0F) * scale) + 0.5);
}

std::vector<uint8_t> QuantizeTo8Bits(const bayespfl::PixelMap& map) {
  std::vector<uint8_t> samples(map.values.size());
  for (size_t i = 0; i < samples.size(); ++i) samples[i] = static_cast<uint8_t>(Quantize(map.values[i], 255.0F));
  return samples;
}

// Big-endian, as PNG has them.
std::vector<uint8_t> QuantizeTo16Bits(const bayespfl::PixelMap& map) {
  std::vector<uint8_t> samples(2 * map.values.size());
  for (size_t i = 0; i < map.values.size(); ++i) {
    const uint32_t sample = Quantize(map.values[i], 65535.0F);
    samples[2 * i] = static_cast<uint8_t>(sample >> 8U);
    samples[2 * i + 1] = static_cast<uint8_t>(sample & 0xFFU);
  }
  return samples;
}

// 255 inside and 0 outside. Returns how many are inside, counted by rows, so that a count has as few bytes as a value.
uint64_t DrawMask(const bayespfl::PixelMap& map, float threshold, std::vector<uint8_t>& pixels) {
  const auto width = static_cast<size_t>(map.width);
  pixels.resize(map.values.size());
  uint64_t area = 0;
  for (size_t row = 0; row < pixels.size(); row += width) {
    const float* const from = map.values.data() + row;
    uint8_t* const to = pixels.data() + row;
    uint32_t inside = 0;
    for (size_t x = 0; x < width; ++x) {
      to[x] = from[x] >= threshold ? 255 : 0;
      inside += from[x] >= threshold ? 1U : 0U;
    }
    area += inside;
  }
  return area;
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
  mask.area = DrawMask(map, threshold, pixels);
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
