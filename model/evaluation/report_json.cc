// report.json.
#include <cstddef>
#include <optional>
#include <utility>

#include "model/evaluation/metric_columns.h"
#include "model/evaluation/report.h"
#include "model/evaluation/shortcomings.h"
#include "nlohmann/json.hpp"

namespace bayespfl {
namespace {

using Json = nlohmann::ordered_json;

template <typename Number>
Json ToJson(const std::optional<Number>& value) {
  return value.has_value() ? Json(*value) : Json(nullptr);
}

Json ToJson(const VerdictCounts& counts) {
  if (counts.total() == 0) return nullptr;
  return {{"pass", counts.pass}, {"review", counts.review}, {"fail", counts.fail}};
}

Json ThresholdsJson(const Thresholds& thresholds) {
  Json lines = Json::object();
  for (const DecisionLine& line : thresholds.lines) {
    lines[std::string(RuleName(line.rule))] = {{"review", line.review}, {"fail", line.fail}};
  }
  return {{"source", std::string(ThresholdSourceName(thresholds.source))},
          {"revision", thresholds.revision.empty() ? Json(nullptr) : Json(thresholds.revision)},
          {"mask", thresholds.mask},
          {"min_region_fraction", thresholds.min_region_fraction},
          {"lines", std::move(lines)}};
}

// The numbers of one row, as the rows of CategoryJson() have them, each with its mean and deviation.
Json SpreadJson(const SpreadRow& row) {
  Json object = {{"name", row.name}};
  for (size_t t = 0; t < MetricTables().size(); ++t) {
    const MetricTable& table = MetricTables()[t];
    Json numbers = Json::object();
    for (size_t c = 0; c < table.columns.size(); ++c) {
      const std::optional<SpreadNumber>& number = row.numbers[t][c];
      Json value;
      if (number.has_value()) value = {{"mean", number->mean}, {"deviation", number->deviation}};
      numbers[std::string(table.columns[c].key)] = std::move(value);
    }
    object[std::string(table.key)] = std::move(numbers);
  }
  return object;
}

Json SpreadJson(const SeedSpread& spread) {
  Json rows = Json::array();
  for (const SpreadRow& row : spread.categories) rows.push_back(SpreadJson(row));
  return {{"seeds", spread.seeds}, {"categories", std::move(rows)}, {"mean", SpreadJson(spread.mean)}};
}

Json CategoryJson(const CategoryResult& category) {
  Json object = {{"name", category.name},
                 {"normal", category.normal},
                 {"anomalous", category.anomalous},
                 {"skipped", category.skipped},
                 {"remarks", category.remarks}};
  for (const MetricTable& table : MetricTables()) {
    Json numbers = Json::object();
    for (const MetricColumn& column : table.columns) {
      numbers[std::string(column.key)] = ToJson(column.value(category));
    }
    object[std::string(table.key)] = std::move(numbers);
  }
  object["drawn"] = {
      {"object", category.setting.object}, {"seed", category.setting.seed}, {"samples", category.setting.samples}};
  object["thresholds"] = ThresholdsJson(category.setting.thresholds);
  object["verdict_counts"] = {{"normal", ToJson(category.server.normal)},
                              {"anomalous", ToJson(category.server.anomalous)}};
  object["reference"]["image_numbers_set_to_zero"] = category.reference.image_is_zero;
  const PixelMetrics& pixels = category.server.pixel;
  object["f1_max_thresholds"] = {{"reference_image", category.reference.image.f1_threshold},
                                 {"reference_pixel", category.reference.pixel.ranking.f1_threshold},
                                 {"server_score", category.server.by_score.f1_threshold},
                                 {"server_map_score", category.server.by_map_score.f1_threshold},
                                 {"server_pixel", pixels.ranking.f1_threshold}};
  object["pixels"] = {
      {"all", pixels.pixels}, {"anomalous", pixels.positive_pixels}, {"anomalous_regions", pixels.regions}};
  return object;
}

Json MeanJson(const std::vector<CategoryResult>& categories) {
  Json object;
  for (const MetricTable& table : MetricTables()) {
    Json numbers;
    for (const MetricColumn& column : table.columns) {
      numbers[std::string(column.key)] = ToJson(MeanOf(column, categories));
    }
    object[std::string(table.key)] = std::move(numbers);
  }
  return object;
}

Json ModelJson(const ModelInfo& model) {
  return {{"name", model.name},
          {"version", model.version},
          {"digest", model.digest},
          {"stage", model.stage},
          {"image_size", model.image_size},
          {"map_smoothing_sigma", model.map_smoothing_sigma},
          {"mask_threshold", model.default_thresholds.mask},
          {"mask_threshold_source", ThresholdSourceName(model.default_thresholds.source)},
          {"iad_sampling", model.iad_sampling},
          {"device", model.device},
          {"precision", model.precision}};
}

Json DatasetJson(const Evaluation& evaluation) {
  const PictureCounts counts = CountPictures(evaluation.pictures);
  return {{"name", evaluation.dataset_name},
          {"layout", std::string(LayoutTitle(evaluation.layout))},
          {"split", evaluation.split.empty() ? Json(nullptr) : Json(evaluation.split)},
          {"image_only", evaluation.image_only},
          {"digest", evaluation.dataset_digest},
          {"normal", counts.normal},
          {"anomalous", counts.anomalous},
          {"skipped", counts.skipped}};
}

}  // namespace

std::string JsonReport(const Evaluation& evaluation) {
  Json report = {{"schema_version", 1},
                 {"program_version", BAYESPFL_VERSION},
                 {"model", ModelJson(evaluation.setting.model)},
                 {"dataset", DatasetJson(evaluation)},
                 {"samples", ToJson(evaluation.setting.samples)},
                 {"seed", ToJson(evaluation.setting.seed)},
                 {"seed_per_picture", evaluation.setting.seed_per_picture},
                 {"significant_bits", evaluation.setting.reading.significant_bits.value_or(0)},
                 {"apply_orientation", evaluation.setting.reading.apply_orientation},
                 {"categories", Json::array()},
                 {"mean", MeanJson(evaluation.categories)},
                 {"shortcomings", Shortcomings(evaluation)},
                 {"skipped", Json::array()},
                 {"notes", ReportNotes(evaluation)}};
  for (const CategoryResult& category : evaluation.categories) report["categories"].push_back(CategoryJson(category));
  for (const PictureResult& picture : evaluation.pictures) {
    if (picture.counts()) continue;
    report["skipped"].push_back(
        {{"image", picture.item.image}, {"category", picture.item.category}, {"reason", picture.skipped}});
  }
  if (evaluation.over_seeds.has_value()) report["over_seeds"] = SpreadJson(*evaluation.over_seeds);
  // File names may hold any bytes; JSON only UTF-8.
  return report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace bayespfl
