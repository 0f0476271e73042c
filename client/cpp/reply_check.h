// Whether a reply is the one to the frame that was sent: nothing else says so when a server, or what stands between,
// mixes frames up.
#ifndef BAYESPFL_CLIENT_CPP_REPLY_CHECK_H_
#define BAYESPFL_CLIENT_CPP_REPLY_CHECK_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "bayespfl/inspection/v1/inspection.pb.h"

namespace bayespfl::client {

// SHA-256, in hexadecimal digits, of the bytes that the server takes as the picture.
std::string PictureSha256(const inspection::v1::Image& image);

// INTERNAL where the reply's frame id is another one.
absl::Status CheckFrameId(absl::string_view sent, absl::string_view replied);

// INTERNAL where the result is of another picture; `sent` is its PictureSha256.
absl::Status CheckPicture(absl::string_view frame_id, absl::string_view sent,
                          const inspection::v1::InspectResponse& result);

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_REPLY_CHECK_H_
