#include "model/verdict/result_line.h"

#include <limits>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/shortest_decimal.h"
#include "model/package/json_object_reader.h"

namespace bayespfl {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kLineName[] = "result line";
constexpr double kHighestMixedScore = 1e9;  // where all good parts are alike, a score's stretch goes to 1e8

Json OrNull(const std::string& text) { return text.empty() ? Json() : Json(text); }
Json OrNull(const std::optional<float>& number) { return number.has_value() ? Json(ShortestDecimal(*number)) : Json(); }

Json PictureToJson(const PictureIdentity& picture) {
  Json raw;
  if (picture.raw.has_value()) {
    raw = {{"width", picture.raw->width},
           {"height", picture.raw->height},
           {"stride", picture.raw->stride},
           {"pfnc_pixel_format", picture.raw->pfnc_pixel_format},
           {"max_trailing_bytes", picture.raw->max_trailing_bytes}};
  }
  return {{"sha256", picture.sha256},
          {"raw", std::move(raw)},
          {"significant_bits", picture.significant_bits},
          {"apply_orientation", picture.apply_orientation}};
}

Json ProvenanceToJson(const Provenance& provenance) {
  return {{"model", OrNull(provenance.model)},
          {"model_digest", provenance.model_digest},
          {"computation_digest", provenance.computation_digest},
          {"model_version", provenance.model_version},
          {"precision", provenance.precision},
          {"kernels", provenance.kernels},
          {"device", provenance.device},
          {"server_version", provenance.server_version},
          {"seed", provenance.seed},
          {"samples", provenance.samples},
          {"picture", PictureToJson(provenance.picture)},
          {"ran_alone", provenance.ran_alone}};
}

Json WarningsToJson(const std::vector<Warning>& warnings) {
  Json array = Json::array();
  for (const Warning& warning : warnings) {
    array.push_back({{"reason", warning.reason}, {"message", warning.message}});
  }
  return array;
}

float ReadFloat(JsonObjectReader& reader, const std::string& key, double low, double high) {
  return static_cast<float>(reader.Number(key, low, high));
}

std::string ReadOptionalText(JsonObjectReader& reader, const std::string& key) {
  return reader.HasValue(key) ? reader.String(key) : std::string();
}

// A word of a fixed set; `of_name` gives nullopt for others.
template <typename OfName>
auto ReadWord(JsonObjectReader& reader, const std::string& key, OfName of_name) {
  const auto value = of_name(reader.String(key));
  if (!value.has_value()) reader.Fail(key, "is no word that is known here");
  return value;
}

Thresholds ReadThresholds(JsonObjectReader reader) {
  Thresholds result;
  result.source = ReadWord(reader, "source", ThresholdSourceOfName).value_or(ThresholdSource::kDefault);
  result.revision = ReadOptionalText(reader, "revision");
  result.mask = ReadFloat(reader, "mask", 0, 1);
  result.min_region_fraction = reader.Number("min_region_fraction", 0, 1);
  JsonObjectReader lines = reader.Object("lines");
  for (const DecisionRule rule : kDecisionRules) {
    const std::string name(RuleName(rule));
    if (!lines.Has(name)) continue;
    JsonObjectReader line = lines.Object(name);
    const double fail = line.Number("fail", 0, 1);
    result.lines.push_back(
        {.rule = rule, .review = ReadFloat(line, "review", 0, fail), .fail = static_cast<float>(fail)});
  }
  return result;
}

PictureIdentity ReadPicture(JsonObjectReader reader) {
  PictureIdentity result;
  result.sha256 = reader.String("sha256");
  result.significant_bits = static_cast<int>(reader.Integer("significant_bits", 0, 16));
  // Lines of older versions have no such key: nothing was turned.
  if (reader.HasValue("apply_orientation")) result.apply_orientation = reader.Boolean("apply_orientation");
  if (!reader.HasValue("raw")) return result;
  JsonObjectReader raw = reader.Object("raw");
  constexpr int64_t kLargest = std::numeric_limits<uint32_t>::max();
  result.raw = {.width = static_cast<uint32_t>(raw.Integer("width", 0, kLargest)),
                .height = static_cast<uint32_t>(raw.Integer("height", 0, kLargest)),
                .stride = static_cast<uint32_t>(raw.Integer("stride", 0, kLargest)),
                .pfnc_pixel_format = static_cast<uint32_t>(raw.Integer("pfnc_pixel_format", 0, kLargest))};
  // Lines of older versions have no such key: there could not be any.
  if (raw.Has("max_trailing_bytes")) {
    result.raw->max_trailing_bytes = static_cast<uint32_t>(raw.Integer("max_trailing_bytes", 0, kLargest));
  }
  return result;
}

Provenance ReadProvenance(JsonObjectReader reader) {
  Provenance result;
  result.model = ReadOptionalText(reader, "model");
  result.model_digest = reader.String("model_digest");
  result.computation_digest = reader.String("computation_digest");
  result.model_version = reader.String("model_version");
  result.precision = reader.String("precision");
  result.kernels = reader.String("kernels");
  result.device = reader.String("device");
  result.server_version = reader.String("server_version");
  result.seed = reader.Unsigned("seed");
  result.samples = static_cast<int>(reader.Integer("samples", 1, std::numeric_limits<int>::max()));
  result.picture = ReadPicture(reader.Object("picture"));
  result.ran_alone = reader.Boolean("ran_alone");
  return result;
}

Inspection ReadInspection(JsonObjectReader& reader) {
  Inspection result;
  result.category = reader.String("category");
  result.object = reader.String("object");
  result.decision.verdict = ReadWord(reader, "verdict", VerdictOfName).value_or(Verdict::kNone);
  if (reader.HasValue("decided_by")) result.decision.rule = ReadWord(reader, "decided_by", RuleOfName);
  result.score = ReadFloat(reader, "score", 0, 1);
  result.score_std = ReadFloat(reader, "score_std", 0, 1);
  result.map_score = ReadFloat(reader, "map_score", 0, 1);
  if (reader.HasValue("mixed_score"))
    result.mixed_score = ReadFloat(reader, "mixed_score", -kHighestMixedScore, kHighestMixedScore);
  result.mask_threshold = ReadFloat(reader, "mask_threshold", 0, 1);
  result.mask_area_fraction = reader.Number("mask_area_fraction", 0, 1);
  result.largest_region_fraction = reader.Number("largest_region_fraction", 0, 1);
  result.frame_width = static_cast<int>(reader.Integer("frame_width", 1, std::numeric_limits<int>::max()));
  result.frame_height = static_cast<int>(reader.Integer("frame_height", 1, std::numeric_limits<int>::max()));
  result.thresholds = ReadThresholds(reader.Object("thresholds"));
  result.provenance = ReadProvenance(reader.Object("provenance"));
  result.provenance.result_id = reader.String("result_id");
  return result;
}

}  // namespace

