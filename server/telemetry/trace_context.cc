#include "server/telemetry/trace_context.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/random/random.h"
#include "absl/random/uniform_int_distribution.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace bayespfl::server {
namespace {

constexpr size_t kTraceIdDigits = 32;
constexpr size_t kSpanIdDigits = 16;

bool IsHex(absl::string_view text, size_t digits) {
  return text.size() == digits && std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isdigit(static_cast<unsigned char>(c)) || (c >= 'a' && c <= 'f');
         });
}

bool IsId(absl::string_view text, size_t digits) {
  return IsHex(text, digits) && text.find_first_not_of('0') != absl::string_view::npos;
}

// `digits` is a multiple of 16. Not all 0, in any block of 16.
std::string RandomId(size_t digits) {
  absl::BitGen generator;
  std::string id;
  while (id.size() < digits) {
    absl::StrAppend(
        &id, absl::Hex(absl::Uniform<uint64_t>(absl::IntervalClosed, generator, 1, UINT64_MAX), absl::kZeroPad16));
  }
  return id;
}

}  // namespace

std::optional<TraceContext> ParseTraceParent(absl::string_view header) {
  const std::vector<absl::string_view> parts = absl::StrSplit(header, '-');
  if (parts.size() != 4 || parts[0] != "00" || !IsId(parts[1], kTraceIdDigits) || !IsId(parts[2], kSpanIdDigits) ||
      !IsHex(parts[3], 2)) {
    return std::nullopt;
  }
  TraceContext context;
  context.trace_id = std::string(parts[1]);
  context.span_id = std::string(parts[2]);
  context.flags = std::string(parts[3]);
  return context;
}

std::string FormatTraceParent(const TraceContext& context) {
  return absl::StrCat("00-", context.trace_id, "-", context.span_id, "-", context.flags);
}

TraceContext ContinueTrace(absl::string_view header) {
  TraceContext context = ParseTraceParent(header).value_or(TraceContext());
  if (context.trace_id.empty()) context.trace_id = RandomId(kTraceIdDigits);
  context.parent_span_id = std::move(context.span_id);
  context.span_id = RandomId(kSpanIdDigits);
  return context;
}

TraceContext ChildOf(const TraceContext& parent) {
  return {.trace_id = parent.trace_id, .span_id = NewSpanId(), .parent_span_id = parent.span_id, .flags = parent.flags};
}

std::string NewSpanId() { return RandomId(kSpanIdDigits); }

bool IsSampled(const TraceContext& context) {
  constexpr absl::string_view kOdd = "13579bdf";
  return !context.flags.empty() && kOdd.find(context.flags.back()) != absl::string_view::npos;
}

std::string RequestId(absl::string_view header) {
  const bool usable = !header.empty() && header.size() <= kMaxRequestIdBytes &&
                      std::all_of(header.begin(), header.end(),
                                  [](char c) { return absl::ascii_isgraph(static_cast<unsigned char>(c)); });
  return usable ? std::string(header) : RandomId(kTraceIdDigits);
}

}  // namespace bayespfl::server
