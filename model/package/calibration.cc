#include "model/package/calibration.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "base/shortest_decimal.h"
#include "model/package/json_object_reader.h"
#include "model/package/model_config.h"
#include "nlohmann/json.hpp"

namespace bayespfl {
namespace {

constexpr char kFileName[] = "calibration";
constexpr int kSchemaVersion = 2;
constexpr int64_t kMaxPictures = int64_t{1} << 31;
constexpr int64_t kMaxPixels = int64_t{1} << 53;
constexpr size_t kDigestDigits = 64;
constexpr size_t kRevisionDigits = 12;

std::string ReadDigest(JsonObjectReader& reader, const std::string& key) {
  std::string digest = reader.String(key);
  const bool good = digest.size() == kDigestDigits && std::all_of(digest.begin(), digest.end(), [](char c) {
                      return absl::ascii_isdigit(static_cast<unsigned char>(c)) || (c >= 'a' && c <= 'f');
                    });
  if (!good) reader.Fail(key, "must be a SHA-256: 64 lower-case hexadecimal digits");
  return digest;
}

CalibrationProvenance ReadProvenance(JsonObjectReader reader) {
  CalibrationProvenance result;
  result.good_pictures = reader.Integer("good_pictures", 1, kMaxPictures);
  result.pictures_digest = ReadDigest(reader, "pictures_digest");
  result.pixel_percentile = reader.Number("pixel_percentile", 0, 100);
  result.pixels = reader.Integer("pixels", 1, kMaxPixels);
  result.fail_rate = reader.Number("fail_rate", 0, 1);
  result.review_rate = reader.Number("review_rate", result.fail_rate, 1);
  if (reader.Has("confidence")) result.confidence = reader.Number("confidence", 0, 1);
  if (reader.Has("significant_bits")) {
    result.significant_bits = static_cast<int>(reader.Integer("significant_bits", 9, 16));
  }
  if (reader.Has("apply_orientation")) result.apply_orientation = reader.Boolean("apply_orientation");
  reader.Done();
  return result;
}

std::vector<DecisionLine> ReadLines(JsonObjectReader& category) {
  JsonObjectReader reader = category.Object("lines");
  std::vector<DecisionLine> lines;
  for (const DecisionRule rule : kDecisionRules) {
    const std::string name(RuleName(rule));
    if (!reader.Has(name)) continue;
    JsonObjectReader line = reader.Object(name);
    const double fail = line.Number("fail", 0, 1);
    lines.push_back(
        {.rule = rule, .review = static_cast<float>(line.Number("review", 0, fail)), .fail = static_cast<float>(fail)});
    line.Done();
  }
  reader.Done();
  if (lines.empty()) category.Fail("lines", "holds no line: such a category has no verdict");
  return lines;
}

Range ReadRange(JsonObjectReader reader) {
  // Compared as they are written: the float may lie above the shortest decimal that stands for it.
  const double low = reader.Number("low", 0, 1);
  const double high = reader.Number("high", low, 1);
  reader.Done();
  return {.low = static_cast<float>(low), .high = static_cast<float>(high)};
}

// An object's or category's text, which must be its own key.
void CheckKey(JsonObjectReader& reader, const std::string& key, const std::string& text) {
  const absl::StatusOr<std::string> clean = CategoryKey(text, "it");
  if (!clean.ok()) {
    reader.Fail(key, absl::StrCat("is no name: ", clean.status().message()));
  } else if (*clean != text) {
    reader.Fail(key, "has white space around it");
  }
}

CategoryCalibration ReadCategory(JsonObjectReader reader) {
  CategoryCalibration result;
  CategoryDefaults& defaults = result.defaults;
  defaults.object = reader.String("object");
  CheckKey(reader, "object", defaults.object);
  defaults.seed = reader.Unsigned("seed");
  defaults.samples = static_cast<int>(reader.Integer("samples", 1, kMaxSamples));
  defaults.thresholds.source = ThresholdSource::kCategory;
  defaults.thresholds.mask = static_cast<float>(reader.Number("mask_threshold", 0, 1));
  defaults.thresholds.min_region_fraction = reader.Number("min_region_fraction", 0, 1);
  defaults.thresholds.lines = ReadLines(reader);
  if (reader.Has("ranges")) {
    JsonObjectReader ranges = reader.Object("ranges");
    defaults.ranges = {.score = ReadRange(ranges.Object("score")), .map_score = ReadRange(ranges.Object("map_score"))};
    ranges.Done();
  }
  result.provenance = ReadProvenance(reader.Object("provenance"));
  reader.Done();
  Revise(result);
  return result;
}

nlohmann::ordered_json ToJson(const Range& range) {
  return {{"low", ShortestDecimal(range.low)}, {"high", ShortestDecimal(range.high)}};
}

nlohmann::ordered_json ToJson(const CalibrationProvenance& provenance) {
  nlohmann::ordered_json json = {{"good_pictures", provenance.good_pictures},
                                 {"pictures_digest", provenance.pictures_digest},
                                 {"pixel_percentile", provenance.pixel_percentile},
                                 {"pixels", provenance.pixels},
                                 {"fail_rate", provenance.fail_rate},
                                 {"review_rate", provenance.review_rate}};
  if (provenance.confidence.has_value()) json["confidence"] = *provenance.confidence;
  if (provenance.significant_bits != 0) json["significant_bits"] = provenance.significant_bits;
  if (provenance.apply_orientation) json["apply_orientation"] = true;
  return json;
}

nlohmann::ordered_json ToJson(const CategoryCalibration& category) {
  const CategoryDefaults& defaults = category.defaults;
  nlohmann::ordered_json lines = nlohmann::ordered_json::object();
  for (const DecisionLine& line : defaults.thresholds.lines) {
    lines[std::string(RuleName(line.rule))] = {{"review", ShortestDecimal(line.review)},
                                               {"fail", ShortestDecimal(line.fail)}};
  }
  nlohmann::ordered_json json = {{"object", defaults.object},
                                 {"seed", defaults.seed},
                                 {"samples", defaults.samples},
                                 {"mask_threshold", ShortestDecimal(defaults.thresholds.mask)},
                                 {"min_region_fraction", defaults.thresholds.min_region_fraction},
                                 {"lines", std::move(lines)}};
  if (defaults.ranges.has_value()) {
    json["ranges"] = {{"score", ToJson(defaults.ranges->score)}, {"map_score", ToJson(defaults.ranges->map_score)}};
  }
  json["provenance"] = ToJson(category.provenance);
  return json;
}

absl::Status CheckVersion(const nlohmann::json& document) {
  const auto version = document.find("schema_version");
  if (version == document.end() || *version != 1) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      kFileName, ": \"schema_version\" is 1, whose thresholds knew no verdict; run `bayespfl-model calibrate` again"));
}

}  // namespace

