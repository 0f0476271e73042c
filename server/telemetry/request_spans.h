// From what is recorded of a request to its spans.
//
//   bayespfl.inspection.v1.InspectionService/Inspect   the request: from its message's arrival to its reply's departure
//     admission    parse, check, take a slot; of a refused request all of it
//     queue        before a stage; bayespfl.queue names it: decode, execute, render
//     decode       picture to pixels to the network's input
//     execute      on the device; bayespfl.batch_size frames together. Again, with a queue before it, after a failure
//     render       maps, verdict, encoding
//     reply        to the wire format, waiting for the replies before it, until gRPC has taken it
// The span of a stream's message is called .../InspectStream frame, and hangs below that of its call. Each picture of a
// request with several has a span "frame" of its own below the request's, with all but the reply in it.
#ifndef BAYESPFL_SERVER_TELEMETRY_REQUEST_SPANS_H_
#define BAYESPFL_SERVER_TELEMETRY_REQUEST_SPANS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/pipeline/steady_time.h"
#include "server/telemetry/record.h"
#include "server/telemetry/span.h"

namespace bayespfl::server {

// Names that spans have and records lack.
struct SpanNames {
  std::function<std::string(absl::string_view method)> service_of;     // "bayespfl.inspection.v1.InspectionService"
  std::function<std::string(absl::string_view category)> category_of;  // a label of metrics
};

// The wall clock at a moment of the steady one: all times of a request come from one, so that they fit together even
// when the wall clock is set meanwhile.
struct ClockAnchor {
  absl::Time wall;
  SteadyTime steady;

  static ClockAnchor Now();
  absl::Time TimeOf(SteadyTime moment) const { return wall + absl::FromChrono(moment - steady); }
};

// The request's span first, its reply last, both ending at `anchor`: until EndSpans(). Thread-safe.
std::vector<Span> SpansOf(const RequestRecord& request, const ClockAnchor& anchor, const SpanNames& names);

// The reply left at `end`, which is not before the anchor of SpansOf().
void EndSpans(absl::Time end, std::vector<Span>& spans);

// The span of a stream, which ends now. Thread-safe.
Span StreamSpanOf(const CallRecord& call, const absl::Status& status, const ClockAnchor& anchor,
                  const SpanNames& names);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_REQUEST_SPANS_H_
