#include "model/package/calibration.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "base/shortest_decimal.h"
#include "model/package/json_object_reader.h"
#include "model/package/model_config.h"
#include "nlohmann/json.hpp"

namespace bayespfl {
namespace {

constexpr char kFileName[] = "calibration";
constexpr int kSchemaVersion = 1;
constexpr int64_t kMaxPictures = int64_t{1} << 31;
constexpr int64_t kMaxPixels = int64_t{1} << 53;
constexpr size_t kDigestDigits = 64;

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
  result.reject_rate = reader.Number("reject_rate", 0, 1);
  if (reader.Has("confidence")) result.confidence = reader.Number("confidence", 0, 1);
  result.score_rank = reader.Integer("score_rank", 1, result.good_pictures);
  result.highest_good_score = static_cast<float>(reader.Number("highest_good_score", 0, 1));
  result.samples = static_cast<int>(reader.Integer("samples", 1, kMaxSamples));
  result.seed = reader.Unsigned("seed");
  result.fixed_seed = reader.Boolean("fixed_seed");
  reader.Done();
  return result;
}

CategoryCalibration ReadCategory(JsonObjectReader reader) {
  CategoryCalibration result;
  result.mask_threshold = static_cast<float>(reader.Number("mask_threshold", 0, 1));
  result.score_threshold = static_cast<float>(reader.Number("score_threshold", 0, 1));
  result.provenance = ReadProvenance(reader.Object("provenance"));
  reader.Done();
  return result;
}

nlohmann::ordered_json ToJson(const CalibrationProvenance& provenance) {
  nlohmann::ordered_json json = {{"good_pictures", provenance.good_pictures},
                                 {"pictures_digest", provenance.pictures_digest},
                                 {"pixel_percentile", provenance.pixel_percentile},
                                 {"pixels", provenance.pixels},
                                 {"reject_rate", provenance.reject_rate}};
  if (provenance.confidence.has_value()) json["confidence"] = *provenance.confidence;
  json["score_rank"] = provenance.score_rank;
  json["highest_good_score"] = ShortestDecimal(provenance.highest_good_score);
  json["samples"] = provenance.samples;
  json["seed"] = provenance.seed;
  json["fixed_seed"] = provenance.fixed_seed;
  return json;
}

}  // namespace

absl::StatusOr<Calibration> ParseCalibration(absl::string_view json_text) {
  const absl::StatusOr<nlohmann::json> document = ParseJsonObject(json_text, kFileName);
  if (!document.ok()) return document.status();
  absl::Status status;
  Calibration calibration;
  JsonObjectReader root(&*document, kFileName, "", &status);
  root.Integer("schema_version", kSchemaVersion, kSchemaVersion);
  calibration.computation_digest = ReadDigest(root, "computation_digest");
  JsonObjectReader categories = root.Object("categories");
  const std::vector<std::string> keys = categories.Keys();
  if (keys.empty()) root.Fail("categories", "holds no category");
  for (const std::string& key : keys) calibration.categories.emplace(key, ReadCategory(categories.Object(key)));
  root.Done();
  if (!status.ok()) return status;
  return calibration;
}

std::string CalibrationText(const Calibration& calibration) {
  nlohmann::ordered_json categories = nlohmann::ordered_json::object();
  for (const auto& [key, category] : calibration.categories) {
    categories[key] = {{"mask_threshold", ShortestDecimal(category.mask_threshold)},
                       {"score_threshold", ShortestDecimal(category.score_threshold)},
                       {"provenance", ToJson(category.provenance)}};
  }
  const nlohmann::ordered_json document = {{"schema_version", kSchemaVersion},
                                           {"computation_digest", calibration.computation_digest},
                                           {"categories", categories}};
  return document.dump(2) + "\n";
}

}  // namespace bayespfl
