// The overlay of a reply (model/overlay/overlay.h).
#ifndef BAYESPFL_CLIENT_CPP_REPLY_OVERLAY_H_
#define BAYESPFL_CLIENT_CPP_REPLY_OVERLAY_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "bayespfl/inspection/v1/inspection.pb.h"

namespace bayespfl::client {

// The bytes of a PNG file. `picture_bytes` is the file that was inspected: it is decoded as the server decodes it. The
// reply must carry anomaly map and mask. INVALID_ARGUMENT when the picture cannot be read or the reply lacks a map.
absl::StatusOr<std::string> ReplyOverlay(absl::string_view picture_bytes,
                                         const inspection::v1::InspectResponse& response);

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_REPLY_OVERLAY_H_
