// Between the messages of the contract and the pipeline's types. All validation of what a client sends is here, except
// what needs the picture's bytes (pipeline, decode stage) or the model's vocabulary (pipeline, admission).
//
// Every error is InvalidArgument and names the field, the value's size or kind, and the limit; none repeats text that
// the client sent. All functions are thread-safe.
#ifndef BAYESPFL_SERVER_API_TRANSLATE_H_
#define BAYESPFL_SERVER_API_TRANSLATE_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "bayespfl/inspection/v1/inspection.pb.h"
#include "server/pipeline/frame.h"
#include "server/pipeline/served_model.h"

namespace bayespfl::server {

inline constexpr size_t kMaxMetadataIdBytes = 128;

// What a stream's configuration says for all its frames.
struct StreamDefaults {
  FrameOptions options;   // its category may be empty: then every frame brings its own
  bool has_seed = false;  // false: a new seed is drawn for every frame that brings none
  bool latest = false;    // FLOW_POLICY_LATEST
};

// 1..kMaxCategoryBytes bytes of UTF-8. `field` is how the message calls it.
absl::Status CheckCategory(absl::string_view category, absl::string_view field);

// camera_id, frame_id and part_id: at most kMaxMetadataIdBytes each.
absl::Status CheckMetadata(const inspection::v1::FrameMetadata& metadata);

// The picture; borrows the message's bytes.
absl::StatusOr<ImageSource> ImageFromProto(const inspection::v1::Image& image);

// > 0, and a valid google.protobuf.Duration.
absl::StatusOr<absl::Duration> TimeoutFromProto(const google::protobuf::Duration& timeout);

// A unary call's frame. Borrows the picture's bytes from `request`; a seed is drawn when there is none.
absl::StatusOr<FrameRequest> FrameFromProto(const inspection::v1::InspectRequest& request);

// A stream's configuration and one of its frames. The frame's deadline is now plus its timeout, if it has one.
absl::StatusOr<StreamDefaults> DefaultsFromProto(const inspection::v1::StreamConfiguration& configuration);
absl::StatusOr<FrameRequest> FrameFromProto(const inspection::v1::StreamFrame& frame, const StreamDefaults& defaults);

// The outcome as a message, but for the metadata. Takes the maps' bytes out of `outcome`.
inspection::v1::InspectResponse ToProto(InspectionOutcome outcome);

inspection::v1::GetModelInfoResponse ToProto(const ServedModel& model, absl::string_view server_version);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_TRANSLATE_H_
