#include "server/api/translate.h"

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/utf8.h"
#include "server/api/status.h"

namespace bayespfl::server {
namespace {

namespace v1 = inspection::v1;

absl::Span<const uint8_t> AsBytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

absl::Status UnknownEnum(absl::string_view field, int value) {
  return absl::InvalidArgumentError(absl::StrCat(field, " is ", value, ", which is no value of its enum"));
}

absl::Status CheckId(absl::string_view id, absl::string_view field) {
  if (id.size() <= kMaxMetadataIdBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, " has ", id.size(), " bytes; at most ", kMaxMetadataIdBytes, " are allowed"));
}

absl::StatusOr<MapEncoding> EncodingFromProto(int encoding, absl::string_view field) {
  switch (encoding) {
    case v1::MAP_ENCODING_UNSPECIFIED:
      return MapEncoding::kNone;
    case v1::MAP_ENCODING_PNG8:
      return MapEncoding::kPng8;
    case v1::MAP_ENCODING_PNG16:
      return MapEncoding::kPng16;
    case v1::MAP_ENCODING_FLOAT32:
      return MapEncoding::kFloat32;
    default:
      return UnknownEnum(field, encoding);
  }
}

v1::MapEncoding EncodingToProto(MapEncoding encoding) {
  switch (encoding) {
    case MapEncoding::kPng8:
      return v1::MAP_ENCODING_PNG8;
    case MapEncoding::kPng16:
      return v1::MAP_ENCODING_PNG16;
    case MapEncoding::kFloat32:
      return v1::MAP_ENCODING_FLOAT32;
    case MapEncoding::kUint8:  // the contract has no such form, and nothing here asks for it
    case MapEncoding::kNone:
      break;
  }
  return v1::MAP_ENCODING_UNSPECIFIED;
}

absl::StatusOr<MapSize> ResolutionFromProto(int resolution) {
  switch (resolution) {
    case v1::MAP_RESOLUTION_UNSPECIFIED:
    case v1::MAP_RESOLUTION_FRAME:
      return MapSize::kFrame;
    case v1::MAP_RESOLUTION_MODEL:
      return MapSize::kModel;
    default:
      return UnknownEnum("options.resolution", resolution);
  }
}

absl::StatusOr<Priority> PriorityFromProto(int priority) {
  switch (priority) {
    case v1::PRIORITY_HIGH:
      return Priority::kHigh;
    case v1::PRIORITY_UNSPECIFIED:
    case v1::PRIORITY_NORMAL:
      return Priority::kNormal;
    case v1::PRIORITY_LOW:
      return Priority::kLow;
    default:
      return UnknownEnum("options.priority", priority);
  }
}

absl::StatusOr<PixelFormat> PixelFormatFromProto(int format) {
  switch (format) {
    case v1::PIXEL_FORMAT_MONO8:
      return PixelFormat::kMono8;
    case v1::PIXEL_FORMAT_MONO10:
      return PixelFormat::kMono10;
    case v1::PIXEL_FORMAT_MONO12:
      return PixelFormat::kMono12;
    case v1::PIXEL_FORMAT_MONO16:
      return PixelFormat::kMono16;
    case v1::PIXEL_FORMAT_MONO12_PACKED:
      return PixelFormat::kMono12Packed;
    case v1::PIXEL_FORMAT_MONO12P:
      return PixelFormat::kMono12p;
    case v1::PIXEL_FORMAT_BAYER_RG8:
      return PixelFormat::kBayerRG8;
    case v1::PIXEL_FORMAT_BAYER_GB8:
      return PixelFormat::kBayerGB8;
    case v1::PIXEL_FORMAT_BAYER_GR8:
      return PixelFormat::kBayerGR8;
    case v1::PIXEL_FORMAT_BAYER_BG8:
      return PixelFormat::kBayerBG8;
    case v1::PIXEL_FORMAT_RGB8:
      return PixelFormat::kRGB8;
    case v1::PIXEL_FORMAT_BGR8:
      return PixelFormat::kBGR8;
    case v1::PIXEL_FORMAT_RGBA8:
      return PixelFormat::kRGBA8;
    case v1::PIXEL_FORMAT_UNSPECIFIED:
      return absl::InvalidArgumentError("image.raw.format is not given");
    default:
      return UnknownEnum("image.raw.format", format);
  }
}

absl::StatusOr<RawImage> RawFromProto(const v1::RawImage& raw) {
  const absl::StatusOr<PixelFormat> format = PixelFormatFromProto(raw.format());
  if (!format.ok()) return format.status();
  if (raw.width() == 0 || raw.height() == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("image.raw is ", raw.width(), " x ", raw.height(), " pixels; width and height must be positive"));
  }
  return RawImage{.data = AsBytes(raw.data()),
                  .width = raw.width(),
                  .height = raw.height(),
                  .stride = raw.stride(),
                  .format = *format};
}

