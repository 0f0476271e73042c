#include "client/cpp/model_view.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/shortest_decimal.h"
#include "base/terminal_text.h"
#include "client/cpp/results.h"
#include "model/verdict/result_line.h"

namespace bayespfl::client {
namespace {

using Json = nlohmann::ordered_json;
using inspection::v1::CalibratedCategory;
using inspection::v1::Model;

Json CategoryToJson(const CalibratedCategory& category) {
  return {{"category", category.category()},
          {"object", category.object()},
          {"thresholds", ThresholdsToJson(ToThresholds(category.thresholds()))},
          {"seed", category.seed()},
          {"samples", category.samples()},
          {"good_pictures", category.good_pictures()},
          {"fail_rate", category.fail_rate()},
          {"review_rate", category.review_rate()},
          {"confidence", category.has_confidence() ? Json(category.confidence()) : Json()},
          {"significant_bits", category.significant_bits()},
          {"apply_orientation", category.apply_orientation()}};
}

std::string Words(const Json& value) {
  if (value.is_null()) return "none";
  return OneLine(value.is_string() ? value.get<std::string>() : value.dump());
}

// "mask 0.5, score review 0.41 fail 0.48, map_score review ...".
std::string ThresholdsText(const inspection::v1::Thresholds& wire) {
  const Thresholds thresholds = ToThresholds(wire);
  std::string text = absl::StrCat("mask ", ShortestDecimal(thresholds.mask));
  for (const DecisionLine& line : thresholds.lines) {
    absl::StrAppend(&text, ", ", RuleName(line.rule), " review ", ShortestDecimal(line.review), " fail ",
                    ShortestDecimal(line.fail));
  }
  return text;
}

// Rows of equally many cells; a column is as wide as its widest cell.
template <size_t kColumns>
void PrintTable(const std::vector<std::array<std::string, kColumns>>& rows, std::ostream& stream) {
  std::array<size_t, kColumns> widths = {};
  for (const auto& row : rows) {
    for (size_t i = 0; i < kColumns; ++i) widths[i] = std::max(widths[i], Columns(row[i]));
  }
  for (const auto& row : rows) {
    for (size_t i = 0; i + 1 < kColumns; ++i) stream << PadRight(row[i], widths[i] + 2);
    stream << row.back() << '\n';
  }
}

}  // namespace

Json ModelToJson(const Model& model) {
  return {{"name", model.name()},
          {"is_default", model.is_default()},
          {"package_name", model.package_name()},
          {"version", model.version()},
          {"digest", model.digest()},
          {"computation_digest", model.computation_digest()},
          {"kind", model.kind()},
          {"device", model.device()},
          {"precision", model.precision()},
          {"kernels", model.kernels()},
          {"stage", model.stage()},
          {"image_size", model.image_size()},
          {"default_samples", model.default_samples()},
          {"max_samples", model.max_samples()},
          {"map_smoothing_sigma", ShortestDecimal(model.map_smoothing_sigma())},
          {"iad_sampling", model.iad_sampling()},
          {"default_thresholds", ThresholdsToJson(ToThresholds(model.default_thresholds()))},
          {"categories_total", model.categories_total()}};
}

Json ModelWithCategoriesToJson(const Model& model) {
  Json categories = Json::array();
  for (const CalibratedCategory& category : model.categories()) categories.push_back(CategoryToJson(category));
  Json json = ModelToJson(model);
  json["categories"] = std::move(categories);
  return json;
}

void PrintModels(const std::vector<Model>& models, std::ostream& stream) {
  if (models.empty()) {
    stream << "no model serves" << std::endl;
    return;
  }
  std::vector<std::array<std::string, 6>> rows = {{"name", "default", "version", "device", "precision", "categories"}};
  for (const Model& model : models) {
    rows.push_back({OneLine(model.name()), model.is_default() ? "yes" : "", OneLine(model.version()),
                    OneLine(model.device()), OneLine(model.precision()), absl::StrCat(model.categories_total())});
  }
  PrintTable(rows, stream);
  stream << std::flush;
}

void PrintModel(const Model& model, std::ostream& stream) {
  Json fields = ModelToJson(model);
  fields["default_thresholds"] = ThresholdsText(model.default_thresholds());
  fields.erase("categories_total");
  fields["categories"] = model.categories_total();
  PrintFields(fields, stream);
  for (const CalibratedCategory& category : model.categories()) {
    stream << "  " << OneLine(category.category());
    if (category.object() != category.category()) stream << " (" << OneLine(category.object()) << ")";
    stream << ": " << ThresholdsText(category.thresholds()) << "; seed " << category.seed() << ", "
           << category.samples() << " samples, " << category.good_pictures() << " good pictures\n";
  }
  stream << std::flush;
}

void PrintFields(const Json& fields, std::ostream& stream) {
  size_t width = 0;
  for (const auto& [name, value] : fields.items()) width = std::max(width, name.size());
  for (const auto& [name, value] : fields.items()) stream << PadRight(name, width + 2) << Words(value) << '\n';
  stream << std::flush;
}

std::string JsonText(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace bayespfl::client
