// What calls return, as the rest of the project sees it: plain C++ instead of messages.
#ifndef BAYESPFL_CLIENT_CPP_RESULTS_H_
#define BAYESPFL_CLIENT_CPP_RESULTS_H_

#include "absl/status/status.h"
#include "bayespfl/inspection/v1/inspection.pb.h"
#include "bayespfl/inspection/v1/verdict.pb.h"
#include "model/report/report.h"
#include "model/verdict/inspection.h"
#include "model/verdict/verdict.h"

namespace bayespfl::client {

// The reply without its pictures. Of the picture that was sent it knows the bytes' SHA-256 only: raw geometry and
// significant bits are the sender's to add; and a mask threshold that the request brought stands in its thresholds too.
// A verdict that is not known here is none; a rule, a line on an unknown rule or a source that is not known here is
// left out. Thread-safe, as everything here.
Inspection ToInspection(const inspection::v1::InspectResponse& response);

Thresholds ToThresholds(const inspection::v1::Thresholds& thresholds);

// What errors.h finds in the status.
ErrorHints HintsOf(const absl::Status& status);

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_RESULTS_H_
