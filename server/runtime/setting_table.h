// A table of settings, and the ways a value gets into one and out again: a YAML file, environment variables, flags; the
// effective configuration as YAML and the reference page.
//
//   ServerConfig config;
//   SettingTable table(SettingsOf(config));
//   absl::Status status = table.ApplyYaml(text);           // later calls win over earlier ones
//   status.Update(table.ApplyEnvironment(environ));
//   status.Update(table.ApplyFlag(table.settings()[0], "value"));
#ifndef BAYESPFL_SERVER_RUNTIME_SETTING_TABLE_H_
#define BAYESPFL_SERVER_RUNTIME_SETTING_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace bayespfl::server {

// What a text stands for. Texts that name something on disk may be empty: then they name nothing.
enum class TextKind {
  kPlain,
  kFile,     // a file that exists and can be read
  kFolder,   // a folder that exists
  kNewFile,  // a file that may be created: its folder exists
};

struct TextSetting {
  std::string* value;
  TextKind kind = TextKind::kPlain;
};
struct ChoiceSetting {
  std::string* value;
  std::vector<absl::string_view> choices;
};
struct BooleanSetting {
  bool* value;
};
struct IntegerSetting {
  std::variant<int*, int64_t*> value;
  int64_t smallest = 0;  // both ends included
  int64_t largest = 0;
};
struct RealSetting {
  double* value;
  double smallest = 0;  // both ends included
  double largest = 0;
};

// One setting, bound to the variable that holds its value, which starts as the default.
struct Setting {
  absl::string_view section;  // heading in --help and on the reference page
  absl::string_view key;      // "max_batch": the key of the file; --max-batch and BAYESPFL_MAX_BATCH follow from it
  absl::string_view help;
  std::variant<TextSetting, ChoiceSetting, BooleanSetting, IntegerSetting, RealSetting> type;
};

// Where a value came from.
enum class SettingSource { kDefault, kFile, kEnvironment, kFlag };

// A setting with the value that it has, for people.
struct EffectiveSetting {
  std::string key;
  std::string value;
  SettingSource source = SettingSource::kDefault;
  std::string place;  // "line 3", "BAYESPFL_PORT", "--port"; empty: the default
};

std::string FlagName(const Setting& setting);         // "--max-batch"
std::string EnvironmentName(const Setting& setting);  // "BAYESPFL_MAX_BATCH"

// The value: "4", "auto", "".
std::string ValueOf(const Setting& setting);

// The value for people: "4", "auto"; "empty".
std::string ShownValue(const Setting& setting);

struct YamlEntry;

// Environment variables of this prefix belong to the settings, but for those of the scripts and the other programs.
inline constexpr absl::string_view kEnvironmentPrefix = "BAYESPFL_";
// Names the configuration file, as --config does.
inline constexpr absl::string_view kConfigFileVariable = "BAYESPFL_CONFIG";

// Errors are InvalidArgument unless said otherwise, name the place (line, variable or flag) and what would be right;
// an unknown name comes with the nearest known one. After an error the values are those applied so far. Not
// thread-safe.
class SettingTable {
 public:
  // Keys are unique. The variables outlive the table.
  explicit SettingTable(std::vector<Setting> settings);

  const std::vector<Setting>& settings() const { return settings_; }

  // One YAML document: a mapping of keys to single values, or nothing. Wrong: not YAML, more than one document, an
  // unknown or repeated key, a bad value.
  absl::Status ApplyYaml(const std::string& text);

  // `environment` holds "NAME=value" and ends with a null pointer. Variables without the prefix are passed over, and so
  // are those that belong to other programs of this project and those that Kubernetes sets for a Service.
  absl::Status ApplyEnvironment(const char* const* environment);

  // `setting` is one of settings(). A boolean's text is "true" or "false".
  absl::Status ApplyFlag(const Setting& setting, const std::string& text);

  // What the texts name exists. Errors are those of the file system, and name the key and where its value came from.
  absl::Status CheckFiles() const;

  // "22 settings: 3 from the file, 1 from the environment, 2 from flags".
  std::string Summary() const;

  // A document that ApplyYaml() reads back, each value with where it came from as a comment. No setting is a secret:
  // settings name the files that hold them.
  std::string ToYaml() const;

  // All settings, in their order.
  std::vector<EffectiveSetting> Effective() const;

  // The tables of docs/configuration.md: a heading for each section, a row for each setting. Call it before any value
  // is applied: values are the defaults then.
  std::string ToMarkdown() const;

 private:
  using Source = SettingSource;
  struct Origin {
    Source source = Source::kDefault;
    std::string place;  // "line 3", "BAYESPFL_PORT", "--port"
  };

  const Setting* Find(absl::string_view key) const;
  absl::Status ApplyEntry(const YamlEntry& entry);
  absl::Status Apply(const Setting& setting, const std::string& text, absl::string_view name, const Origin& origin);
  absl::Status UnknownKey(absl::string_view key) const;
  absl::Status UnknownVariable(absl::string_view name) const;
  Origin OriginOf(const Setting& setting) const;
  static std::string Describe(const Origin& origin);

  std::vector<Setting> settings_;
  std::map<absl::string_view, Origin> origins_;  // by key; absent: the default
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_SETTING_TABLE_H_
