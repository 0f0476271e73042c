#include "server/telemetry/trace_context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace bayespfl::server {
namespace {

using ::testing::MatchesRegex;
using ::testing::Ne;

constexpr char kHeader[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(TraceParentTest, ReadsTheStandardsExample) {
  const std::optional<TraceContext> context = ParseTraceParent(kHeader);

  ASSERT_TRUE(context.has_value());
  EXPECT_EQ(context->trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(context->span_id, "00f067aa0ba902b7");
  EXPECT_EQ(context->flags, "01");
  EXPECT_EQ(FormatTraceParent(*context), kHeader);
}

TEST(TraceParentTest, RejectsWhatTheStandardForbids) {
  for (const std::string header :
       {"", "00", "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",     // another version
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",               // no version
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",               // no trace
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",               // no span
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",               // capitals
        "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",                // a digit less
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b70-01",              // a digit more
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",                // short flags
        "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",               // no digit
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-is-more",  // more fields
        " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",              // blanks
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"}) {
    EXPECT_FALSE(ParseTraceParent(header).has_value()) << header;
  }
}

TEST(ContinueTraceTest, ItIsANewSpanOfTheCallersTrace) {
  const TraceContext context = ContinueTrace(kHeader);

  EXPECT_EQ(context.trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(context.parent_span_id, "00f067aa0ba902b7");
  EXPECT_EQ(context.flags, "01");
  EXPECT_THAT(context.span_id, MatchesRegex("[0-9a-f]{16}"));
  EXPECT_NE(context.span_id, context.parent_span_id);
}

TEST(ContinueTraceTest, WithoutACallersTraceANewOneBegins) {
  const TraceContext context = ContinueTrace("nonsense");

  EXPECT_TRUE(ParseTraceParent(FormatTraceParent(context)).has_value()) << FormatTraceParent(context);
  EXPECT_EQ(context.parent_span_id, "");
  EXPECT_EQ(context.flags, "00");
  EXPECT_THAT(ContinueTrace("nonsense").trace_id, Ne(context.trace_id));
}

TEST(ChildOfTest, ItIsAnotherSpanOfTheSameTrace) {
  const TraceContext parent = ContinueTrace(kHeader);

  const TraceContext child = ChildOf(parent);

  EXPECT_EQ(child.trace_id, parent.trace_id);
  EXPECT_EQ(child.parent_span_id, parent.span_id);
  EXPECT_EQ(child.flags, "01");
  EXPECT_THAT(child.span_id, MatchesRegex("[0-9a-f]{16}"));
  EXPECT_NE(child.span_id, parent.span_id);
}

TEST(IsSampledTest, LooksAtTheLowestBit) {
  for (const char* flags : {"01", "03", "ff", "1d"}) {
    EXPECT_TRUE(IsSampled({.trace_id = {}, .span_id = {}, .parent_span_id = {}, .flags = flags})) << flags;
  }
  for (const char* flags : {"00", "02", "fe", "10", ""}) {
    EXPECT_FALSE(IsSampled({.trace_id = {}, .span_id = {}, .parent_span_id = {}, .flags = flags})) << flags;
  }
}

TEST(RequestIdTest, TakesVisibleAscii) {
  EXPECT_EQ(RequestId("order-17/B"), "order-17/B");
  EXPECT_EQ(RequestId(std::string(128, '~')), std::string(128, '~'));
}

TEST(RequestIdTest, MakesOneWhenThereIsNoneOrABadOne) {
  for (const std::string& header : {std::string(), std::string(129, 'x'), std::string("a b"), std::string("a\n"),
                                    std::string("\x7F"), std::string("\xC3\xA9")}) {
    EXPECT_THAT(RequestId(header), MatchesRegex("[0-9a-f]{32}")) << header;
  }
  EXPECT_NE(RequestId(""), RequestId(""));
}

}  // namespace
}  // namespace bayespfl::server
