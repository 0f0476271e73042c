#include "server/runtime/setting_table.h"

#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <set>
#include <system_error>
#include <type_traits>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/nearest_name.h"

namespace bayespfl::server {

// One entry of a YAML mapping.
struct YamlEntry {
  enum class Kind { kScalar, kNone, kOther };  // a value, none, or a list or mapping
  std::string key;
  Kind kind = Kind::kScalar;
  std::string value;  // of a scalar
  int line = 0;       // from 1
};

namespace {

// Variables of the prefix that are not ours: those of scripts/, and those of the clients and their tests.
constexpr std::array<absl::string_view, 11> kOtherVariables = {
    "BAYESPFL_ADMIN",      "BAYESPFL_CACHE",  "BAYESPFL_JOBS",          "BAYESPFL_SERVER",
    "BAYESPFL_TEST_VENV",  "BAYESPFL_TLS_CA", "BAYESPFL_SERVER_BINARY", "BAYESPFL_TOKEN",
    "BAYESPFL_TOKEN_FILE", "BAYESPFL_VENV",   "BAYESPFL_TOOLS_VENV"};

// For a Service named "bayespfl", or "bayespfl-" and more, Kubernetes puts BAYESPFL_PORT=tcp://10.0.0.1:50051,
// BAYESPFL_SERVICE_HOST, BAYESPFL_PORT_50051_TCP_ADDR and the like into every pod of the namespace.
bool IsServiceLink(absl::string_view name, absl::string_view value) {
  for (const absl::string_view protocol : {"tcp", "udp", "sctp"}) {
    if (absl::EndsWith(name, "_PORT") && absl::StartsWith(value, absl::StrCat(protocol, "://"))) return true;
    for (const absl::string_view part : {"", "_PROTO", "_PORT", "_ADDR"}) {
      absl::string_view port = name;
      if (!absl::ConsumeSuffix(&port, absl::StrCat("_", absl::AsciiStrToUpper(protocol), part))) continue;
      while (!port.empty() && absl::ascii_isdigit(static_cast<unsigned char>(port.back()))) port.remove_suffix(1);
      if (absl::EndsWith(port, "_PORT_")) return true;
    }
  }
  return absl::EndsWith(name, "_SERVICE_HOST") || absl::StrContains(name, "_SERVICE_PORT");
}

bool IsForeign(absl::string_view name, absl::string_view value) {
  return std::find(kOtherVariables.begin(), kOtherVariables.end(), name) != kOtherVariables.end() ||
         IsServiceLink(name, value);
}

absl::Status Unexpected(absl::string_view name, absl::string_view text, absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat(name, " is '", text, "'; expected ", expected));
}

// Reads a text into the variable of a setting; `name` is what its place calls it.
struct Assignment {
  const std::string& text;
  absl::string_view name;

  absl::Status operator()(const TextSetting& type) const {
    *type.value = text;
    return absl::OkStatus();
  }

  absl::Status operator()(const ChoiceSetting& type) const {
    if (std::find(type.choices.begin(), type.choices.end(), text) == type.choices.end()) {
      return Unexpected(name, text, absl::StrCat("one of ", absl::StrJoin(type.choices, ", ")));
    }
    *type.value = text;
    return absl::OkStatus();
  }

  absl::Status operator()(const BooleanSetting& type) const {
    if (text != "true" && text != "false") return Unexpected(name, text, "true or false");
    *type.value = text == "true";
    return absl::OkStatus();
  }

  absl::Status operator()(const IntegerSetting& type) const {
    int64_t number = 0;
    if (!absl::SimpleAtoi(text, &number) || number < type.smallest || number > type.largest) {
      return Unexpected(name, text, absl::StrCat("a whole number from ", type.smallest, " to ", type.largest));
    }
    std::visit([number](auto* value) { *value = static_cast<std::remove_pointer_t<decltype(value)>>(number); },
               type.value);
    return absl::OkStatus();
  }

