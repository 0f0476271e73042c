#include "model/package/json_object_reader.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/package/strict_json.h"

namespace bayespfl {
namespace {

using nlohmann::json;

constexpr size_t kShownBytes = 60;

std::string Shown(const json& value) {
  return value.dump(-1, ' ', true, json::error_handler_t::replace).substr(0, kShownBytes);
}

}  // namespace

absl::StatusOr<json> ParseJsonObject(absl::string_view text, absl::string_view file) {
  StrictJson parsed = ParseStrictJson(text);
  if (!parsed.object.is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ": not a JSON object, or nested more than ", kMaxJsonDepth, " deep"));
  }
  if (parsed.repeated_key.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": the key \"", *parsed.repeated_key, "\" is repeated"));
  }
  return std::move(parsed.object);
}

JsonObjectReader::JsonObjectReader(const json* object, std::string file, std::string path, absl::Status* status)
    : object_(object), file_(std::move(file)), path_(std::move(path)), status_(status) {}

JsonObjectReader JsonObjectReader::Object(const std::string& key) {
  const json* value = Find(key);
  if (value != nullptr && !value->is_object()) {
    Fail(key, "must be an object");
    value = nullptr;
  }
  return {value, file_, Path(key), status_};
}

int64_t JsonObjectReader::Integer(const std::string& key, int64_t low, int64_t high) {
  const json* value = Find(key);
  if (value == nullptr) return low;
  if (!value->is_number_integer() || *value < low || *value > high) {
    Fail(key, absl::StrCat("must be an integer in ", low, "..", high, ", not ", Shown(*value)));
    return low;
  }
  return value->get<int64_t>();
}

uint64_t JsonObjectReader::Unsigned(const std::string& key) {
  const json* value = Find(key);
  if (value == nullptr) return 0;
  if (!value->is_number_unsigned()) {
    Fail(key, absl::StrCat("must be an integer from 0 to 2^64 - 1, not ", Shown(*value)));
    return 0;
  }
  return value->get<uint64_t>();
}

double JsonObjectReader::Number(const std::string& key, double low, double high) {
  const json* value = Find(key);
  return value == nullptr ? 0.0 : CheckedNumber(key, *value, low, high);
}

bool JsonObjectReader::Boolean(const std::string& key) {
  const json* value = Find(key);
  if (value == nullptr) return false;
  if (!value->is_boolean()) {
    Fail(key, absl::StrCat("must be true or false, not ", Shown(*value)));
    return false;
  }
  return value->get<bool>();
}

std::string JsonObjectReader::String(const std::string& key) {
  const json* value = Find(key);
  if (value == nullptr) return {};
  if (!value->is_string() || value->get_ref<const std::string&>().empty()) {
    Fail(key, absl::StrCat("must be a non-empty string, not ", Shown(*value)));
    return {};
  }
  return value->get<std::string>();
}

std::array<float, 3> JsonObjectReader::Triple(const std::string& key, double low, double high) {
  std::array<float, 3> result = {};
  const json* value = Find(key);
  if (value == nullptr) return result;
  if (!value->is_array() || value->size() != 3) {
    Fail(key, "must be an array of 3 numbers");
    return result;
  }
  for (size_t i = 0; i < result.size(); ++i) {
    result[i] = static_cast<float>(CheckedNumber(key, (*value)[i], low, high));
  }
  return result;
}

std::vector<int64_t> JsonObjectReader::Integers(const std::string& key, int64_t low, int64_t high) {
  std::vector<int64_t> result;
  const json* value = Find(key);
  if (value == nullptr) return result;
  const bool good = value->is_array() && std::all_of(value->begin(), value->end(), [&](const json& item) {
                      return item.is_number_integer() && item >= low && item <= high;
                    });
  if (!good) {
    Fail(key, absl::StrCat("must be an array of integers in ", low, "..", high));
    return result;
  }
  return value->get<std::vector<int64_t>>();
}

std::map<std::string, std::string> JsonObjectReader::StringMap(const std::string& key) {
  std::map<std::string, std::string> result;
  const json* value = Find(key);
  if (value == nullptr) return result;
  // items() takes anything: it numbers an array's elements and gives any other value an empty key.
  const bool good = value->is_object() &&
                    std::all_of(value->begin(), value->end(), [](const json& words) { return words.is_string(); });
  if (!good) {
    Fail(key, "must map strings to strings");
    return result;
  }
  for (const auto& [name, words] : value->items()) result.emplace(name, words.get<std::string>());
  return result;
}

bool JsonObjectReader::Has(const std::string& key) const { return object_ != nullptr && object_->contains(key); }

bool JsonObjectReader::HasValue(const std::string& key) const { return Has(key) && !(*object_)[key].is_null(); }

std::vector<std::string> JsonObjectReader::Keys() const {
  std::vector<std::string> keys;
  if (object_ == nullptr) return keys;
  for (const auto& [key, value] : object_->items()) keys.push_back(key);
  return keys;
}

void JsonObjectReader::Fail(const std::string& key, absl::string_view what) {
  if (status_->ok()) *status_ = absl::InvalidArgumentError(absl::StrCat(file_, ": \"", Path(key), "\" ", what));
}

void JsonObjectReader::Done() {
  for (const std::string& key : Keys()) {
    if (!seen_.contains(key)) Fail(key, "is not a known key");
  }
}

std::string JsonObjectReader::Path(const std::string& key) const {
  return path_.empty() ? key : absl::StrCat(path_, ".", key);
}

const json* JsonObjectReader::Find(const std::string& key) {
  seen_.insert(key);
  if (object_ == nullptr) return nullptr;
  const auto found = object_->find(key);
  if (found == object_->end()) {
    Fail(key, "is missing");
    return nullptr;
  }
  return &*found;
}

double JsonObjectReader::CheckedNumber(const std::string& key, const json& value, double low, double high) {
  const double number = value.is_number() ? value.get<double>() : std::nan("");
  if (!(number >= low && number <= high)) {
    Fail(key, absl::StrCat("must be a number in ", low, "..", high, ", not ", Shown(value)));
    return 0.0;
  }
  return number;
}

}  // namespace bayespfl
