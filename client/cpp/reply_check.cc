#include "client/cpp/reply_check.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/sha256.h"

namespace bayespfl::client {

std::string PictureSha256(const inspection::v1::Image& image) {
  return Sha256Hex(image.has_raw() ? image.raw().data() : image.encoded());
}

absl::Status CheckFrameId(absl::string_view sent, absl::string_view replied) {
  if (replied == sent) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("the reply to the frame ", sent, " is of the frame ", replied));
}

absl::Status CheckPicture(absl::string_view frame_id, absl::string_view sent,
                          const inspection::v1::InspectResponse& result) {
  if (result.provenance().picture_sha256() == sent) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("the reply to the frame ", frame_id, " is of another picture than the one sent"));
}

}  // namespace bayespfl::client
