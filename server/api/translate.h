// From the messages of the contract to the pipeline's types. All validation of what a client sends is here, except what
// needs the picture's bytes (pipeline, decode stage) or the model's vocabulary (pipeline, admission).
//
// Every error is an InvalidField() (pipeline/error_reason.h) and names the field from the message's root, the value's
// size or kind, and the limit; none repeats text that the client sent. `where` is what stands before the field's name
// in the message: "", "frame." or "configuration.". All functions are thread-safe.
#ifndef BAYESPFL_SERVER_API_TRANSLATE_H_
#define BAYESPFL_SERVER_API_TRANSLATE_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "bayespfl/inspection/v1/inspection.pb.h"
#include "server/pipeline/frame.h"

namespace bayespfl::server {

inline constexpr size_t kMaxMetadataIdBytes = 128;

// What a stream's configuration says for all its frames.
struct StreamDefaults {
  inspection::v1::InspectOptions
      options;          // valid but for the category, which may be absent: then every frame brings it
  bool latest = false;  // FLOW_POLICY_LATEST
};

// camera_id, frame_id and part_id: at most kMaxMetadataIdBytes each. capture_time: a valid google.protobuf.Timestamp.
absl::Status CheckMetadata(const inspection::v1::FrameMetadata& metadata, absl::string_view where = "");

// The picture; borrows the message's bytes.
absl::StatusOr<ImageSource> ImageFromProto(const inspection::v1::Image& image, absl::string_view where = "");

// What a frame is to be given. The category must be there; a random seed is drawn here.
absl::StatusOr<FrameOptions> OptionsFromProto(const inspection::v1::InspectOptions& options,
                                              absl::string_view where = "");

// > 0, and a valid google.protobuf.Duration.
absl::StatusOr<absl::Duration> TimeoutFromProto(const google::protobuf::Duration& timeout,
                                                absl::string_view where = "frame.");

// A unary call's frame. Borrows the picture's bytes from `request`.
absl::StatusOr<FrameRequest> FrameFromProto(const inspection::v1::InspectRequest& request);

// A stream's configuration and one of its frames, whose own options win field by field. The frame's deadline is now
// plus its timeout, if it has one.
absl::StatusOr<StreamDefaults> DefaultsFromProto(const inspection::v1::StreamConfiguration& configuration);
absl::StatusOr<FrameRequest> FrameFromProto(const inspection::v1::StreamFrame& frame, const StreamDefaults& defaults);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_TRANSLATE_H_
