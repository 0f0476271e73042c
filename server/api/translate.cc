#include "server/api/translate.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "model/package/model_config.h"
#include "server/pipeline/error_reason.h"
#include "server/pipeline/served_model.h"

namespace bayespfl::server {
namespace {

namespace v1 = inspection::v1;

absl::Span<const uint8_t> AsBytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// The fields of one message, named from the root: Field("samples") is "frame.options.samples".
class Fields {
 public:
  Fields(absl::string_view where, absl::string_view message) : prefix_(absl::StrCat(where, message)) {}

  template <typename... What>
  absl::Status Invalid(absl::string_view field, const What&... what) const {
    return InvalidField(absl::StrCat(prefix_, field), absl::StrCat(what...));
  }
  absl::Status UnknownEnum(absl::string_view field, int value) const {
    return Invalid(field, "is ", value, ", which is no value of its enum");
  }

  const std::string& prefix() const { return prefix_; }

 private:
  std::string prefix_;
};

absl::Status CheckId(absl::string_view id, absl::string_view field, const Fields& fields) {
  if (id.size() <= kMaxMetadataIdBytes) return absl::OkStatus();
  return fields.Invalid(field, "has ", id.size(), " bytes; at most ", kMaxMetadataIdBytes, " are allowed");
}

absl::Status CheckCaptureTime(const v1::FrameMetadata& metadata, const Fields& fields) {
  constexpr int64_t kYearOne = -62'135'596'800;  // as google.protobuf.Timestamp defines its range
  constexpr int64_t kYearTenThousand = 253'402'300'800;
  constexpr int32_t kNanosPerSecond = 1'000'000'000;
  const google::protobuf::Timestamp& time = metadata.capture_time();
  if (time.seconds() >= kYearOne && time.seconds() < kYearTenThousand && time.nanos() >= 0 &&
      time.nanos() < kNanosPerSecond) {
    return absl::OkStatus();
  }
  return fields.Invalid("capture_time", "is ", time.seconds(), " s and ", time.nanos(),
                        " ns; expected a time from the year 1 to 9999 and 0 to 999999999 ns");
}

absl::StatusOr<MapEncoding> EncodingFromProto(int encoding, absl::string_view field, const Fields& fields) {
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
      return fields.UnknownEnum(field, encoding);
  }
}

absl::StatusOr<MaskEncoding> MaskFromProto(int encoding, const Fields& fields) {
  switch (encoding) {
    case v1::MASK_ENCODING_UNSPECIFIED:
      return MaskEncoding::kNone;
    case v1::MASK_ENCODING_PNG8:
      return MaskEncoding::kPng8;
    case v1::MASK_ENCODING_PNG1:
      return MaskEncoding::kPng1;
    case v1::MASK_ENCODING_COCO_RLE:
      return MaskEncoding::kCocoRle;
    default:
      return fields.UnknownEnum("mask", encoding);
  }
}

absl::StatusOr<PictureEncoding> PictureFromProto(int encoding, const Fields& fields) {
  switch (encoding) {
    case v1::PICTURE_ENCODING_UNSPECIFIED:
      return PictureEncoding::kNone;
    case v1::PICTURE_ENCODING_PNG:
      return PictureEncoding::kPng;
    case v1::PICTURE_ENCODING_JPEG:
      return PictureEncoding::kJpeg;
    default:
      return fields.UnknownEnum("inspected_picture", encoding);
  }
}

absl::StatusOr<MapSize> ResolutionFromProto(int resolution, const Fields& fields) {
  switch (resolution) {
    case v1::MAP_RESOLUTION_UNSPECIFIED:
    case v1::MAP_RESOLUTION_FRAME:
      return MapSize::kFrame;
    case v1::MAP_RESOLUTION_MODEL:
      return MapSize::kModel;
    default:
      return fields.UnknownEnum("resolution", resolution);
  }
}

absl::StatusOr<Priority> PriorityFromProto(int priority, const Fields& fields) {
  switch (priority) {
    case v1::PRIORITY_HIGH:
      return Priority::kHigh;
    case v1::PRIORITY_UNSPECIFIED:
    case v1::PRIORITY_NORMAL:
      return Priority::kNormal;
    case v1::PRIORITY_LOW:
      return Priority::kLow;
    default:
      return fields.UnknownEnum("priority", priority);
  }
}

// A category or an object.
absl::StatusOr<std::string> NameFromProto(const std::string& name, absl::string_view field, const Fields& fields) {
  absl::StatusOr<std::string> key = CategoryKey(name, "it");
  if (!key.ok()) return fields.Invalid(field, "cannot be used: ", key.status().message());
  return key;
}

absl::StatusOr<CategoryRequest> CategoryFromProto(const v1::InspectOptions& proto, const Fields& fields) {
  CategoryRequest category;
  if (!proto.has_category()) return fields.Invalid("category", "is not given");
  absl::StatusOr<std::string> name = NameFromProto(proto.category(), "category", fields);
  if (!name.ok()) return name.status();
  category.category = *std::move(name);
  if (proto.has_object()) {
    absl::StatusOr<std::string> object = NameFromProto(proto.object(), "object", fields);
    if (!object.ok()) return object.status();
    category.object = *std::move(object);
  }
  if (proto.has_samples()) {
    if (proto.samples() < 1 || proto.samples() > kMaxSamples) {
      return fields.Invalid("samples", "is ", proto.samples(), "; expected 1 to ", kMaxSamples);
    }
    category.samples = static_cast<int>(proto.samples());
  }
  if (proto.has_seed()) {
    category.seed = proto.seed();
  } else if (proto.random_seed()) {
    absl::BitGen generator;  // seeded from the operating system
    category.seed = absl::Uniform<uint64_t>(generator);
  }
  return category;
}

absl::Status RegionsFromProto(const v1::RegionOptions& proto, const Fields& parent, JudgeOptions& judge) {
  const Fields fields(parent.prefix(), "regions.");
  judge.want_regions = !proto.has_max_regions() || proto.max_regions() > 0;
  if (proto.has_max_regions() && judge.want_regions) judge.max_regions = proto.max_regions();
  if (judge.max_regions > kMaxRegions) {
    return fields.Invalid("max_regions", "is ", proto.max_regions(), "; expected 0 to ", kMaxRegions);
  }
  if (!proto.has_max_contour_points()) return absl::OkStatus();
  judge.max_contour_points = proto.max_contour_points();
  if (judge.max_contour_points >= kFewestContourPoints && judge.max_contour_points <= kMaxContourPoints) {
    return absl::OkStatus();
  }
  return fields.Invalid("max_contour_points", "is ", proto.max_contour_points(), "; expected ", kFewestContourPoints,
                        " to ", kMaxContourPoints);
}

absl::Status MapsFromProto(const v1::InspectOptions& proto, const Fields& fields, FrameOptions& options) {
  const absl::StatusOr<MapEncoding> map = EncodingFromProto(proto.anomaly_map(), "anomaly_map", fields);
  if (!map.ok()) return map.status();
  const absl::StatusOr<MapEncoding> deviation = EncodingFromProto(proto.deviation_map(), "deviation_map", fields);
  if (!deviation.ok()) return deviation.status();
  const absl::StatusOr<MaskEncoding> mask = MaskFromProto(proto.mask(), fields);
  if (!mask.ok()) return mask.status();
  const absl::StatusOr<MapSize> resolution = ResolutionFromProto(proto.resolution(), fields);
  if (!resolution.ok()) return resolution.status();
  const absl::StatusOr<PictureEncoding> picture = PictureFromProto(proto.inspected_picture(), fields);
  if (!picture.ok()) return picture.status();
  options.anomaly_map = *map;
  options.deviation_map = *deviation;
  options.mask = *mask;
  options.resolution = *resolution;
  options.picture = *picture;
  return absl::OkStatus();
}

absl::Status JudgeFromProto(const v1::InspectOptions& proto, const Fields& fields, JudgeOptions& judge) {
  if (proto.has_mask_threshold()) {
    const float threshold = proto.mask_threshold();
    if (!(threshold >= 0.0F && threshold <= 1.0F)) {  // false for NaN as well
      return fields.Invalid("mask_threshold", "is ", threshold, "; expected 0 to 1");
    }
    judge.mask_threshold = threshold;
  }
  return proto.has_regions() ? RegionsFromProto(proto.regions(), fields, judge) : absl::OkStatus();
}

absl::StatusOr<RawImage> RawFromProto(const v1::RawImage& raw, const Fields& parent) {
  const Fields fields(parent.prefix(), "raw.");
  if (raw.pfnc_pixel_format() == 0) return fields.Invalid("pfnc_pixel_format", "is not given");
  const std::optional<PixelFormat> format = PixelFormatFromPfncValue(raw.pfnc_pixel_format());
  if (!format.has_value()) {
    return fields.Invalid("pfnc_pixel_format", absl::StrFormat("is 0x%08X", raw.pfnc_pixel_format()),
                          ", which is not among the formats that are taken: the contract lists them");
  }
  if (raw.width() == 0 || raw.height() == 0) {
    return fields.Invalid(raw.width() == 0 ? "width" : "height", "is 0; the picture is ", raw.width(), " x ",
                          raw.height(), " pixels, and both must be positive");
  }
  return RawImage{.data = AsBytes(raw.data()),
                  .width = raw.width(),
                  .height = raw.height(),
                  .stride = raw.stride(),
                  .format = *format,
                  .max_trailing_bytes = raw.max_trailing_bytes()};
}

absl::Status CheckSignificantBits(const v1::Image& image, const Fields& fields) {
  const uint32_t bits = image.significant_bits();
  if (bits == 0) return absl::OkStatus();
  if (bits < 9 || bits > 16) return fields.Invalid("significant_bits", "is ", bits, "; expected 9 to 16, or 0");
  if (!image.has_raw()) return absl::OkStatus();
  // A format that is not known at all is told of by the field that names it.
  const std::optional<PixelFormat> format = PixelFormatFromPfncValue(image.raw().pfnc_pixel_format());
  if (!format.has_value() || TakesSignificantBits(*format)) return absl::OkStatus();
  return fields.Invalid("significant_bits", "is ", bits, ", but ", PixelFormatName(*format),
                        " has its own; of the raw formats those of 16 bits take it, such as Mono16");
}

absl::StatusOr<FrameRequest> MakeRequest(const v1::Image& image, const v1::FrameMetadata& metadata,
                                         const v1::InspectOptions& options, absl::string_view where) {
  absl::StatusOr<FrameOptions> checked = OptionsFromProto(options, where);
  if (!checked.ok()) return checked.status();
  if (const absl::Status names = CheckMetadata(metadata, where); !names.ok()) return names;
  absl::StatusOr<ImageSource> source = ImageFromProto(image, where);
  if (!source.ok()) return source.status();
  FrameRequest request;
  request.image = *std::move(source);
  request.options = *std::move(checked);
  return request;
}

}  // namespace

