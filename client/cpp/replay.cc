#include "client/cpp/replay.h"

#include <cstddef>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/terminal_text.h"
#include "client/cpp/results.h"

namespace bayespfl::client {
namespace {

constexpr size_t kMaxLineBytes = size_t{1} << 20;

// Of a line that is no JSON object, or has no id: empty.
std::string ResultIdOf(const std::string& line) {
  const nlohmann::json object = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return "";
  const auto id = object.find("result_id");
  return id != object.end() && id->is_string() ? id->get<std::string>() : "";
}

absl::Status LineError(absl::string_view name, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(name, " ", what));
}

absl::StatusOr<std::string> FindById(std::istream& log, absl::string_view result_id, absl::string_view name) {
  for (std::string line; std::getline(log, line);) {
    // Most lines of a long log need no parsing.
    if (absl::StrContains(line, result_id) && ResultIdOf(line) == result_id) return line;
  }
  return absl::NotFoundError(absl::StrCat(name, " holds no result with the id ", OneLine(result_id)));
}

absl::StatusOr<std::string> FindOnly(std::istream& log, absl::string_view name) {
  std::string only;
  for (std::string line; std::getline(log, line);) {
    if (absl::StripAsciiWhitespace(line).empty()) continue;
    if (!only.empty()) return LineError(name, "holds several lines; --result-id says which is meant");
    only = std::move(line);
  }
  if (only.empty()) return LineError(name, "holds no line");
  return only;
}

void AppendList(absl::string_view heading, const std::vector<std::string>& items, std::string& text) {
  if (items.empty()) return;
  absl::StrAppend(&text, "\n", heading);
  for (const std::string& item : items) absl::StrAppend(&text, "\n  ", OneLine(item));
}

}  // namespace

absl::StatusOr<std::string> FindResultLine(std::istream& log, absl::string_view result_id, absl::string_view name) {
  absl::StatusOr<std::string> line = result_id.empty() ? FindOnly(log, name) : FindById(log, result_id, name);
  if (line.ok() && line->size() > kMaxLineBytes) {
    return LineError(name, absl::StrCat("holds a line of ", line->size(), " bytes, which is no result"));
  }
  return line;
}

inspection::v1::InspectRequest ReplayRequest(const Inspection& recorded, std::string picture) {
  inspection::v1::InspectRequest request;
  const PictureIdentity& identity = recorded.provenance.picture;
  inspection::v1::Image& image = *request.mutable_image();
  image.set_significant_bits(static_cast<uint32_t>(identity.significant_bits));
  image.set_apply_orientation(identity.apply_orientation);
  if (identity.raw.has_value()) {
    inspection::v1::RawImage& raw = *image.mutable_raw();
    raw.set_data(std::move(picture));
    raw.set_width(identity.raw->width);
    raw.set_height(identity.raw->height);
    raw.set_stride(identity.raw->stride);
    raw.set_pfnc_pixel_format(identity.raw->pfnc_pixel_format);
    raw.set_max_trailing_bytes(identity.raw->max_trailing_bytes);
  } else {
    image.set_encoded(std::move(picture));
  }
  request.mutable_metadata()->set_frame_id(absl::StrCat("replay-", recorded.provenance.result_id));
  inspection::v1::InspectOptions& options = *request.mutable_options();
  options.set_category(recorded.category);
  options.set_object(recorded.object);
  if (!recorded.provenance.model.empty()) options.set_model(recorded.provenance.model);
  options.set_samples(static_cast<uint32_t>(recorded.provenance.samples));
  options.set_seed(recorded.provenance.seed);
  options.set_mask_threshold(recorded.mask_threshold);
  return request;
}

Inspection ReplayedInspection(const Inspection& recorded, const inspection::v1::InspectResponse& response) {
  Inspection now = ToInspection(response);
  now.provenance.picture.raw = recorded.provenance.picture.raw;
  now.provenance.picture.significant_bits = recorded.provenance.picture.significant_bits;
  now.provenance.picture.apply_orientation = recorded.provenance.picture.apply_orientation;
  return now;
}

std::string ComparisonText(const Comparison& comparison) {
  std::string text = AgreementText(comparison.agreement);
  AppendList("numbers that differ:", comparison.numbers, text);
  AppendList("conditions that are not as they were:", comparison.conditions, text);
  return text;
}

}  // namespace bayespfl::client
