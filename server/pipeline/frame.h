// What goes into the pipeline and what comes out of it, in the pipeline's own types: no gRPC, no protobuf, no LibTorch.
#ifndef BAYESPFL_SERVER_PIPELINE_FRAME_H_
#define BAYESPFL_SERVER_PIPELINE_FRAME_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "model/detection/detector.h"
#include "model/image/decode.h"

namespace bayespfl::server {

class ServedModel;

// How a pixel map leaves the server. Values outside 0..1 saturate, but not in kFloat32.
enum class MapEncoding {
  kNone,     // not wanted
  kPng8,     // 8-bit gray PNG, round(255 v)
  kPng16,    // 16-bit gray PNG, round(65535 v)
  kFloat32,  // row-major little-endian IEEE 754 single
  kUint8,    // row-major bytes, round(255 v)
};

// Who is served first. A frame counts as if it had arrived later by its priority's PriorityDelay(): an older frame of
// low priority still comes before a younger one of high priority in the end, so none starves.
enum class Priority { kHigh, kNormal, kLow };
constexpr std::chrono::milliseconds PriorityDelay(Priority priority) {
  switch (priority) {
    case Priority::kHigh:
      return std::chrono::milliseconds(0);
    case Priority::kNormal:
      return std::chrono::milliseconds(1000);
    case Priority::kLow:
      break;
  }
  return std::chrono::milliseconds(5000);
}

// What frames of this priority may fill of a limit. The last quarter is kept from those who can best come again:
// rounded up, so that there is always a place.
constexpr int64_t PriorityShare(Priority priority, int64_t limit) {
  return priority == Priority::kLow ? limit - limit / 4 : limit;
}

// What is computed for one frame and what is sent back.
struct FrameOptions {
  std::string model;                                   // its name; empty: the default model
  std::string category;                                // 1..kMaxCategoryBytes bytes of UTF-8
  int samples = 0;                                     // 1..kMaxSamples; 0: the model's default
  uint64_t seed = 0;                                   // key of the frame's noise
  MapEncoding anomaly_map = MapEncoding::kNone;        // the smoothed map
  MapEncoding deviation_map = MapEncoding::kNone;      // its population deviation over the samples
  MapEncoding mask = MapEncoding::kNone;               // kNone, kPng8 or kUint8; of 0 and 255
  MapSize resolution = MapSize::kFrame;                // kFrame or kModel: of map, deviation map, mask and mask area
  std::optional<float> mask_threshold = std::nullopt;  // 0..1; absent: the category's, else the model's
  Priority priority = Priority::kNormal;
};

// Whether a map or a mask is sent back.
inline bool WantsMaps(const FrameOptions& options) {
  return options.anomaly_map != MapEncoding::kNone || options.deviation_map != MapEncoding::kNone ||
         options.mask != MapEncoding::kNone;
}

// Set once by whoever loses interest in a frame (the client left), read at every stage border. Thread-safe.
class CancellationToken {
 public:
  void Cancel() { cancelled_.store(true, std::memory_order_release); }
  [[nodiscard]] bool cancelled() const { return cancelled_.load(std::memory_order_acquire); }

 private:
  std::atomic<bool> cancelled_{false};
};

// Bytes of an encoded picture, borrowed.
struct EncodedImage {
  absl::Span<const uint8_t> data;
};

struct ImageSource {
  std::variant<EncodedImage, RawImage> pixels;
  std::optional<int> significant_bits;  // 9..16, of 16-bit samples
};

// One frame on its way in.
struct FrameRequest {
  ImageSource image;                  // borrows its bytes from `owner` or from the caller
  std::shared_ptr<const void> owner;  // keeps the bytes alive, released after decoding; null: the caller keeps them
                                      // until the frame is answered
  FrameOptions options;
  std::shared_ptr<ServedModel> model;  // runs the frame, whatever serves when it is submitted; null: looked up by
                                       // options.model
  std::string client;                  // whose frame it is, as PipelineOptions::admit knows clients
  bool client_admitted = false;        // Pipeline::AdmitClient() has said yes to it, among others
  std::chrono::steady_clock::time_point arrival = std::chrono::steady_clock::now();
  absl::Time deadline = absl::InfiniteFuture();
  std::shared_ptr<const CancellationToken> cancellation;  // null: cannot be cancelled
};

inline bool IsCancelled(const FrameRequest& request) {
  return request.cancellation != nullptr && request.cancellation->cancelled();
}

struct EncodedMap {
  MapEncoding encoding = MapEncoding::kNone;
  int width = 0;   // pixels
  int height = 0;  // pixels
  std::string data;
};

// Wall-clock seconds of one frame; what a batch shares is reported whole for each of its frames.
struct FrameSeconds {
  double queue = 0;  // waiting in all queues together
  double decode = 0;
  bayespfl::StageSeconds model;
  double render = 0;
  double total = 0;  // from arrival to answer
};

// The answer to one frame.
struct InspectionOutcome {
  std::string model;              // the name of the one that answers
  std::string category;           // as used
  float score = 0;                // 0..1
  float score_std = 0;            // >= 0, over the samples
  float text_score = 0;           // 0..1
  float map_score = 0;            // 0..1
  float mask_threshold = 0;       // used
  uint64_t mask_area_pixels = 0;  // at the chosen resolution
  double mask_area_fraction = 0;  // 0..1
  std::optional<EncodedMap> anomaly_map;
  std::optional<EncodedMap> deviation_map;
  std::optional<EncodedMap> mask;
  uint64_t seed = 0;
  int samples = 0;
  std::string model_version;
  bool calibrated = false;
  std::optional<float> score_threshold;  // reject above; absent: the category is not calibrated
  int frame_width = 0;                   // pixels of the picture
  int frame_height = 0;
  FrameSeconds seconds;
};

// The answer to a frame that was skipped for a younger one of its stream. Nothing else answers with this code.
inline absl::Status SkippedStatus() { return absl::AbortedError("skipped: younger frames of the stream came"); }
inline bool IsSkipped(const absl::Status& status) { return absl::IsAborted(status); }

using FrameResult = absl::StatusOr<InspectionOutcome>;

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_FRAME_H_
