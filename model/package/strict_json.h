// JSON from files of strangers: model packages and weight files.
#ifndef BAYESPFL_MODEL_PACKAGE_STRICT_JSON_H_
#define BAYESPFL_MODEL_PACKAGE_STRICT_JSON_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace bayespfl {

// Arrays and objects inside each other. Real files have 4; writing and copying a value recurses once a level.
inline constexpr int kMaxJsonDepth = 64;

struct StrictJson {
  nlohmann::json object;                    // null when the text is no JSON object or nested deeper than kMaxJsonDepth
  std::optional<std::string> repeated_key;  // one that occurs twice in one object, which `object` would hide
};

// Parses a text in time linear in its length (but for the maps' logarithm). Thread-safe.
StrictJson ParseStrictJson(absl::string_view text);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_PACKAGE_STRICT_JSON_H_
