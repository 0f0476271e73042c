#include "server/api/translate_result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/package/model_config.h"

namespace bayespfl::server {
namespace {

namespace v1 = inspection::v1;

v1::MapEncoding ToProto(MapEncoding encoding) {
  switch (encoding) {
    case MapEncoding::kPng8:
      return v1::MAP_ENCODING_PNG8;
    case MapEncoding::kPng16:
      return v1::MAP_ENCODING_PNG16;
    case MapEncoding::kFloat32:
      return v1::MAP_ENCODING_FLOAT32;
    case MapEncoding::kNone:
      break;
  }
  return v1::MAP_ENCODING_UNSPECIFIED;
}

v1::MaskEncoding ToProto(MaskEncoding encoding) {
  switch (encoding) {
    case MaskEncoding::kPng8:
      return v1::MASK_ENCODING_PNG8;
    case MaskEncoding::kPng1:
      return v1::MASK_ENCODING_PNG1;
    case MaskEncoding::kCocoRle:
      return v1::MASK_ENCODING_COCO_RLE;
    case MaskEncoding::kUint8:  // KServe's; the contract has no such form
    case MaskEncoding::kNone:
      break;
  }
  return v1::MASK_ENCODING_UNSPECIFIED;
}

v1::Verdict ToProto(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass:
      return v1::VERDICT_PASS;
    case Verdict::kReview:
      return v1::VERDICT_REVIEW;
    case Verdict::kFail:
      return v1::VERDICT_FAIL;
    case Verdict::kNone:
      break;
  }
  return v1::VERDICT_UNSPECIFIED;
}

v1::DecisionRule ToProto(DecisionRule rule) {
  switch (rule) {
    case DecisionRule::kScore:
      return v1::DECISION_RULE_SCORE;
    case DecisionRule::kMapScore:
      return v1::DECISION_RULE_MAP_SCORE;
    case DecisionRule::kRegionArea:
      break;
  }
  return v1::DECISION_RULE_REGION_AREA;
}

v1::ThresholdSource ToProto(ThresholdSource source) {
  switch (source) {
    case ThresholdSource::kDefault:
      return v1::THRESHOLD_SOURCE_DEFAULT;
    case ThresholdSource::kPackage:
      return v1::THRESHOLD_SOURCE_PACKAGE;
    case ThresholdSource::kCategory:
      break;
  }
  return v1::THRESHOLD_SOURCE_CATEGORY;
}

void Fill(const Thresholds& thresholds, float mask, v1::Thresholds& proto) {
  proto.set_source(ToProto(thresholds.source));
  proto.set_revision(thresholds.revision);
  proto.set_mask(mask);
  proto.set_min_region_fraction(thresholds.min_region_fraction);
  for (const DecisionLine& line : thresholds.lines) {
    v1::DecisionLine& added = *proto.add_lines();
    added.set_rule(ToProto(line.rule));
    added.set_review(line.review);
    added.set_fail(line.fail);
  }
}

v1::Point ToProto(const Point& point) {
  v1::Point proto;
  proto.set_x(point.x);
  proto.set_y(point.y);
  return proto;
}

void Fill(const Region& region, v1::Region& proto) {
  v1::Box& box = *proto.mutable_box();
  box.set_x(region.box.x);
  box.set_y(region.box.y);
  box.set_width(region.box.width);
  box.set_height(region.box.height);
  proto.set_area_pixels(region.area_pixels);
  proto.set_area_fraction(region.area_fraction);
  proto.set_peak(region.peak);
  proto.set_mean(region.mean);
  *proto.mutable_centroid() = ToProto(region.centroid);
  for (const Point& point : region.contour) *proto.add_contour() = ToProto(point);
}

void Fill(Inspection& inspection, v1::Provenance& proto) {
  Provenance& provenance = inspection.provenance;
  proto.set_result_id(std::move(provenance.result_id));
  proto.set_model(std::move(provenance.model));
  proto.set_model_digest(std::move(provenance.model_digest));
  proto.set_computation_digest(std::move(provenance.computation_digest));
  proto.set_model_version(std::move(provenance.model_version));
  proto.set_precision(std::move(provenance.precision));
  proto.set_kernels(std::move(provenance.kernels));
  proto.set_device(std::move(provenance.device));
  proto.set_server_version(std::move(provenance.server_version));
  proto.set_thresholds_revision(inspection.thresholds.revision);
  proto.set_seed(provenance.seed);
  proto.set_samples(static_cast<uint32_t>(provenance.samples));
  proto.set_picture_sha256(std::move(provenance.picture.sha256));
  proto.set_ran_alone(provenance.ran_alone);
}

void Fill(Warning& warning, v1::PictureWarning& proto) {
  v1::WarningReason reason = v1::WARNING_REASON_UNSPECIFIED;
  if (v1::WarningReason_Parse(absl::StrCat("WARNING_REASON_", warning.reason), &reason)) proto.set_reason(reason);
  proto.set_message(std::move(warning.message));
}

void Fill(Inspection& inspection, v1::InspectResponse& proto) {
  proto.set_category(std::move(inspection.category));
  proto.set_object(std::move(inspection.object));
  proto.set_verdict(ToProto(inspection.decision.verdict));
  if (inspection.decision.rule.has_value()) proto.set_decided_by(ToProto(*inspection.decision.rule));
  Fill(inspection.thresholds, inspection.mask_threshold, *proto.mutable_thresholds());
  proto.set_score(inspection.score);
  proto.set_score_std(inspection.score_std);
  proto.set_map_score(inspection.map_score);
  if (inspection.mixed_score.has_value()) proto.set_mixed_score(*inspection.mixed_score);
  proto.set_mask_area_fraction(inspection.mask_area_fraction);
  proto.set_largest_region_fraction(inspection.largest_region_fraction);
  proto.set_frame_width(static_cast<uint32_t>(inspection.frame_width));
  proto.set_frame_height(static_cast<uint32_t>(inspection.frame_height));
  for (const Region& region : inspection.regions) Fill(region, *proto.add_regions());
  if (inspection.regions_total.has_value()) proto.set_regions_total(static_cast<uint32_t>(*inspection.regions_total));
  for (StageTiming& timing : inspection.timings) {
    v1::StageTiming& added = *proto.add_timings();
    added.set_stage(std::move(timing.stage));
    added.set_seconds(timing.seconds);
  }
  for (Warning& warning : inspection.warnings) Fill(warning, *proto.add_warnings());
  Fill(inspection, *proto.mutable_provenance());  // last: it empties what the rest is named by
}

void Fill(EncodedMap& map, v1::PixelMap& proto) {
  proto.set_encoding(ToProto(map.encoding));
  proto.set_width(static_cast<uint32_t>(map.width));
  proto.set_height(static_cast<uint32_t>(map.height));
  proto.set_data(std::move(map.data));
}

void Fill(EncodedMask& mask, v1::Mask& proto) {
  proto.set_encoding(ToProto(mask.encoding));
  proto.set_width(static_cast<uint32_t>(mask.width));
  proto.set_height(static_cast<uint32_t>(mask.height));
  proto.set_data(std::move(mask.data));
  proto.set_area_pixels(mask.area);
}

void Fill(EncodedPicture& picture, v1::EncodedPicture& proto) {
  proto.set_encoding(picture.encoding == PictureEncoding::kPng ? v1::PICTURE_ENCODING_PNG : v1::PICTURE_ENCODING_JPEG);
  proto.set_data(std::move(picture.data));
}

void Fill(const std::string& name, const CategoryCalibration& calibration, v1::CalibratedCategory& proto) {
  const CategoryDefaults& defaults = calibration.defaults;
  proto.set_category(name);
  proto.set_object(defaults.object);
  Fill(defaults.thresholds, defaults.thresholds.mask, *proto.mutable_thresholds());
  proto.set_seed(defaults.seed);
  proto.set_samples(static_cast<uint32_t>(defaults.samples));
  proto.set_good_pictures(static_cast<uint32_t>(calibration.provenance.good_pictures));
  proto.set_fail_rate(calibration.provenance.fail_rate);
  proto.set_review_rate(calibration.provenance.review_rate);
  if (calibration.provenance.confidence.has_value()) proto.set_confidence(*calibration.provenance.confidence);
  proto.set_significant_bits(static_cast<uint32_t>(calibration.provenance.significant_bits));
  proto.set_apply_orientation(calibration.provenance.apply_orientation);
}

}  // namespace

