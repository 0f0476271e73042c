#include "server/telemetry/otlp_json.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

namespace bayespfl::server {
namespace {

Span FullSpan() {
  Span span;
  span.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
  span.span_id = "00f067aa0ba902b7";
  span.parent_span_id = "1111111111111111";
  span.remote_parent = true;
  span.name = "bayespfl.inspection.v1.InspectionService/Inspect";
  span.kind = SpanKind::kServer;
  span.start = absl::FromUnixNanos(1700000000000000001);
  span.end = absl::FromUnixNanos(1700000000500000002);
  span.attributes = {{"rpc.system", std::string("grpc")},
                     {"rpc.grpc.status_code", int64_t{13}},
                     {"bayespfl.score", 0.25},
                     {"bayespfl.flag", true}};
  span.error = true;
  span.error_message = "the device failed";
  return span;
}

OtlpSender Sender() {
  return {.resource = {{"service.name", std::string("line 3")}}, .scope = "bayespfl-server", .version = "1.2.3"};
}

TEST(OtlpJsonTest, ASpanInFull) {
  const std::string encoded = EncodeSpans(Sender(), {FullSpan()});

  EXPECT_EQ(encoded, R"({"resourceSpans":[{"resource":{"attributes":[)"
                     R"({"key":"service.name","value":{"stringValue":"line 3"}}]},)"
                     R"("scopeSpans":[{"scope":{"name":"bayespfl-server","version":"1.2.3"},"spans":[)"
                     R"({"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7",)"
                     R"("parentSpanId":"1111111111111111","flags":769,)"
                     R"("name":"bayespfl.inspection.v1.InspectionService/Inspect","kind":2,)"
                     R"("startTimeUnixNano":"1700000000000000001","endTimeUnixNano":"1700000000500000002",)"
                     R"("attributes":[{"key":"rpc.system","value":{"stringValue":"grpc"}},)"
                     R"({"key":"rpc.grpc.status_code","value":{"intValue":"13"}},)"
                     R"({"key":"bayespfl.score","value":{"doubleValue":0.25}},)"
                     R"({"key":"bayespfl.flag","value":{"boolValue":true}}],)"
                     R"("status":{"code":2,"message":"the device failed"}}]}]}]})");
}

// opentelemetry-proto 1.x, in the lowerCamelCase of protobuf's JSON: a receiver passes over what it does not know, so a
// misspelt name would be lost without a word.
TEST(OtlpJsonTest, EveryNameIsAFieldOfItsMessage) {
  const std::map<std::string, std::set<std::string>> fields = {
      {"", {"resourceSpans"}},
      {"resourceSpans", {"resource", "scopeSpans", "schemaUrl"}},
      {"resource", {"attributes", "droppedAttributesCount", "entityRefs"}},
      {"scopeSpans", {"scope", "spans", "schemaUrl"}},
      {"scope", {"name", "version", "attributes", "droppedAttributesCount"}},
      {"spans",
       {"traceId", "spanId", "traceState", "parentSpanId", "flags", "name", "kind", "startTimeUnixNano",
        "endTimeUnixNano", "attributes", "droppedAttributesCount", "events", "droppedEventsCount", "links",
        "droppedLinksCount", "status"}},
      {"status", {"message", "code"}},
      {"attributes", {"key", "value"}},
      {"value", {"stringValue", "boolValue", "intValue", "doubleValue", "arrayValue", "kvlistValue", "bytesValue"}}};
  const std::function<void(const std::string&, const nlohmann::json&)> check = [&](const std::string& name,
                                                                                   const nlohmann::json& value) {
    if (value.is_array()) {
      for (const nlohmann::json& each : value) check(name, each);
    }
    if (!value.is_object()) return;
    for (const auto& [key, inner] : value.items()) {
      EXPECT_TRUE(fields.at(name).contains(key)) << key << " in " << name;
      check(key, inner);
    }
  };

  check("", nlohmann::json::parse(EncodeSpans(Sender(), {FullSpan()})));
}

TEST(OtlpJsonTest, WhatASpanLacksIsLeftOut) {
  Span span = FullSpan();
  span.parent_span_id.clear();
  span.remote_parent = false;
  span.attributes.clear();
  span.error = false;
  span.kind = SpanKind::kInternal;

  const nlohmann::json encoded =
      nlohmann::json::parse(EncodeSpans(Sender(), {span}))["resourceSpans"][0]["scopeSpans"][0]["spans"][0];

  EXPECT_FALSE(encoded.contains("parentSpanId"));
  EXPECT_FALSE(encoded.contains("attributes"));
  EXPECT_FALSE(encoded.contains("status"));
  EXPECT_EQ(encoded["flags"], 257);
  EXPECT_EQ(encoded["kind"], 1);
}

TEST(OtlpJsonTest, TextsAreCutAndMended) {
  Span span = FullSpan();
  span.attributes = {{"a", std::string(kMaxSpanTextBytes + 100, 'x')}, {"b", std::string("\xff\x01\"")}};

  const nlohmann::json encoded =
      nlohmann::json::parse(EncodeSpans(Sender(), {span}))["resourceSpans"][0]["scopeSpans"][0]["spans"][0];

  EXPECT_EQ(encoded["attributes"][0]["value"]["stringValue"].get<std::string>().size(), kMaxSpanTextBytes);
  EXPECT_EQ(encoded["attributes"][1]["value"]["stringValue"], "\xEF\xBF\xBD\x01\"");
}

TEST(OtlpJsonTest, ReadsWhatWasRejected) {
  const absl::StatusOr<OtlpPartialSuccess> text =
      DecodePartialSuccess(R"({"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}})");
  const absl::StatusOr<OtlpPartialSuccess> number = DecodePartialSuccess(R"({"partialSuccess":{"rejectedSpans":2}})");

  ASSERT_TRUE(text.ok() && number.ok());
  EXPECT_EQ(text->rejected, 3);
  EXPECT_EQ(text->message, "too old");
  EXPECT_EQ(number->rejected, 2);
}

TEST(OtlpJsonTest, AnAnswerThatSaysNothingRejectsNothing) {
  for (const char* body :
       {"", "{}", R"({"partialSuccess":{}})", R"({"partialSuccess":null})",
        R"({"partialSuccess":{"rejectedSpans":"-5"}})", R"({"partialSuccess":{"rejectedSpans":[]}})"}) {
    const absl::StatusOr<OtlpPartialSuccess> partial = DecodePartialSuccess(body);
    ASSERT_TRUE(partial.ok()) << body;
    EXPECT_EQ(partial->rejected, 0) << body;
  }
  EXPECT_FALSE(DecodePartialSuccess("<html>").ok());
  EXPECT_FALSE(DecodePartialSuccess("[]").ok());
}

}  // namespace
}  // namespace bayespfl::server