Json ResultToJson(const Inspection& inspection) {
  const Decision& decision = inspection.decision;
  return {{"result_id", inspection.provenance.result_id},
          {"category", inspection.category},
          {"object", inspection.object},
          {"verdict", VerdictName(decision.verdict)},
          {"decided_by", decision.rule.has_value() ? Json(RuleName(*decision.rule)) : Json()},
          {"score", ShortestDecimal(inspection.score)},
          {"score_std", ShortestDecimal(inspection.score_std)},
          {"map_score", ShortestDecimal(inspection.map_score)},
          {"mixed_score", OrNull(inspection.mixed_score)},
          {"mask_threshold", ShortestDecimal(inspection.mask_threshold)},
          {"mask_area_fraction", inspection.mask_area_fraction},
          {"largest_region_fraction", inspection.largest_region_fraction},
          {"frame_width", inspection.frame_width},
          {"frame_height", inspection.frame_height},
          {"thresholds", ThresholdsToJson(inspection.thresholds)},
          {"warnings", WarningsToJson(inspection.warnings)},
          {"provenance", ProvenanceToJson(inspection.provenance)}};
}

Json NoResultToJson() {
  static const Json* const kNothing = [] {
    auto* nothing = new Json(ResultToJson({}));
    for (auto& [key, value] : nothing->items()) value = nullptr;
    return nothing;
  }();
  return *kNothing;
}

Json RegionsToJson(const std::vector<Region>& regions) {
  Json array = Json::array();
  for (const Region& region : regions) {
    Json contour = Json::array();
    for (const Point& point : region.contour) {
      contour.push_back(Json::array({ShortestDecimal(point.x), ShortestDecimal(point.y)}));
    }
    array.push_back(
        {{"box", Json::array({ShortestDecimal(region.box.x), ShortestDecimal(region.box.y),
                              ShortestDecimal(region.box.width), ShortestDecimal(region.box.height)})},
         {"area_pixels", region.area_pixels},
         {"area_fraction", region.area_fraction},
         {"peak", ShortestDecimal(region.peak)},
         {"mean", ShortestDecimal(region.mean)},
         {"centroid", Json::array({ShortestDecimal(region.centroid.x), ShortestDecimal(region.centroid.y)})},
         {"contour", std::move(contour)}});
  }
  return array;
}

Json ThresholdsToJson(const Thresholds& thresholds) {
  Json lines = Json::object();
  for (const DecisionLine& line : thresholds.lines) {
    lines[std::string(RuleName(line.rule))] = {{"review", ShortestDecimal(line.review)},
                                               {"fail", ShortestDecimal(line.fail)}};
  }
  return {{"source", ThresholdSourceName(thresholds.source)},
          {"revision", OrNull(thresholds.revision)},
          {"mask", ShortestDecimal(thresholds.mask)},
          {"min_region_fraction", thresholds.min_region_fraction},
          {"lines", std::move(lines)}};
}

Json TimingsToJson(const std::vector<StageTiming>& timings) {
  Json object = Json::object();
  for (const StageTiming& timing : timings) object[timing.stage] = timing.seconds;
  return object;
}

absl::StatusOr<Inspection> ParseResultLine(absl::string_view line) {
  const absl::StatusOr<nlohmann::json> document = ParseJsonObject(line, kLineName);
  if (!document.ok()) return document.status();
  if (const auto code = document->find("code"); code != document->end() && *code != "OK") {
    return absl::InvalidArgumentError(
        absl::StrCat(kLineName, ": the frame had no result; its code was ",
                     code->is_string() ? code->get_ref<const std::string&>() : "none that is known"));
  }
  absl::Status status;
  JsonObjectReader reader(&*document, kLineName, "", &status);
  Inspection inspection = ReadInspection(reader);
  if (!status.ok()) return status;
  return inspection;
}

}  // namespace bayespfl
