#include "server/telemetry/tracer.h"

#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "base/files.h"
#include "server/telemetry/frame_outcome.h"
#include "server/telemetry/otlp_client.h"

namespace bayespfl::server {
namespace {

constexpr size_t kMaxHeadersBytes = size_t{64} << 10;

// The part of the trace id that W3C's and OpenTelemetry's ratios look at.
absl::string_view LastHalf(absl::string_view trace_id) {
  constexpr size_t kDigits = 16;
  return trace_id.size() > kDigits ? trace_id.substr(trace_id.size() - kDigits) : trace_id;
}

// Of a request that was not traced: as many as SpansOf() would have made.
int64_t CountSpans(const RequestRecord& request) {
  int64_t count = request.timelines.empty() ? 3 : 2;  // the request, the reply; else its admission
  for (const auto& timeline : request.timelines) {
    count += static_cast<int64_t>(1 + (timeline->accepted.has_value() ? timeline->steps.size() : 0));
    if (request.timelines.size() > 1) ++count;
  }
  return count;
}

// This process among all that ever ran: a UUID of version 4.
std::string NewInstanceId() {
  const std::string first = NewSpanId();
  const absl::string_view high = first;
  const std::string second = NewSpanId();
  const absl::string_view low = second;
  return absl::StrCat(high.substr(0, 8), "-", high.substr(8, 4), "-4", high.substr(13), "-8", low.substr(1, 3), "-",
                      low.substr(4));
}

std::string HostName() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string();
}

SpanExporterOptions WithMetrics(SpanExporterOptions options, TraceMetrics& metrics) {
  options.on_exported = [&metrics](int64_t spans) { metrics.CountExported(spans); };
  options.on_lost = [&metrics](SpanLoss why, int64_t spans) { metrics.CountLost(why, spans); };
  options.on_failure = [&metrics] { metrics.CountFailure(); };
  options.on_queue = [&metrics](int64_t change) { metrics.OnQueueChange(change); };
  return options;
}

absl::StatusOr<OtlpHeaders> ReadHeaders(const std::string& file) {
  if (file.empty()) return OtlpHeaders();
  const absl::StatusOr<std::string> text = ReadFile(file, kMaxHeadersBytes);
  absl::StatusOr<OtlpHeaders> headers =
      text.ok() ? ParseOtlpHeaders(*text) : absl::StatusOr<OtlpHeaders>(text.status());
  if (headers.ok()) return headers;
  return absl::Status(headers.status().code(), absl::StrCat("otlp_headers_file: ", headers.status().message()));
}

}  // namespace

Tracer::Tracer(TracerOptions options, std::unique_ptr<SpanSender> sender, TraceMetrics& metrics, Logger logger)
    : names_(std::move(options.names)),
      metrics_(metrics),
      sampler_(std::move(options.sampler)),
      exporter_(std::make_unique<SpanExporter>(WithMetrics(std::move(options.exporter), metrics), std::move(sender),
                                               std::move(logger))) {}

ReplyGone Tracer::RequestAnswered(const RequestRecord& request) {
  const FrameRecord& first = request.frames.front();
  const TraceContext& trace = TraceOf(first);
  const ClockAnchor anchor = ClockAnchor::Now();
  const TraceDecision decision = sampler_.Decide(
      {.trace = trace,
       .randomness = first.span.has_value() ? absl::string_view(trace.span_id) : LastHalf(trace.trace_id),
       .outcome = FrameOutcomeOf(first.status),
       .took = anchor.steady - request.arrival});
  if (decision == TraceDecision::kOverLimit) metrics_.CountLost(SpanLoss::kOverLimit, CountSpans(request));
  if (decision != TraceDecision::kTrace) return {};
  if (first.call.has_spans != nullptr) first.call.has_spans->store(true);
  auto spans = std::make_shared<std::vector<Span>>(SpansOf(request, anchor, names_));
  return [this, anchor, spans = std::move(spans)] {
    EndSpans(anchor.TimeOf(std::chrono::steady_clock::now()), *spans);
    exporter_->Add(std::move(*spans));
  };
}

void Tracer::CallEnded(const CallRecord& call, const absl::Status& status) {
  if (!call.stream_id.has_value()) return;
  const bool has_spans = call.has_spans != nullptr && call.has_spans->load();
  const TraceDecision decision =
      has_spans
          ? TraceDecision::kTrace
          : sampler_.Decide(
                {.trace = call.trace, .randomness = LastHalf(call.trace.trace_id), .outcome = FrameOutcomeOf(status)});
  if (decision == TraceDecision::kOverLimit) metrics_.CountLost(SpanLoss::kOverLimit, 1);
  if (decision == TraceDecision::kTrace) exporter_->Add({StreamSpanOf(call, status, ClockAnchor::Now(), names_)});
}

absl::StatusOr<std::unique_ptr<Tracer>> CreateTracer(TracingOptions options, TraceMetrics& metrics, Logger logger) {
  absl::StatusOr<OtlpEndpoint> endpoint = ParseOtlpEndpoint(options.settings.endpoint);
  if (!endpoint.ok()) return endpoint.status();
  absl::StatusOr<OtlpHeaders> headers = ReadHeaders(options.settings.headers_file);
  if (!headers.ok()) return headers.status();
  OtlpSender& sender = options.tracer.exporter.sender;
  sender.scope = "bayespfl-server";
  sender.version = options.version;
  sender.resource = {{"service.name", options.service_name},
                     {"service.version", options.version},
                     {"service.instance.id", NewInstanceId()},
                     {"host.name", HostName()}};
  auto client =
      std::make_unique<OtlpClient>(OtlpClientOptions{.endpoint = *std::move(endpoint),
                                                     .ca_file = options.settings.ca_file,
                                                     .headers = *std::move(headers),
                                                     .user_agent = absl::StrCat("bayespfl-server/", options.version)});
  return std::make_unique<Tracer>(std::move(options.tracer), std::move(client), metrics, std::move(logger));
}

}  // namespace bayespfl::server