absl::StatusOr<Calibration> ParseCalibration(absl::string_view json_text) {
  const absl::StatusOr<nlohmann::json> document = ParseJsonObject(json_text, kFileName);
  if (!document.ok()) return document.status();
  absl::Status status = CheckVersion(*document);
  if (!status.ok()) return status;
  Calibration calibration;
  JsonObjectReader root(&*document, kFileName, "", &status);
  root.Integer("schema_version", kSchemaVersion, kSchemaVersion);
  calibration.computation_digest = ReadDigest(root, "computation_digest");
  calibration.precision = ReadPrecision(root);
  JsonObjectReader categories = root.Object("categories");
  const std::vector<std::string> keys = categories.Keys();
  if (keys.empty()) root.Fail("categories", "holds no category");
  for (const std::string& key : keys) {
    CheckKey(categories, key, key);
    calibration.categories.emplace(key, ReadCategory(categories.Object(key)));
  }
  root.Done();
  if (!status.ok()) return status;
  return calibration;
}

std::string CalibrationText(const Calibration& calibration) {
  nlohmann::ordered_json categories = nlohmann::ordered_json::object();
  for (const auto& [key, category] : calibration.categories) categories[key] = ToJson(category);
  nlohmann::ordered_json document = {{"schema_version", kSchemaVersion},
                                     {"computation_digest", calibration.computation_digest}};
  if (calibration.precision != Precision::kFp32) document[kPrecisionKey] = PrecisionName(calibration.precision);
  document["categories"] = std::move(categories);
  return document.dump(2) + "\n";
}

void Revise(CategoryCalibration& category) {
  category.defaults.thresholds.revision = Sha256Hex(ToJson(category).dump()).substr(0, kRevisionDigits);
}

CategoryTable MakeCategoryTable(const Thresholds& fallback,
                                const std::map<std::string, CategoryCalibration>& categories) {
  std::map<std::string, CategoryDefaults> calibrated;
  for (const auto& [key, category] : categories) {
    CategoryDefaults& defaults = calibrated.emplace(key, category.defaults).first->second;
    defaults.apply_orientation = category.provenance.apply_orientation;
  }
  return {fallback, std::move(calibrated)};
}

}  // namespace bayespfl
