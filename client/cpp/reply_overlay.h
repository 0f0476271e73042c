// The overlay of a reply (model/overlay/overlay.h).
#ifndef BAYESPFL_CLIENT_CPP_REPLY_OVERLAY_H_
#define BAYESPFL_CLIENT_CPP_REPLY_OVERLAY_H_

#include <string>

#include "absl/status/statusor.h"
#include "bayespfl/inspection/v1/inspection.pb.h"

namespace bayespfl::client {

// The bytes of a PNG file: drawn on the picture as the server inspected it, so that nothing is decoded a second way.
// The reply must carry anomaly map, mask and inspected picture. INVALID_ARGUMENT: one of them is missing or damaged.
absl::StatusOr<std::string> ReplyOverlay(const inspection::v1::InspectResponse& response);

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_REPLY_OVERLAY_H_