absl::Status CheckSignificantBits(const v1::Image& image) {
  const uint32_t bits = image.significant_bits();
  if (bits == 0) return absl::OkStatus();
  if (bits < 9 || bits > 16) {
    return absl::InvalidArgumentError(absl::StrCat("image.significant_bits is ", bits, "; expected 9 to 16, or 0"));
  }
  if (image.has_raw() && image.raw().format() != v1::PIXEL_FORMAT_MONO16) {
    return absl::InvalidArgumentError(
        absl::StrCat("image.significant_bits is ", bits, ", but of the raw formats only MONO16 takes it"));
  }
  return absl::OkStatus();
}

uint64_t DrawSeed() {
  absl::BitGen generator;  // seeded from the operating system
  return absl::Uniform<uint64_t>(generator);
}

absl::Status MapOptionsFromProto(const v1::InspectOptions& proto, FrameOptions& options) {
  const absl::StatusOr<MapEncoding> map = EncodingFromProto(proto.anomaly_map(), "options.anomaly_map");
  if (!map.ok()) return map.status();
  const absl::StatusOr<MapEncoding> deviation = EncodingFromProto(proto.deviation_map(), "options.deviation_map");
  if (!deviation.ok()) return deviation.status();
  const absl::StatusOr<MapSize> resolution = ResolutionFromProto(proto.resolution());
  if (!resolution.ok()) return resolution.status();
  options.anomaly_map = *map;
  options.deviation_map = *deviation;
  options.resolution = *resolution;
  options.mask = proto.mask() ? MapEncoding::kPng8 : MapEncoding::kNone;
  return absl::OkStatus();
}

// Everything but the category's own check, which an unset category of a stream's configuration would not pass.
absl::StatusOr<FrameOptions> OptionsFromProto(const v1::InspectOptions& proto) {
  FrameOptions options;
  if (proto.has_samples()) {
    if (proto.samples() < 1 || proto.samples() > kMaxSamples) {
      return absl::InvalidArgumentError(
          absl::StrCat("options.samples is ", proto.samples(), "; expected 1 to ", kMaxSamples));
    }
    options.samples = static_cast<int>(proto.samples());
  }
  if (proto.has_mask_threshold()) {
    const float threshold = proto.mask_threshold();
    if (!(threshold >= 0.0F && threshold <= 1.0F)) {  // false for NaN as well
      return absl::InvalidArgumentError(absl::StrCat("options.mask_threshold is ", threshold, "; expected 0 to 1"));
    }
    options.mask_threshold = threshold;
  }
  const absl::Status maps = MapOptionsFromProto(proto, options);
  if (!maps.ok()) return maps;
  const absl::StatusOr<Priority> priority = PriorityFromProto(proto.priority());
  if (!priority.ok()) return priority.status();
  options.priority = *priority;
  if (!proto.model().empty()) {
    const absl::Status valid = CheckModelName(proto.model());
    if (!valid.ok()) return absl::InvalidArgumentError(absl::StrCat("options.model: ", valid.message()));
    options.model = proto.model();
  }
  options.category = proto.category();
  options.seed = proto.seed();
  return options;
}

absl::StatusOr<FrameRequest> MakeRequest(const v1::Image& image, const v1::FrameMetadata& metadata,
                                         FrameOptions options, absl::string_view category_field) {
  absl::Status checked = CheckCategory(options.category, category_field);
  checked.Update(CheckMetadata(metadata));
  if (!checked.ok()) return checked;
  absl::StatusOr<ImageSource> source = ImageFromProto(image);
  if (!source.ok()) return source.status();
  FrameRequest request;
  request.image = *std::move(source);
  request.options = std::move(options);
  return request;
}

