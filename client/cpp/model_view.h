// Models as `models` and `info` print them.
#ifndef BAYESPFL_CLIENT_CPP_MODEL_VIEW_H_
#define BAYESPFL_CLIENT_CPP_MODEL_VIEW_H_

#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <vector>

#include "bayespfl/inspection/v1/model.pb.h"

namespace bayespfl::client {

// The contract's fields by their names, without `categories`.
nlohmann::ordered_json ModelToJson(const inspection::v1::Model& model);

// The same with `categories`: objects "category", "object", "thresholds", "seed", "samples", "good_pictures",
// "fail_rate", "review_rate", "confidence" (null: on average).
nlohmann::ordered_json ModelWithCategoriesToJson(const inspection::v1::Model& model);

// A table of the models, one a row; nothing but "no model serves" for none.
void PrintModels(const std::vector<inspection::v1::Model>& models, std::ostream& stream);

// One model with its categories, a line each.
void PrintModel(const inspection::v1::Model& model, std::ostream& stream);

// Lines "name   value" with the values one below the other. Strings stand without quotes, null as "none".
void PrintFields(const nlohmann::ordered_json& fields, std::ostream& stream);

// A JSON text; what is not UTF-8 in it is repaired with U+FFFD.
std::string JsonText(const nlohmann::ordered_json& json);

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_MODEL_VIEW_H_
