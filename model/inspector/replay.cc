#include "model/inspector/replay.h"

#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/utf8.h"
#include "model/verdict/result_line.h"
#include "nlohmann/json.hpp"

namespace bayespfl {
namespace {

// Without trouble over lines that are no JSON: they have no id.
bool HasResultId(const std::string& line, absl::string_view result_id) {
  if (!absl::StrContains(line, result_id)) return false;
  const nlohmann::json document = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) return false;
  const auto id = document.find("result_id");
  return id != document.end() && id->is_string() && id->get_ref<const std::string&>() == result_id;
}

bool IsBlank(const std::string& line) { return absl::StripAsciiWhitespace(line).empty(); }

absl::StatusOr<std::string> LineOfId(std::istream& log, absl::string_view name, absl::string_view result_id) {
  std::string line;
  while (std::getline(log, line)) {
    if (HasResultId(line, result_id)) return line;
  }
  return absl::NotFoundError(absl::StrCat(name, " has no line with the result id ", result_id));
}

absl::StatusOr<std::string> OnlyLine(std::istream& log, absl::string_view name) {
  std::optional<std::string> found;
  std::string line;
  while (std::getline(log, line)) {
    if (IsBlank(line)) continue;
    if (found.has_value()) {
      return absl::InvalidArgumentError(absl::StrCat(name, " has several lines: name one by its result id"));
    }
    found = std::exchange(line, {});
  }
  if (!found.has_value()) return absl::NotFoundError(absl::StrCat(name, " has no line"));
  return *std::move(found);
}

}  // namespace

absl::StatusOr<Inspection> ReadRecordedResult(std::istream& log, absl::string_view name, absl::string_view result_id) {
  const absl::StatusOr<std::string> line = result_id.empty() ? OnlyLine(log, name) : LineOfId(log, name, result_id);
  if (!line.ok()) return line.status();
  absl::StatusOr<Inspection> recorded = ParseResultLine(*line);
  if (!recorded.ok()) {
    return absl::Status(recorded.status().code(), absl::StrCat(name, ": ", recorded.status().message()));
  }
  return recorded;
}

std::string PictureComplaint(const PictureIdentity& recorded, absl::string_view sha256) {
  if (recorded.sha256 == sha256) return "";
  return absl::StrCat("the picture is not the recorded one: its SHA-256 is ", sha256, ", the line's is ",
                      EscapeControls(recorded.sha256));
}

std::string ReplayText(const Inspection& recorded, const Comparison& comparison) {
  std::string text =
      absl::StrCat(EscapeControls(recorded.provenance.result_id), ": ", AgreementText(comparison.agreement), "\n");
  for (const std::string& number : comparison.numbers) absl::StrAppend(&text, "  ", EscapeControls(number), "\n");
  for (const std::string& condition : comparison.conditions) {
    absl::StrAppend(&text, "  not as it was: ", EscapeControls(condition), "\n");
  }
  return text;
}

ReplayExit ReplayExitOf(Agreement agreement) {
  return agreement == Agreement::kDifferent ? kReplayDiffers : kReplayAgrees;
}

}  // namespace bayespfl
