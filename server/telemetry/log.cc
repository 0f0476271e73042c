#include "server/telemetry/log.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <type_traits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace bayespfl::server {
namespace {

constexpr std::array<absl::string_view, 5> kLevelNames = {"debug", "info", "warning", "error", "off"};  // LogLevel's

std::string Cut(absl::string_view text) {
  return absl::StrCat(text.substr(0, kMaxLogValueBytes), text.size() > kMaxLogValueBytes ? "..." : "");
}

bool IsPlain(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxLogValueBytes && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isgraph(static_cast<unsigned char>(c)) && c != '"' && c != '=' && c != '\\';
  });
}

std::string TextValue(const LogField& field) {
  return std::visit(
      [](const auto& value) -> std::string {
        using Value = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<Value, std::string>) return IsPlain(value) ? value : EscapeForLog(value);
        if constexpr (std::is_same_v<Value, bool>) return value ? "true" : "false";
        if constexpr (!std::is_same_v<Value, std::string>) return absl::StrCat(value);
      },
      field.value);
}

// A message is our own text; should a byte be in it that would break the line, it is escaped all the same.
std::string MessageText(absl::string_view message) {
  const bool clean = std::all_of(message.begin(), message.end(),
                                 [](char c) { return absl::ascii_isprint(static_cast<unsigned char>(c)); });
  return clean ? std::string(message) : absl::CHexEscape(message);
}

std::string TextLine(absl::string_view timestamp, LogLevel level, absl::string_view message, const LogFields& fields) {
  std::string line = absl::StrCat(timestamp, " ", LogLevelName(level), " ", MessageText(message));
  for (const LogField& field : fields) absl::StrAppend(&line, " ", field.name, "=", TextValue(field));
  return absl::StrCat(line, "\n");
}

std::string JsonLine(absl::string_view timestamp, LogLevel level, absl::string_view message, const LogFields& fields) {
  nlohmann::ordered_json line;
  line["timestamp"] = std::string(timestamp);
  line["level"] = std::string(LogLevelName(level));
  line["message"] = std::string(message);
  for (const LogField& field : fields) {
    nlohmann::ordered_json& target = line[std::string(field.name)];
    std::visit(
        [&target](const auto& value) {
          if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string>) {
            target = Cut(value);
          } else {
            target = value;
          }
        },
        field.value);
  }
  // Bytes that are not UTF-8, a character that was cut among them, become U+FFFD.
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

absl::string_view LogLevelName(LogLevel level) { return kLevelNames.at(static_cast<size_t>(level)); }

absl::StatusOr<LogLevel> ParseLogLevel(absl::string_view name) {
  const auto* const found = std::find(kLevelNames.begin(), kLevelNames.end(), name);
  if (found != kLevelNames.end()) return static_cast<LogLevel>(found - kLevelNames.begin());
  return absl::InvalidArgumentError(
      absl::StrCat("log_level is ", EscapeForLog(name), "; expected debug, info, warning, error or off"));
}

Log::Log(LogLevel lowest, bool json, LogOptions options)
    : lowest_(lowest),
      json_(json),
      options_(std::move(options)),
      queue_(options_.write ? nullptr
                            : std::make_unique<LineQueue>(LineQueueOptions{
                                  .max_bytes = options_.max_queue_bytes, .loss_line = [this](uint64_t lines) {
                                    return Format(LogLevel::kWarning, "log lines were dropped", {{"lines", lines}});
                                  }})) {}

void Log::Write(LogLevel level, absl::string_view message, const LogFields& fields) {
  if (!Enabled(level)) return;
  WriteLine(level, level == LogLevel::kError ? LineWeight::kImportant : LineWeight::kOrdinary, message, fields);
}

void Log::Audit(absl::string_view message, const LogFields& fields) {
  if (level() != LogLevel::kOff) WriteLine(LogLevel::kInfo, LineWeight::kImportant, message, fields);
}

void Log::LastWords(absl::string_view message, const LogFields& fields) {
  WriteLine(LogLevel::kError, LineWeight::kImportant, message, fields);
}

void Log::Printed(absl::string_view line) {
  if (!json_) return Put(absl::StrCat(line, "\n"), LineWeight::kOrdinary);
  WriteLine(LogLevel::kWarning, LineWeight::kOrdinary, "a library printed a line", {{"text", std::string(line)}});
}

void Log::WriteRaw(std::string text) { Put(std::move(text), LineWeight::kImportant); }

std::string Log::Format(LogLevel level, absl::string_view message, const LogFields& fields) const {
  const std::string timestamp = FormatTimestamp(options_.clock());
  return json_ ? JsonLine(timestamp, level, message, fields) : TextLine(timestamp, level, message, fields);
}

void Log::WriteLine(LogLevel level, LineWeight weight, absl::string_view message, const LogFields& fields) {
  Put(Format(level, message, fields), weight);
}

void Log::Put(std::string line, LineWeight weight) {
  if (queue_ != nullptr) return queue_->Push(options_.descriptor, std::move(line), weight);
  MutexLock lock(mu_);
  options_.write(line);
}

absl::StatusOr<Logger> CreateLogger(LogOptions options) {
  if (options.format != "text" && options.format != "json") {
    return absl::InvalidArgumentError(
        absl::StrCat("log_format is ", EscapeForLog(options.format), "; expected text or json"));
  }
  const absl::StatusOr<LogLevel> lowest = ParseLogLevel(options.level);
  if (!lowest.ok()) return lowest.status();
  const bool json = options.format == "json";
  return std::make_shared<Log>(*lowest, json, std::move(options));
}

Logger SilentLogger() {
  return std::make_shared<Log>(LogLevel::kOff, false, LogOptions{.write = [](absl::string_view /*line*/) {}});
}

std::string FormatTimestamp(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

std::string EscapeForLog(absl::string_view text) {
  const bool cut = text.size() > kMaxLogValueBytes;
  return absl::StrCat("\"", absl::CHexEscape(text.substr(0, kMaxLogValueBytes)), cut ? "...\"" : "\"");
}

}  // namespace bayespfl::server