absl::Status CheckMetadata(const v1::FrameMetadata& metadata, absl::string_view where) {
  const Fields fields(where, "metadata.");
  absl::Status status = CheckId(metadata.camera_id(), "camera_id", fields);
  status.Update(CheckId(metadata.frame_id(), "frame_id", fields));
  status.Update(CheckId(metadata.part_id(), "part_id", fields));
  if (status.ok() && metadata.has_capture_time()) status = CheckCaptureTime(metadata, fields);
  return status;
}

absl::StatusOr<ImageSource> ImageFromProto(const v1::Image& image, absl::string_view where) {
  const Fields fields(where, "image.");
  const absl::Status bits = CheckSignificantBits(image, fields);
  if (!bits.ok()) return bits;
  ImageSource source;
  if (image.significant_bits() != 0) source.significant_bits = static_cast<int>(image.significant_bits());
  if (image.apply_orientation() && image.has_raw()) {
    return fields.Invalid("apply_orientation", "is true, but raw pixels say no orientation; expected false");
  }
  source.apply_orientation = image.apply_orientation();
  switch (image.source_case()) {
    case v1::Image::kEncoded:
      if (image.encoded().empty()) return fields.Invalid("encoded", "is empty: 0 bytes");
      source.pixels = EncodedImage{.data = AsBytes(image.encoded())};
      return source;
    case v1::Image::kRaw: {
      absl::StatusOr<RawImage> raw = RawFromProto(image.raw(), fields);
      if (!raw.ok()) return raw.status();
      source.pixels = *raw;
      return source;
    }
    case v1::Image::SOURCE_NOT_SET:
      break;
  }
  return InvalidField(absl::StrCat(where, "image"), "is empty: neither image.encoded nor image.raw is given");
}

