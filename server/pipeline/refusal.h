// Why a frame was refused before it was accepted: a small fixed set, for those who count refusals. The reason travels
// with the status, so that nobody has to read it out of the message.
#ifndef BAYESPFL_SERVER_PIPELINE_REFUSAL_H_
#define BAYESPFL_SERVER_PIPELINE_REFUSAL_H_

#include <cstddef>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace bayespfl::server {

enum class Refusal {
  kQueueFull,     // PipelineOptions::max_frames_in_flight
  kBytesFull,     // PipelineOptions::max_bytes_in_flight
  kClientLimit,   // PipelineOptions::admit said no, for now, or the client has too much in flight
  kNotReady,      // no model is loaded yet
  kDraining,      // the server stops
  kUnknownModel,  // no model of that name, or of that version
  kNoReplica,     // every replica of the model is lost
  kDeviceHung,    // those that are left hang
  kNotPermitted,  // its client may not send such frames
  kInvalid,       // the request is wrong. A damaged picture is found later, when the frame was accepted
  kExpired,       // its deadline had passed when it came
  kCancelled,     // its client had left when it came
};
inline constexpr size_t kRefusals = 12;

// "queue_full": snake_case, for metrics.
absl::string_view RefusalName(Refusal refusal);

// The payload of a status that holds the reason's name. Of this process alone: it does not go to clients.
inline constexpr absl::string_view kRefusalPayload = "bayespfl.server/refusal";

// Requires !status.ok().
absl::Status WithRefusal(absl::Status status, Refusal refusal);

// The reason of a status that has one.
std::optional<Refusal> RefusalOf(const absl::Status& status);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_REFUSAL_H_
