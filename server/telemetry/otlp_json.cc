#include "server/telemetry/otlp_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <type_traits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace bayespfl::server {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kStatusError = 2;     // Status.StatusCode
constexpr uint32_t kSampled = 0x1;  // SpanFlags: the low byte is W3C's
constexpr uint32_t kHasIsRemote = 0x100;
constexpr uint32_t kIsRemote = 0x200;

std::string Cut(absl::string_view text) { return std::string(text.substr(0, kMaxSpanTextBytes)); }

std::string UnixNanos(absl::Time time) { return absl::StrCat(absl::ToUnixNanos(time)); }

Json EncodeValue(const SpanAttribute& attribute) {
  return std::visit(
      [](const auto& value) -> Json {
        using Value = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<Value, std::string>) return {{"stringValue", Cut(value)}};
        if constexpr (std::is_same_v<Value, int64_t>) return {{"intValue", absl::StrCat(value)}};
        if constexpr (std::is_same_v<Value, double>) return {{"doubleValue", value}};
        if constexpr (std::is_same_v<Value, bool>) return {{"boolValue", value}};
      },
      attribute.value);
}

Json EncodeAttributes(const SpanAttributes& attributes) {
  Json list = Json::array();
  for (const SpanAttribute& attribute : attributes) {
    list.push_back({{"key", std::string(attribute.key)}, {"value", EncodeValue(attribute)}});
  }
  return list;
}

Json EncodeSpan(const Span& span) {
  Json json = {{"traceId", span.trace_id}, {"spanId", span.span_id}};
  if (!span.parent_span_id.empty()) json["parentSpanId"] = span.parent_span_id;
  json["flags"] = kSampled | kHasIsRemote | (span.remote_parent ? kIsRemote : 0U);
  json["name"] = span.name;
  json["kind"] = static_cast<int>(span.kind);
  json["startTimeUnixNano"] = UnixNanos(span.start);
  json["endTimeUnixNano"] = UnixNanos(span.end);
  if (!span.attributes.empty()) json["attributes"] = EncodeAttributes(span.attributes);
  if (span.error) {
    json["status"]["code"] = kStatusError;
    if (!span.error_message.empty()) json["status"]["message"] = Cut(span.error_message);
  }
  return json;
}

int64_t Count(const nlohmann::json& value) {
  int64_t count = 0;
  if (value.is_number_integer()) count = value.get<int64_t>();
  if (value.is_string() && !absl::SimpleAtoi(value.get<std::string>(), &count)) count = 0;
  return std::max<int64_t>(0, count);
}

}  // namespace

std::string EncodeSpans(const OtlpSender& sender, absl::Span<const Span> spans) {
  Json list = Json::array();
  for (const Span& span : spans) list.push_back(EncodeSpan(span));
  Json scope = {{"scope", {{"name", sender.scope}, {"version", sender.version}}}, {"spans", std::move(list)}};
  Json resource = {{"resource", {{"attributes", EncodeAttributes(sender.resource)}}},
                   {"scopeSpans", Json::array({std::move(scope)})}};
  const Json message = {{"resourceSpans", Json::array({std::move(resource)})}};
  // Bytes that are not UTF-8, a character that was cut among them, become U+FFFD.
  return message.dump(-1, ' ', false, Json::error_handler_t::replace);
}

absl::StatusOr<OtlpPartialSuccess> DecodePartialSuccess(absl::string_view body) {
  OtlpPartialSuccess partial;
  if (body.empty()) return partial;
  const nlohmann::json message = nlohmann::json::parse(body.begin(), body.end(), nullptr, /*allow_exceptions=*/false);
  if (!message.is_object()) return absl::InvalidArgumentError("the answer is no JSON object");
  const auto found = message.find("partialSuccess");
  if (found == message.end() || !found->is_object()) return partial;
  if (const auto rejected = found->find("rejectedSpans"); rejected != found->end()) partial.rejected = Count(*rejected);
  if (const auto text = found->find("errorMessage"); text != found->end() && text->is_string()) {
    partial.message = Cut(text->get<std::string>());
  }
  return partial;
}

}  // namespace bayespfl::server