  absl::Status operator()(const RealSetting& type) const {
    double number = 0;
    // Not a number fails every comparison.
    if (!absl::SimpleAtod(text, &number) || !(number >= type.smallest && number <= type.largest)) {
      return Unexpected(name, text, absl::StrCat("a number from ", type.smallest, " to ", type.largest));
    }
    *type.value = number;
    return absl::OkStatus();
  }
};

absl::Status AtLine(int line, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat("line ", line, ": ", status.message()));
}

YamlEntry ToEntry(const YAML::Node& key, const YAML::Node& value) {
  using Kind = YamlEntry::Kind;
  const Kind kind = value.IsScalar() ? Kind::kScalar : value.IsNull() ? Kind::kNone : Kind::kOther;
  return {.key = key.Scalar(), .kind = kind, .value = value.Scalar(), .line = key.Mark().line + 1};
}

// The keys of the document, with their values.
absl::StatusOr<std::vector<YamlEntry>> ParseYaml(const std::string& text) {
  try {
    std::vector<YamlEntry> entries;
    const std::vector<YAML::Node> documents = YAML::LoadAll(text);
    if (documents.size() > 1) {
      return AtLine(documents[1].Mark().line + 1, absl::InvalidArgumentError("the file holds a second document"));
    }
    if (documents.empty() || documents.front().IsNull()) return entries;
    const YAML::Node& root = documents.front();
    if (!root.IsMap()) {
      return AtLine(root.Mark().line + 1, absl::InvalidArgumentError("expected a mapping of keys to values"));
    }
    for (const auto& entry : root) entries.push_back(ToEntry(entry.first, entry.second));
    return entries;
  } catch (const YAML::Exception& error) {  // yaml-cpp has no other way to report
    return AtLine(error.mark.line + 1, absl::InvalidArgumentError(error.msg));
  }
}

absl::Status CheckFile(const std::string& path, TextKind kind) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (kind == TextKind::kFolder) {
    if (!fs::is_directory(path, ignored)) return absl::NotFoundError(absl::StrCat(path, " is not a folder"));
    return absl::OkStatus();
  }
  if (fs::is_directory(path, ignored))
    return absl::InvalidArgumentError(absl::StrCat(path, " is a folder, not a file"));
  const bool exists = fs::exists(path, ignored);
  if (kind == TextKind::kNewFile && !exists) {
    const fs::path parent = fs::absolute(path).parent_path();
    if (access(parent.c_str(), W_OK | X_OK) == 0) return absl::OkStatus();
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot create files in ", parent.string()));
  }
  const int wanted = kind == TextKind::kNewFile ? W_OK : R_OK;
  if (access(path.c_str(), wanted) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot ", wanted == R_OK ? "read " : "write ", path));
}

bool NamesAFile(TextKind kind) {
  return kind == TextKind::kFile || kind == TextKind::kFolder || kind == TextKind::kNewFile;
}

}  // namespace

std::string FlagName(const Setting& setting) {
  return absl::StrCat("--", absl::StrReplaceAll(setting.key, {{"_", "-"}}));
}

std::string EnvironmentName(const Setting& setting) {
  return absl::StrCat(kEnvironmentPrefix, absl::AsciiStrToUpper(setting.key));
}

SettingTable::SettingTable(std::vector<Setting> settings) : settings_(std::move(settings)) {}

const Setting* SettingTable::Find(absl::string_view key) const {
  const auto found = std::find_if(settings_.begin(), settings_.end(),
                                  [key](const Setting& candidate) { return candidate.key == key; });
  return found == settings_.end() ? nullptr : &*found;
}

SettingTable::Origin SettingTable::OriginOf(const Setting& setting) const {
  const auto found = origins_.find(setting.key);
  return found == origins_.end() ? Origin{} : found->second;
}

