#include "server/pipeline/render.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace bayespfl::server {
namespace {

absl::StatusOr<std::string> EncodePng(const cv::Mat& picture) {
  try {
    std::vector<uint8_t> bytes;
    if (!cv::imencode(".png", picture, bytes)) return absl::InternalError("the PNG encoder failed");
    return std::string(bytes.begin(), bytes.end());
  } catch (const cv::Exception& error) {
    return absl::InternalError(absl::StrCat("the PNG encoder failed: ", error.what()));
  }
}

template <typename Pixel>
Pixel Quantize(float value, float scale) {
  return static_cast<Pixel>(std::lround(std::clamp(value, 0.0F, 1.0F) * scale));
}

template <typename Pixel>
absl::StatusOr<std::string> QuantizeToPng(const bayespfl::PixelMap& map, int type, float scale) {
  cv::Mat picture(map.height, map.width, type);
  size_t index = 0;
  for (int row = 0; row < map.height; ++row) {
    auto* out = picture.ptr<Pixel>(row);
    for (int column = 0; column < map.width; ++column, ++index) {
      out[column] = Quantize<Pixel>(map.values[index], scale);
    }
  }
  return EncodePng(picture);
}

std::string QuantizeToBytes(const bayespfl::PixelMap& map) {
  std::string bytes;
  bytes.reserve(map.values.size());
  for (const float value : map.values) bytes.push_back(static_cast<char>(Quantize<uint8_t>(value, 255.0F)));
  return bytes;
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

absl::Status CheckDetection(const Detection& detection, bool needs_deviation) {
  const bool finite = std::isfinite(detection.score) && std::isfinite(detection.score_std) &&
                      std::isfinite(detection.text_score) && std::isfinite(detection.map_score);
  if (!finite) return absl::InternalError("the model's score is not a number");
  if (!IsConsistent(detection.map)) return absl::InternalError("the model returned no anomaly map");
  if (needs_deviation && !IsConsistent(detection.map_std)) {
    return absl::InternalError("the model returned no deviation map");
  }
  return absl::OkStatus();
}

absl::Status EncodeInto(const bayespfl::PixelMap& map, MapEncoding encoding, std::optional<EncodedMap>& out) {
  if (encoding == MapEncoding::kNone) return absl::OkStatus();
  absl::StatusOr<EncodedMap> encoded = EncodeMap(map, encoding);
  if (!encoded.ok()) return encoded.status();
  out = *std::move(encoded);
  return absl::OkStatus();
}

void FillMaskArea(const bayespfl::PixelMap& map, const FrameOptions& options, InspectionOutcome& outcome) {
  const bool at_frame_size = options.resolution == MapSize::kFrame;
  const int width = at_frame_size ? outcome.frame_width : map.width;
  const int height = at_frame_size ? outcome.frame_height : map.height;
  outcome.mask_area_pixels = CountResizedAtLeast(map, width, height, outcome.mask_threshold);
  outcome.mask_area_fraction =
      static_cast<double>(outcome.mask_area_pixels) / (static_cast<double>(width) * static_cast<double>(height));
}

}  // namespace

Mask ThresholdMap(const bayespfl::PixelMap& map, float threshold) {
  Mask mask{.width = map.width, .height = map.height, .pixels = {}, .area = 0};
  mask.pixels.reserve(map.values.size());
  for (const float value : map.values) {
    const bool inside = value >= threshold;
    mask.pixels.push_back(inside ? 255 : 0);
    mask.area += inside ? 1 : 0;
  }
  return mask;
}

absl::StatusOr<EncodedMap> EncodeMap(const bayespfl::PixelMap& map, MapEncoding encoding) {
  if (!IsConsistent(map)) return absl::InvalidArgumentError("the map is empty");
  absl::StatusOr<std::string> data;
  switch (encoding) {
    case MapEncoding::kPng8:
      data = QuantizeToPng<uint8_t>(map, CV_8UC1, 255.0F);
      break;
    case MapEncoding::kPng16:
      data = QuantizeToPng<uint16_t>(map, CV_16UC1, 65535.0F);
      break;
    case MapEncoding::kFloat32:
      data = LittleEndianFloats(map.values);
      break;
    case MapEncoding::kUint8:
      data = QuantizeToBytes(map);
      break;
    case MapEncoding::kNone:
      return absl::InvalidArgumentError("no encoding given");
  }
  if (!data.ok()) return data.status();
  return EncodedMap{.encoding = encoding, .width = map.width, .height = map.height, .data = *std::move(data)};
}

absl::StatusOr<EncodedMap> EncodeMask(const Mask& mask, MapEncoding encoding) {
  if (mask.pixels.empty()) return absl::InvalidArgumentError("the mask is empty");
  if (encoding == MapEncoding::kUint8) {
    return EncodedMap{.encoding = encoding,
                      .width = mask.width,
                      .height = mask.height,
                      .data = std::string(mask.pixels.begin(), mask.pixels.end())};
  }
  if (encoding != MapEncoding::kPng8) return absl::InvalidArgumentError("no encoding of masks");
  cv::Mat picture(mask.height, mask.width, CV_8UC1);
  for (int row = 0; row < mask.height; ++row) {
    std::memcpy(picture.ptr<uint8_t>(row),
                mask.pixels.data() + static_cast<size_t>(row) * static_cast<size_t>(mask.width),
                static_cast<size_t>(mask.width));
  }
  absl::StatusOr<std::string> data = EncodePng(picture);
  if (!data.ok()) return data.status();
  return EncodedMap{.encoding = encoding, .width = mask.width, .height = mask.height, .data = *std::move(data)};
}

absl::Status Render(const Detection& detection, const FrameOptions& options, float default_threshold,
                    InspectionOutcome& outcome) {
  const absl::Status valid = CheckDetection(detection, options.deviation_map != MapEncoding::kNone);
  if (!valid.ok()) return valid;
  outcome.category = options.category;
  outcome.score = detection.score;
  outcome.score_std = detection.score_std;
  outcome.text_score = detection.text_score;
  outcome.map_score = detection.map_score;
  outcome.seed = detection.seed;
  outcome.samples = detection.samples;
  outcome.mask_threshold = options.mask_threshold.value_or(default_threshold);

  FillMaskArea(detection.map, options, outcome);
  if (options.mask != MapEncoding::kNone) {
    absl::StatusOr<EncodedMap> encoded = EncodeMask(ThresholdMap(detection.map, outcome.mask_threshold), options.mask);
    if (!encoded.ok()) return encoded.status();
    outcome.mask = *std::move(encoded);
  }
  absl::Status encoded = EncodeInto(detection.map, options.anomaly_map, outcome.anomaly_map);
  encoded.Update(EncodeInto(detection.map_std, options.deviation_map, outcome.deviation_map));
  return encoded;
}

}  // namespace bayespfl::server