absl::StatusOr<FrameOptions> OptionsFromProto(const v1::InspectOptions& proto, absl::string_view where) {
  const Fields fields(where, "options.");
  FrameOptions options;
  absl::StatusOr<CategoryRequest> category = CategoryFromProto(proto, fields);
  if (!category.ok()) return category.status();
  options.category = *std::move(category);
  if (const absl::Status maps = MapsFromProto(proto, fields, options); !maps.ok()) return maps;
  if (const absl::Status judge = JudgeFromProto(proto, fields, options.judge); !judge.ok()) return judge;
  const absl::StatusOr<Priority> priority = PriorityFromProto(proto.priority(), fields);
  if (!priority.ok()) return priority.status();
  options.priority = *priority;
  if (!proto.model().empty()) {
    const absl::Status valid = CheckModelName(proto.model());
    if (!valid.ok()) return fields.Invalid("model", "cannot be used: ", valid.message());
    options.model = proto.model();
  }
  return options;
}

absl::StatusOr<absl::Duration> TimeoutFromProto(const google::protobuf::Duration& timeout, absl::string_view where) {
  constexpr int64_t kMaxSeconds = 315'576'000'000;  // as google.protobuf.Duration defines it
  constexpr int32_t kNanosPerSecond = 1'000'000'000;
  const bool in_range = timeout.seconds() >= 0 && timeout.seconds() <= kMaxSeconds && timeout.nanos() >= 0 &&
                        timeout.nanos() < kNanosPerSecond;
  if (!in_range || (timeout.seconds() == 0 && timeout.nanos() == 0)) {
    return Fields(where, "").Invalid("timeout", "is ", timeout.seconds(), " s and ", timeout.nanos(),
                                     " ns; expected more than 0 and at most ", kMaxSeconds, " s");
  }
  return absl::Seconds(timeout.seconds()) + absl::Nanoseconds(timeout.nanos());
}

