// The request parameters of the Open Inference Protocol that this server takes.
#ifndef BAYESPFL_SERVER_API_KSERVE_PARAMETERS_H_
#define BAYESPFL_SERVER_API_KSERVE_PARAMETERS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "google/protobuf/map.h"
#include "inference/grpc_service.pb.h"
#include "model/detection/detector.h"
#include "server/pipeline/frame.h"

namespace bayespfl::server {

// Absent: the client said nothing.
struct KserveParameters {
  std::optional<std::string> object = std::nullopt;    // words of the prompt, of every picture
  std::optional<int> samples = std::nullopt;           // 1..kMaxSamples
  std::optional<uint64_t> seed = std::nullopt;         // of every picture
  std::optional<float> mask_threshold = std::nullopt;  // 0..1
  std::optional<MapSize> resolution = std::nullopt;    // kFrame or kModel
  bool apply_orientation = false;                      // of every picture, which is then a file
  Priority priority = Priority::kNormal;
  std::optional<int> significant_bits = std::nullopt;    // 9..16, of every picture's 16-bit samples
  std::optional<absl::Duration> timeout = std::nullopt;  // > 0, from when the request was read
};

// Takes
//   object          text: the words of the prompt, where the category is a product's id
//   samples         integer
//   seed            integer >= 0
//   mask_threshold  number
//   resolution      "frame" or "model"
//   apply_orientation  boolean: turn picture files upright as their EXIF data says
//   priority        "high", "normal" or "low"; or, as Triton counts, 1 (first), 2 or 3 and more (last), 0 for normal
//   significant_bits  integer, 9 to 16
//   timeout         integer, microseconds; 0 for none
//   triton_enable_empty_final_response  ignored: each request has one reply, which is the final one
// Integers may be signed or unsigned. InvalidArgument: any other key, kind or value; the message does not repeat them.
// Thread-safe.
absl::StatusOr<KserveParameters> ParametersFromProto(
    const google::protobuf::Map<std::string, inference::InferParameter>& parameters);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_KSERVE_PARAMETERS_H_