v1::InspectResponse ToProto(InspectionOutcome outcome) {
  v1::InspectResponse response;
  Fill(outcome.inspection, response);
  if (outcome.anomaly_map.has_value()) Fill(*outcome.anomaly_map, *response.mutable_anomaly_map());
  if (outcome.deviation_map.has_value()) Fill(*outcome.deviation_map, *response.mutable_deviation_map());
  if (outcome.mask.has_value()) Fill(*outcome.mask, *response.mutable_mask());
  if (outcome.picture.has_value()) Fill(*outcome.picture, *response.mutable_inspected_picture());
  return response;
}

v1::Model ToProto(const ServedModel& model, bool is_default, Categories categories) {
  const ModelInfo& info = model.info();
  v1::Model proto;
  proto.set_name(model.name());
  proto.set_is_default(is_default);
  proto.set_package_name(info.name);
  proto.set_version(info.version);
  proto.set_digest(info.digest);
  proto.set_computation_digest(info.computation_digest);
  proto.set_kind(info.kind);
  proto.set_device(info.device);
  proto.set_precision(info.precision);
  proto.set_kernels(info.kernels);
  proto.set_stage(static_cast<uint32_t>(info.stage));
  proto.set_image_size(static_cast<uint32_t>(info.image_size));
  proto.set_default_samples(static_cast<uint32_t>(info.default_samples));
  proto.set_max_samples(kMaxSamples);
  proto.set_map_smoothing_sigma(info.map_smoothing_sigma);
  proto.set_iad_sampling(info.iad_sampling);
  Fill(info.default_thresholds, info.default_thresholds.mask, *proto.mutable_default_thresholds());
  proto.set_categories_total(static_cast<uint32_t>(info.categories.size()));
  if (categories == Categories::kLeaveOut) return proto;
  for (const auto& [name, calibration] : info.categories) Fill(name, calibration, *proto.add_categories());
  return proto;
}

}  // namespace bayespfl::server
