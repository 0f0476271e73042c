// What goes into the pipeline and what comes out of it, in the pipeline's own types: no gRPC, no protobuf, no LibTorch.
#ifndef BAYESPFL_SERVER_PIPELINE_FRAME_H_
#define BAYESPFL_SERVER_PIPELINE_FRAME_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "model/detection/detector.h"
#include "model/image/decode.h"
#include "model/verdict/categories.h"
#include "model/verdict/inspection.h"
#include "server/pipeline/frame_timeline.h"

namespace bayespfl::server {

class ServedModel;

// How a pixel map leaves the server. Values outside 0..1 saturate, but not in kFloat32.
enum class MapEncoding {
  kNone,     // not wanted
  kPng8,     // 8-bit gray PNG, round(255 v)
  kPng16,    // 16-bit gray PNG, round(65535 v)
  kFloat32,  // row-major little-endian IEEE 754 single
};

// How a mask does.
enum class MaskEncoding {
  kNone,     // not wanted
  kPng8,     // 8-bit gray PNG, 0 or 255
  kPng1,     // 1-bit gray PNG
  kCocoRle,  // COCO's compressed run lengths
  kUint8,    // row-major bytes, 0 or 255
};

// How the picture does, as it was inspected.
enum class PictureEncoding {
  kNone,  // not wanted
  kPng,   // 8-bit RGB
  kJpeg,  // quality 90
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
  std::string model;                                 // its name; empty: the default model
  CategoryRequest category;                          // what the frame is of, and how it is drawn
  MapEncoding anomaly_map = MapEncoding::kNone;      // the smoothed map
  MapEncoding deviation_map = MapEncoding::kNone;    // its population deviation over the samples
  MaskEncoding mask = MaskEncoding::kNone;           // where the smoothed map reaches the threshold
  MapSize resolution = MapSize::kFrame;              // kFrame or kModel: of map, deviation map and mask
  JudgeOptions judge;                                // the mask's threshold, and whether regions are wanted
  PictureEncoding picture = PictureEncoding::kNone;  // the decoded picture
  Priority priority = Priority::kNormal;
};

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
  bool apply_orientation = false;       // of encoded ones: turned upright as their EXIF data says
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
  std::chrono::steady_clock::time_point arrival = std::chrono::steady_clock::now();
  absl::Time deadline = absl::InfiniteFuture();
  std::shared_ptr<const CancellationToken> cancellation;  // null: cannot be cancelled
  std::shared_ptr<FrameTimeline> timeline;                // filled in on the frame's way; null: nobody wants to know
  // Set: while the pipeline is full the frame waits at its door instead of being refused. Called once, from any thread,
  // when the frame has come in, or was answered without that; not when it was refused.
  std::function<void()> on_entered;
  // The caller's own frames that may be skipped for this one when the pipeline is full: the first of them that waits
  // before the model gives its slot, or else the first that waits anywhere.
  std::vector<uint64_t> gives_way;
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

struct EncodedMask {
  MaskEncoding encoding = MaskEncoding::kNone;
  int width = 0;   // pixels
  int height = 0;  // pixels
  std::string data;
  uint64_t area = 0;  // pixels inside
};

struct EncodedPicture {
  PictureEncoding encoding = PictureEncoding::kNone;
  std::string data;
};

// The answer to one frame: the result, which also goes to record and log, and what was asked for besides.
struct InspectionOutcome {
  Inspection inspection;
  std::optional<EncodedMap> anomaly_map;
  std::optional<EncodedMap> deviation_map;
  std::optional<EncodedMask> mask;
  std::optional<EncodedPicture> picture;
  int batch = 1;  // frames that the model computed in the same call, this one included
};

// The answer to a frame that was skipped for a younger one of its stream. Nothing else answers with this code.
inline absl::Status SkippedStatus() { return absl::AbortedError("skipped: younger frames of the stream came"); }
inline bool IsSkipped(const absl::Status& status) { return absl::IsAborted(status); }

using FrameResult = absl::StatusOr<InspectionOutcome>;

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_FRAME_H_
