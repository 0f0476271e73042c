// Between the messages of the Open Inference Protocol and the pipeline's types.
//
// Errors are InvalidArgument unless said otherwise, name the tensor or parameter and what is expected, and repeat no
// text that the client sent. All functions are thread-safe.
#ifndef BAYESPFL_SERVER_API_KSERVE_TRANSLATE_H_
#define BAYESPFL_SERVER_API_KSERVE_TRANSLATE_H_

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "inference/grpc_service.pb.h"
#include "model/detection/detector.h"
#include "server/pipeline/frame.h"
#include "server/pipeline/pipeline_options.h"
#include "server/pipeline/served_model.h"

namespace bayespfl::server {

inline constexpr size_t kMaxInferenceIdBytes = 128;

// A protobuf message ends at 2 GiB, and clients must hold it; what a reply's maps may have together.
inline constexpr size_t kMaxReplyTensorBytes = size_t{1} << 30;

// [N] is the number of pictures, [H, W] the size of their maps.
enum class KserveOutput {
  kScore,       // FP32 [N], 0..1
  kScoreStd,    // FP32 [N], >= 0
  kMapScore,    // FP32 [N], 0..1
  kSeed,        // UINT64 [N]
  kVerdict,     // BYTES [N], "PASS", "REVIEW", "FAIL" or "NONE"
  kAnomalyMap,  // FP32 [N, H, W], 0..1
  kMask,        // UINT8 [N, H, W], 0 or 255
};

struct OutputSpec {
  KserveOutput output;
  absl::string_view name;
  absl::string_view datatype;
  bool map = false;  // [N, H, W], and only sent when asked for by name
};
inline constexpr std::array<OutputSpec, 7> kOutputs = {{{KserveOutput::kScore, "score", "FP32"},
                                                        {KserveOutput::kScoreStd, "score_std", "FP32"},
                                                        {KserveOutput::kMapScore, "map_score", "FP32"},
                                                        {KserveOutput::kSeed, "seed", "UINT64"},
                                                        {KserveOutput::kVerdict, "verdict", "BYTES"},
                                                        {KserveOutput::kAnomalyMap, "anomaly_map", "FP32", true},
                                                        {KserveOutput::kMask, "mask", "UINT8", true}}};
static_assert(static_cast<size_t>(KserveOutput::kMask) + 1 == kOutputs.size());

// A request that may be run.
struct Inference {
  std::string id;
  std::vector<FrameRequest> frames;   // one for each picture; they own what they borrow
  std::vector<KserveOutput> outputs;  // in the reply's order
};

// NotFound: `version` is neither empty nor the model's.
absl::Status CheckVersion(const ServedModel& model, absl::string_view version);

// Takes inputs (kserve_tensor.h), parameters (kserve_parameters.h) and wanted outputs; without any, all but the maps.
// At most MostTogether(options) pictures: more would be refused for ever, and the error names the setting. Without a
// resolution, maps have the pictures' size, but the model's when there are several encoded pictures, which may differ
// in size. Pictures and categories are not looked into. Does not set arrival, cancellation or the RPC's deadline.
absl::StatusOr<Inference> InferenceFromProto(const std::shared_ptr<const inference::ModelInferRequest>& request,
                                             const PipelineOptions& options);

// Of a reply, only there when a picture has warnings: a text with a line for each, "image[1]: REASON: message".
inline constexpr char kWarningsParameter[] = "warnings";

// The reply to a request, all elements in raw contents, the pictures' warnings in its parameters; takes the maps' bytes
// out of `outcomes`, at least one, all of one model. Their maps have at most kMaxReplyTensorBytes. InvalidArgument:
// maps of several sizes in one tensor.
absl::StatusOr<inference::ModelInferResponse> ReplyToProto(const std::string& id,
                                                           const std::vector<KserveOutput>& outputs,
                                                           std::vector<InspectionOutcome> outcomes);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_KSERVE_TRANSLATE_H_
