// The keys of a YAML mapping, each with a kind and a range, whose errors say what is wrong where.
#ifndef BAYESPFL_MODEL_TRAINING_RUN_YAML_KEYS_H_
#define BAYESPFL_MODEL_TRAINING_RUN_YAML_KEYS_H_

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace bayespfl {

// Add the keys, then read:
//
//   int64_t epochs = 30;
//   absl::Status status = YamlKeys().Integer("epochs", 1, 1000, epochs).ReadFrom(node);
//
// A variable whose key is not there stays as it is. Not thread-safe.
class YamlKeys final {
 public:
  // Reads a value; the message of an error ends the sentence "line 3: epochs ...", e.g. "must be a number".
  using Reader = std::function<absl::Status(const YAML::Node&)>;

  YamlKeys& Any(std::string key, Reader reader);
  YamlKeys& Text(std::string key, std::string& value);  // not empty
  YamlKeys& Flag(std::string key, bool& value);         // true or false
  YamlKeys& Number(std::string key, double low, double high, double& value);
  // Both limits included.
  template <typename Whole>
  YamlKeys& Integer(std::string key, int64_t low, int64_t high, Whole& value) {
    return WholeNumber(std::move(key), low, high, [&value](int64_t read) { value = static_cast<Whole>(read); });
  }
  // 0 .. 2^64 - 1.
  YamlKeys& Seed(std::string key, uint64_t& value);
  // One of the names.
  template <typename Value>
  YamlKeys& Choice(std::string key, const std::vector<std::pair<std::string, Value>>& choices, Value& value) {
    std::vector<std::string> names;
    for (const auto& choice : choices) names.push_back(choice.first);
    return OneOf(std::move(key), std::move(names), [&value, choices](size_t index) { value = choices[index].second; });
  }

  // The key must be there.
  YamlKeys& Require(std::string key);

  // InvalidArgument, with the line: no mapping, an unknown key or one that is there twice, a value that its reader
  // refuses, a required key that is missing.
  [[nodiscard]] absl::Status ReadFrom(const YAML::Node& mapping) const;

 private:
  YamlKeys& WholeNumber(std::string key, int64_t low, int64_t high, std::function<void(int64_t)> take);
  YamlKeys& OneOf(std::string key, std::vector<std::string> names, std::function<void(size_t)> take);

  std::map<std::string, Reader> readers_;
  std::vector<std::string> required_;
};

// "line 3: REASON".
absl::Status YamlError(const YAML::Node& node, absl::string_view reason);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_RUN_YAML_KEYS_H_
