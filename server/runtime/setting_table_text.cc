// The texts that a table of settings turns into: effective configuration and reference.
#include <yaml-cpp/yaml.h>

#include <array>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/runtime/setting_table.h"

namespace bayespfl::server {
namespace {

std::string Quoted(const std::string& text) {
  YAML::Emitter emitter;
  emitter << YAML::DoubleQuoted << text;
  return emitter.c_str();
}

// The value in words.
struct Shown {
  std::string operator()(const TextSetting& type) const { return *type.value; }
  std::string operator()(const ChoiceSetting& type) const { return *type.value; }
  std::string operator()(const BooleanSetting& type) const { return *type.value ? "true" : "false"; }
  std::string operator()(const IntegerSetting& type) const {
    return std::visit([](const auto* value) { return absl::StrCat(*value); }, type.value);
  }
  std::string operator()(const RealSetting& type) const { return absl::StrCat(*type.value); }
};

// The value as YAML.
std::string ToYamlValue(const Setting& setting) {
  const std::string shown = std::visit(Shown(), setting.type);
  const bool is_text =
      std::holds_alternative<TextSetting>(setting.type) || std::holds_alternative<ChoiceSetting>(setting.type);
  return is_text ? Quoted(shown) : shown;
}

// What may be written.
struct Range {
  std::string operator()(const TextSetting& type) const {
    switch (type.kind) {
      case TextKind::kPlain:
        return "text";
      case TextKind::kFile:
        return "file";
      case TextKind::kFolder:
        return "folder";
      case TextKind::kNewFile:
        break;
    }
    return "file; made when missing";
  }
  std::string operator()(const ChoiceSetting& type) const {
    return absl::StrCat("`", absl::StrJoin(type.choices, "`, `"), "`");
  }
  std::string operator()(const BooleanSetting& /*type*/) const { return "`true`, `false`"; }
  std::string operator()(const IntegerSetting& type) const { return absl::StrCat(type.smallest, " to ", type.largest); }
  std::string operator()(const RealSetting& type) const {
    return absl::StrCat("number, ", type.smallest, " to ", type.largest);
  }
};

bool IsEmptyText(const Setting& setting) {
  const auto* text = std::get_if<TextSetting>(&setting.type);
  return text != nullptr && text->value->empty();
}

// As code, but for what ShownValue() says in words.
std::string Marked(const Setting& setting) {
  const std::string value = ShownValue(setting);
  return IsEmptyText(setting) ? value : absl::StrCat("`", value, "`");
}

}  // namespace

std::string ValueOf(const Setting& setting) { return std::visit(Shown(), setting.type); }

std::string ShownValue(const Setting& setting) {
  if (IsEmptyText(setting)) return "empty";
  return ValueOf(setting);
}

std::string SettingTable::Summary() const {
  std::array<int, 4> counts = {};
  for (const auto& [key, origin] : origins_) ++counts.at(static_cast<size_t>(origin.source));
  std::string summary = absl::StrCat(settings_.size(), " settings");
  absl::string_view separator = ": ";
  for (const auto& [source, name] :
       {std::pair(Source::kFile, "from the file"), std::pair(Source::kEnvironment, "from the environment"),
        std::pair(Source::kFlag, "from flags")}) {
    const int count = counts.at(static_cast<size_t>(source));
    if (count == 0) continue;
    absl::StrAppend(&summary, separator, count, " ", name);
    separator = ", ";
  }
  return summary;
}

std::vector<EffectiveSetting> SettingTable::Effective() const {
  std::vector<EffectiveSetting> effective;
  effective.reserve(settings_.size());
  for (const Setting& setting : settings_) {
    const Origin origin = OriginOf(setting);
    effective.push_back(
        {.key = std::string(setting.key), .value = ValueOf(setting), .source = origin.source, .place = origin.place});
  }
  return effective;
}

std::string SettingTable::ToYaml() const {
  std::string text;
  absl::string_view section;
  for (const Setting& setting : settings_) {
    if (setting.section != section) absl::StrAppend(&text, text.empty() ? "" : "\n", "# ", setting.section, "\n");
    section = setting.section;
    const Origin origin = OriginOf(setting);
    absl::StrAppend(&text, setting.key, ": ", ToYamlValue(setting), "  # ", Describe(origin), "\n");
  }
  return text;
}

std::string SettingTable::Describe(const Origin& origin) {
  switch (origin.source) {
    case Source::kDefault:
      return "default";
    case Source::kFile:
      return absl::StrCat("file, ", origin.place);
    case Source::kEnvironment:
      return absl::StrCat("environment, ", origin.place);
    case Source::kFlag:
      break;
  }
  return absl::StrCat("flag, ", origin.place);
}

std::string SettingTable::ToMarkdown() const {
  std::string text;
  absl::string_view section;
  for (const Setting& setting : settings_) {
    if (setting.section != section) {
      absl::StrAppend(&text, "\n## ", setting.section, "\n\n| key | value | default | meaning |\n|---|---|---|---|\n");
    }
    section = setting.section;
    absl::StrAppend(&text, "| `", setting.key, "` | ", std::visit(Range(), setting.type), " | ", Marked(setting), " | ",
                    setting.help, " |\n");
  }
  return text;
}

}  // namespace bayespfl::server