void MapToProto(std::optional<EncodedMap>& map, v1::PixelMap* (v1::InspectResponse::*mutable_field)(),
                v1::InspectResponse& response) {
  if (!map.has_value()) return;
  v1::PixelMap* proto = (response.*mutable_field)();
  proto->set_encoding(EncodingToProto(map->encoding));
  proto->set_width(static_cast<uint32_t>(map->width));
  proto->set_height(static_cast<uint32_t>(map->height));
  proto->set_data(std::move(map->data));
}

void SecondsToProto(const FrameSeconds& seconds, v1::StageSeconds& proto) {
  proto.set_queue(seconds.queue);
  proto.set_decode(seconds.decode);
  proto.set_preprocess(seconds.model.preprocess);
  proto.set_vision(seconds.model.vision);
  proto.set_prompts(seconds.model.prompts);
  proto.set_detect(seconds.model.detect);
  proto.set_postprocess(seconds.model.postprocess);
  proto.set_render(seconds.render);
  proto.set_total(seconds.total);
}

}  // namespace

absl::Status CheckCategory(absl::string_view category, absl::string_view field) {
  if (category.empty() || category.size() > size_t{kMaxCategoryBytes}) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, " has ", category.size(), " bytes; expected 1 to ", kMaxCategoryBytes));
  }
  if (!IsUtf8(category)) return absl::InvalidArgumentError(absl::StrCat(field, " is not valid UTF-8"));
  return absl::OkStatus();
}

absl::Status CheckMetadata(const v1::FrameMetadata& metadata) {
  absl::Status status = CheckId(metadata.camera_id(), "metadata.camera_id");
  status.Update(CheckId(metadata.frame_id(), "metadata.frame_id"));
  status.Update(CheckId(metadata.part_id(), "metadata.part_id"));
  return status;
}