absl::Status SettingTable::Apply(const Setting& setting, const std::string& text, absl::string_view name,
                                 const Origin& origin) {
  absl::Status assigned = std::visit(Assignment{text, name}, setting.type);
  if (assigned.ok()) origins_[setting.key] = origin;
  return assigned;
}

absl::Status SettingTable::ApplyYaml(const std::string& text) {
  const absl::StatusOr<std::vector<YamlEntry>> entries = ParseYaml(text);
  if (!entries.ok()) return entries.status();
  std::set<std::string> seen;
  for (const YamlEntry& entry : *entries) {
    const absl::Status applied =
        seen.insert(entry.key).second
            ? ApplyEntry(entry)
            : absl::InvalidArgumentError(absl::StrCat("the key '", entry.key, "' is repeated"));
    if (!applied.ok()) return AtLine(entry.line, applied);
  }
  return absl::OkStatus();
}

absl::Status SettingTable::ApplyEntry(const YamlEntry& entry) {
  const Setting* setting = Find(entry.key);
  if (setting == nullptr) return UnknownKey(entry.key);
  if (entry.kind == YamlEntry::Kind::kNone) {
    return absl::InvalidArgumentError(absl::StrCat(entry.key, " has no value; an empty text is written \"\""));
  }
  if (entry.kind == YamlEntry::Kind::kOther) {
    return absl::InvalidArgumentError(absl::StrCat(entry.key, " is not a single value"));
  }
  return Apply(*setting, entry.value, entry.key, {Source::kFile, absl::StrCat("line ", entry.line)});
}

absl::Status SettingTable::UnknownKey(absl::string_view key) const {
  std::vector<std::string> known;
  for (const Setting& setting : settings_) known.emplace_back(setting.key);
  return absl::InvalidArgumentError(
      absl::StrCat("unknown key '", key, "'", DidYouMean(key, known, "--print-config lists the known ones")));
}

absl::Status SettingTable::ApplyEnvironment(const char* const* environment) {
  for (; *environment != nullptr; ++environment) {
    const std::pair<std::string, std::string> variable = absl::StrSplit(*environment, absl::MaxSplits('=', 1));
    const auto& [name, value] = variable;
    if (!absl::StartsWith(name, kEnvironmentPrefix) || name == kConfigFileVariable || IsForeign(name, value)) continue;
    const auto setting = std::find_if(settings_.begin(), settings_.end(),
                                      [&name = name](const Setting& known) { return EnvironmentName(known) == name; });
    const absl::Status applied =
        setting != settings_.end() ? Apply(*setting, value, name, {Source::kEnvironment, name}) : UnknownVariable(name);
    if (!applied.ok()) return applied;
  }
  return absl::OkStatus();
}

absl::Status SettingTable::UnknownVariable(absl::string_view name) const {
  std::vector<std::string> known = {std::string(kConfigFileVariable)};
  for (const Setting& setting : settings_) known.push_back(EnvironmentName(setting));
  return absl::InvalidArgumentError(absl::StrCat("unknown environment variable '", name, "'",
                                                 DidYouMean(name, known, "--print-config lists the known settings")));
}

absl::Status SettingTable::ApplyFlag(const Setting& setting, const std::string& text) {
  const std::string flag = FlagName(setting);
  return Apply(setting, text, flag, {Source::kFlag, flag});
}

absl::Status SettingTable::CheckFiles() const {
  for (const Setting& setting : settings_) {
    const auto* text = std::get_if<TextSetting>(&setting.type);
    if (text == nullptr || !NamesAFile(text->kind) || text->value->empty()) continue;
    const absl::Status checked = CheckFile(*text->value, text->kind);
    if (checked.ok()) continue;
    return absl::Status(checked.code(),
                        absl::StrCat(setting.key, " (", Describe(OriginOf(setting)), "): ", checked.message()));
  }
  return absl::OkStatus();
}

}  // namespace bayespfl::server
