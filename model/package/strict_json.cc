#include "model/package/strict_json.h"

#include <cstddef>
#include <set>
#include <utility>
#include <vector>

namespace bayespfl {
namespace {

using nlohmann::json;

// Looks at a text without building anything. (The parser's own callback, which would see keys too, makes it walk
// through all earlier members of an object or array after each one that is an object: quadratic time.)
class Surveyor final : public nlohmann::json_sax<json> {
 public:
  bool null() override { return true; }
  bool boolean(bool /*value*/) override { return true; }
  bool number_integer(number_integer_t /*value*/) override { return true; }
  bool number_unsigned(number_unsigned_t /*value*/) override { return true; }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return true; }
  bool string(string_t& /*value*/) override { return true; }
  bool binary(binary_t& /*value*/) override { return true; }

  bool start_object(size_t /*elements*/) override {
    keys_.emplace_back();
    return Enter();
  }
  bool key(string_t& name) override {
    if (!keys_.back().insert(name).second) repeated_key_ = name;
    return true;
  }
  bool end_object() override {
    keys_.pop_back();
    return Leave();
  }
  bool start_array(size_t /*elements*/) override { return Enter(); }
  bool end_array() override { return Leave(); }
  bool parse_error(size_t /*position*/, const std::string& /*token*/, const json::exception& /*error*/) override {
    return false;
  }

  std::optional<std::string> repeated_key() && { return std::move(repeated_key_); }

 private:
  // false ends the parsing.
  bool Enter() { return ++depth_ <= kMaxJsonDepth; }
  bool Leave() {
    --depth_;
    return true;
  }

  int depth_ = 0;
  std::vector<std::set<std::string>> keys_;  // of the objects around the current place
  std::optional<std::string> repeated_key_;
};

}  // namespace

StrictJson ParseStrictJson(absl::string_view text) {
  Surveyor surveyor;
  if (!json::sax_parse(text.begin(), text.end(), &surveyor)) return {};
  StrictJson result{json::parse(text.begin(), text.end(), /*cb=*/nullptr, /*allow_exceptions=*/false),
                    std::move(surveyor).repeated_key()};
  if (!result.object.is_object()) result.object = nullptr;
  return result;
}

}  // namespace bayespfl