absl::StatusOr<FrameRequest> FrameFromProto(const v1::InspectRequest& request) {
  return MakeRequest(request.image(), request.metadata(), request.options(), "");
}

absl::StatusOr<StreamDefaults> DefaultsFromProto(const v1::StreamConfiguration& configuration) {
  constexpr absl::string_view kWhere = "configuration.";
  // Frames may bring the category; everything else must hold for it alone.
  v1::InspectOptions checked = configuration.options();
  if (!checked.has_category()) checked.set_category("any");
  const absl::StatusOr<FrameOptions> options = OptionsFromProto(checked, kWhere);
  if (!options.ok()) return options.status();
  const int policy = configuration.flow_policy();
  if (policy != v1::FLOW_POLICY_UNSPECIFIED && policy != v1::FLOW_POLICY_BLOCK && policy != v1::FLOW_POLICY_LATEST) {
    return Fields(kWhere, "").UnknownEnum("flow_policy", policy);
  }
  return StreamDefaults{.options = configuration.options(), .latest = policy == v1::FLOW_POLICY_LATEST};
}

absl::StatusOr<FrameRequest> FrameFromProto(const v1::StreamFrame& frame, const StreamDefaults& defaults) {
  v1::InspectOptions options = defaults.options;
  options.MergeFrom(frame.options());
  absl::StatusOr<FrameRequest> request = MakeRequest(frame.image(), frame.metadata(), options, "frame.");
  if (!request.ok() || !frame.has_timeout()) return request;
  const absl::StatusOr<absl::Duration> timeout = TimeoutFromProto(frame.timeout());
  if (!timeout.ok()) return timeout.status();
  request->deadline = absl::Now() + *timeout;
  return request;
}

}  // namespace bayespfl::server
