#include "model/training_run/yaml_keys.h"

#include <algorithm>
#include <cstddef>
#include <set>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/nearest_name.h"

namespace bayespfl {
namespace {

absl::Status Refuse(absl::string_view reason) { return absl::InvalidArgumentError(reason); }

// Text and numbers are both scalars.
absl::StatusOr<std::string> ScalarOf(const YAML::Node& node, absl::string_view kind) {
  if (!node.IsScalar() || node.Scalar().empty()) return Refuse(absl::StrCat("must be ", kind));
  return node.Scalar();
}

}  // namespace

absl::Status YamlError(const YAML::Node& node, absl::string_view reason) {
  return absl::InvalidArgumentError(absl::StrCat("line ", node.Mark().line + 1, ": ", reason));
}

YamlKeys& YamlKeys::Any(std::string key, Reader reader) {
  readers_.emplace(std::move(key), std::move(reader));
  return *this;
}

YamlKeys& YamlKeys::Text(std::string key, std::string& value) {
  return Any(std::move(key), [&value](const YAML::Node& node) {
    absl::StatusOr<std::string> text = ScalarOf(node, "a text that is not empty");
    if (!text.ok()) return text.status();
    value = *std::move(text);
    return absl::OkStatus();
  });
}

YamlKeys& YamlKeys::Flag(std::string key, bool& value) {
  return Choice<bool>(std::move(key), {{"true", true}, {"false", false}}, value);
}

YamlKeys& YamlKeys::Number(std::string key, double low, double high, double& value) {
  return Any(std::move(key), [low, high, &value](const YAML::Node& node) {
    const std::string wanted = absl::StrCat("a number from ", low, " to ", high);
    const absl::StatusOr<std::string> text = ScalarOf(node, wanted);
    double read = 0;
    if (!text.ok()) return text.status();
    // A comparison that is no number's either.
    if (!absl::SimpleAtod(*text, &read) || !(read >= low && read <= high)) {
      return Refuse(absl::StrCat("must be ", wanted, ", not \"", *text, "\""));
    }
    value = read;
    return absl::OkStatus();
  });
}

YamlKeys& YamlKeys::WholeNumber(std::string key, int64_t low, int64_t high, std::function<void(int64_t)> take) {
  return Any(std::move(key), [low, high, take = std::move(take)](const YAML::Node& node) {
    const std::string wanted = absl::StrCat("a whole number from ", low, " to ", high);
    const absl::StatusOr<std::string> text = ScalarOf(node, wanted);
    int64_t read = 0;
    if (!text.ok()) return text.status();
    if (!absl::SimpleAtoi(*text, &read) || read < low || read > high) {
      return Refuse(absl::StrCat("must be ", wanted, ", not \"", *text, "\""));
    }
    take(read);
    return absl::OkStatus();
  });
}

YamlKeys& YamlKeys::Seed(std::string key, uint64_t& value) {
  return Any(std::move(key), [&value](const YAML::Node& node) {
    const absl::StatusOr<std::string> text = ScalarOf(node, "a whole number from 0");
    if (!text.ok()) return text.status();
    uint64_t read = 0;
    if (!absl::SimpleAtoi(*text, &read)) {
      return Refuse(absl::StrCat("must be a whole number from 0 to 2^64 - 1, not \"", *text, "\""));
    }
    value = read;
    return absl::OkStatus();
  });
}

YamlKeys& YamlKeys::OneOf(std::string key, std::vector<std::string> names, std::function<void(size_t)> take) {
  return Any(std::move(key), [names = std::move(names), take = std::move(take)](const YAML::Node& node) {
    const std::string wanted = absl::StrJoin(names, ", ");
    const absl::StatusOr<std::string> text = ScalarOf(node, absl::StrCat("one of ", wanted));
    if (!text.ok()) return text.status();
    const auto found = std::find(names.begin(), names.end(), *text);
    if (found == names.end()) {
      return Refuse(absl::StrCat("must be one of ", wanted, ", not \"", *text, "\""));
    }
    take(static_cast<size_t>(found - names.begin()));
    return absl::OkStatus();
  });
}

YamlKeys& YamlKeys::Require(std::string key) {
  required_.push_back(std::move(key));
  return *this;
}

absl::Status YamlKeys::ReadFrom(const YAML::Node& mapping) const {
  if (!mapping.IsMap()) return YamlError(mapping, "keys with values are expected here (\"key: value\")");
  std::set<std::string> seen;
  for (const auto& entry : mapping) {
    const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
    const auto reader = readers_.find(key);
    if (reader == readers_.end()) {
      std::vector<std::string> known;
      for (const auto& [name, unused] : readers_) known.push_back(name);
      return YamlError(entry.first,
                       absl::StrCat("there is no key \"", key, "\"",
                                    DidYouMean(key, known, absl::StrCat("there are ", absl::StrJoin(known, ", ")))));
    }
    if (!seen.insert(key).second) return YamlError(entry.first, absl::StrCat("\"", key, "\" is there twice"));
    const absl::Status read = reader->second(entry.second);
    if (!read.ok()) {
      // What was read inside has its own line.
      const bool placed = absl::string_view(read.message()).substr(0, 5) == "line ";
      return placed ? read : YamlError(entry.first, absl::StrCat(key, " ", read.message()));
    }
  }
  for (const std::string& key : required_) {
    if (seen.count(key) == 0) return YamlError(mapping, absl::StrCat("\"", key, "\" is missing"));
  }
  return absl::OkStatus();
}

}  // namespace bayespfl