absl::StatusOr<ImageSource> ImageFromProto(const v1::Image& image) {
  const absl::Status bits = CheckSignificantBits(image);
  if (!bits.ok()) return bits;
  ImageSource source;
  if (image.significant_bits() != 0) source.significant_bits = static_cast<int>(image.significant_bits());
  switch (image.source_case()) {
    case v1::Image::kEncoded:
      if (image.encoded().empty()) return absl::InvalidArgumentError("image.encoded is empty: 0 bytes");
      source.pixels = EncodedImage{.data = AsBytes(image.encoded())};
      return source;
    case v1::Image::kRaw: {
      absl::StatusOr<RawImage> raw = RawFromProto(image.raw());
      if (!raw.ok()) return raw.status();
      source.pixels = *raw;
      return source;
    }
    case v1::Image::SOURCE_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("image is empty: neither image.encoded nor image.raw is given");
}

absl::StatusOr<absl::Duration> TimeoutFromProto(const google::protobuf::Duration& timeout) {
  constexpr int64_t kMaxSeconds = 315'576'000'000;  // as google.protobuf.Duration defines it
  constexpr int32_t kNanosPerSecond = 1'000'000'000;
  const bool in_range = timeout.seconds() >= 0 && timeout.seconds() <= kMaxSeconds && timeout.nanos() >= 0 &&
                        timeout.nanos() < kNanosPerSecond;
  if (!in_range || (timeout.seconds() == 0 && timeout.nanos() == 0)) {
    return absl::InvalidArgumentError(absl::StrCat("frame.timeout is ", timeout.seconds(), " s and ", timeout.nanos(),
                                                   " ns; expected more than 0 and at most ", kMaxSeconds, " s"));
  }
  return absl::Seconds(timeout.seconds()) + absl::Nanoseconds(timeout.nanos());
}

absl::StatusOr<FrameRequest> FrameFromProto(const v1::InspectRequest& request) {
  absl::StatusOr<FrameOptions> options = OptionsFromProto(request.options());
  if (!options.ok()) return options.status();
  if (!request.options().has_seed()) options->seed = DrawSeed();
  return MakeRequest(request.image(), request.metadata(), *std::move(options), "options.category");
}

absl::StatusOr<StreamDefaults> DefaultsFromProto(const v1::StreamConfiguration& configuration) {
  absl::StatusOr<FrameOptions> options = OptionsFromProto(configuration.options());
  if (!options.ok()) return options.status();
  if (!options->category.empty()) {
    const absl::Status category = CheckCategory(options->category, "configuration.options.category");
    if (!category.ok()) return category;
  }
  const int policy = configuration.flow_policy();
  if (policy != v1::FLOW_POLICY_UNSPECIFIED && policy != v1::FLOW_POLICY_BLOCK && policy != v1::FLOW_POLICY_LATEST) {
    return UnknownEnum("configuration.flow_policy", policy);
  }
  return StreamDefaults{.options = *std::move(options),
                        .has_seed = configuration.options().has_seed(),
                        .latest = policy == v1::FLOW_POLICY_LATEST};
}

absl::StatusOr<FrameRequest> FrameFromProto(const v1::StreamFrame& frame, const StreamDefaults& defaults) {
  FrameOptions options = defaults.options;
  if (frame.has_category()) options.category = frame.category();
  if (frame.has_seed()) {
    options.seed = frame.seed();
  } else if (!defaults.has_seed) {
    options.seed = DrawSeed();
  }
  absl::StatusOr<FrameRequest> request =
      MakeRequest(frame.image(), frame.metadata(), std::move(options),
                  frame.has_category() ? "frame.category" : "configuration.options.category");
  if (!request.ok() || !frame.has_timeout()) return request;
  const absl::StatusOr<absl::Duration> timeout = TimeoutFromProto(frame.timeout());
  if (!timeout.ok()) return timeout.status();
  request->deadline = absl::Now() + *timeout;
  return request;
}

v1::InspectResponse ToProto(InspectionOutcome outcome) {
  v1::InspectResponse response;
  response.set_category(std::move(outcome.category));
  response.set_score(outcome.score);
  response.set_score_std(outcome.score_std);
  response.set_text_score(outcome.text_score);
  response.set_map_score(outcome.map_score);
  response.set_mask_threshold(outcome.mask_threshold);
  response.set_mask_area_pixels(outcome.mask_area_pixels);
  response.set_mask_area_fraction(outcome.mask_area_fraction);
  MapToProto(outcome.anomaly_map, &v1::InspectResponse::mutable_anomaly_map, response);
  MapToProto(outcome.deviation_map, &v1::InspectResponse::mutable_deviation_map, response);
  MapToProto(outcome.mask, &v1::InspectResponse::mutable_mask, response);
  response.set_seed(outcome.seed);
  response.set_samples(static_cast<uint32_t>(outcome.samples));
  response.set_model(std::move(outcome.model));
  response.set_model_version(std::move(outcome.model_version));
  response.set_calibrated(outcome.calibrated);
  if (outcome.score_threshold.has_value()) response.set_score_threshold(*outcome.score_threshold);
  response.set_frame_width(static_cast<uint32_t>(outcome.frame_width));
  response.set_frame_height(static_cast<uint32_t>(outcome.frame_height));
  SecondsToProto(outcome.seconds, *response.mutable_seconds());
  return response;
}

v1::GetModelInfoResponse ToProto(const ServedModel& model, absl::string_view server_version) {
  const ModelInfo& info = model.info();
  v1::GetModelInfoResponse response;
  response.set_model(model.name());
  response.set_name(info.name);
  response.set_version(info.version);
  response.set_digest(info.digest);
  response.set_device(info.device);
  response.set_stage(static_cast<uint32_t>(info.stage));
  response.set_image_size(static_cast<uint32_t>(info.image_size));
  response.set_default_samples(static_cast<uint32_t>(info.default_samples));
  response.set_max_samples(kMaxSamples);
  response.set_mask_threshold(info.mask_threshold);
  response.set_calibrated(info.calibrated);
  response.set_map_smoothing_sigma(info.map_smoothing_sigma);
  response.set_iad_sampling(info.iad_sampling);
  response.set_server_version(std::string(server_version));
  for (const CalibratedCategory& category : info.calibrated_categories) {
    v1::CalibratedCategory& proto = *response.add_calibrated_categories();
    proto.set_category(category.category);
    proto.set_mask_threshold(category.mask_threshold);
    proto.set_score_threshold(category.score_threshold);
    proto.set_good_pictures(static_cast<uint32_t>(category.good_pictures));
  }
  return response;
}

}  // namespace bayespfl::server
