// When a frame was where, as moments: for those who want to see one frame's way, and not the sums of many.
#ifndef BAYESPFL_SERVER_PIPELINE_FRAME_TIMELINE_H_
#define BAYESPFL_SERVER_PIPELINE_FRAME_TIMELINE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/pipeline/steady_time.h"

namespace bayespfl::server {

// What takes a frame's time between its acceptance and its answer.
enum class FrameStep { kDecodeQueue, kDecode, kExecuteQueue, kExecute, kRenderQueue, kRender };

struct FrameInterval {
  FrameStep step = FrameStep::kDecode;
  SteadyTime start;
  SteadyTime end;       // >= start
  int batch = 0;        // of kExecute: frames that the model took together; of the others 0
  bool failed = false;  // of kDecode, kExecute and kRender: nothing came of it
};

// Written by whoever has the frame, one at a time, so without a lock; to be read when the frame was answered or
// refused.
struct FrameTimeline {
  std::vector<FrameInterval> steps;    // in their order; queue and execute come again when a device failed
  std::optional<SteadyTime> accepted;  // absent: the frame was refused
  std::optional<SteadyTime> answered;  // or refused; absent: it was never submitted
  absl::Status status;                 // of the answer, or of the refusal
  std::string model;                   // its name; empty: the frame was refused before it was known
};

// Notes a step that ends now; nothing when nobody wants to know (null).
inline void NoteStep(const std::shared_ptr<FrameTimeline>& timeline, FrameStep step, SteadyTime start, int batch = 0,
                     bool failed = false) {
  if (timeline == nullptr) return;
  timeline->steps.push_back(
      {.step = step, .start = start, .end = std::chrono::steady_clock::now(), .batch = batch, .failed = failed});
}

// Notes the end of the frame's way; nothing when nobody wants to know (null).
inline void NoteAnswer(const std::shared_ptr<FrameTimeline>& timeline, const absl::Status& status) {
  if (timeline == nullptr) return;
  timeline->answered = std::chrono::steady_clock::now();
  timeline->status = status;
}

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_FRAME_TIMELINE_H_
