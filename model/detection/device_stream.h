// The order in which a device does a detector's work, and when it did it. Nothing here is of CUDA: LibTorch's interface
// that every kind of accelerator has.
#ifndef BAYESPFL_MODEL_DETECTION_DEVICE_STREAM_H_
#define BAYESPFL_MODEL_DETECTION_DEVICE_STREAM_H_

#include <c10/core/Event.h>
#include <c10/core/Stream.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

#include "model/libtorch.h"

namespace bayespfl {

// A stream of its own on an accelerator (a GPU): the work of several streams may overlap. Nullopt elsewhere: the CPU
// works on nothing but the call that it is in. Throws c10::Error when the device fails.
std::optional<c10::Stream> MakeStream(torch::Device device);
// One that is none of those, on an accelerator. LibTorch hands out a few streams of each priority again and again; this
// one has the priority that the others have not. Throws as MakeStream().
c10::Stream MakeRecordingStream(torch::Device device);

// How long parts of a batch's work take: where there is a stream, from when it came to one mark until it came to
// another, which nobody waits for; else by the host's clock. Not thread-safe.
class StageClock {
 public:
  explicit StageClock(std::optional<c10::Stream> stream) : stream_(stream) {}

  // Behind what was handed to the stream before. Throws c10::Error when the device fails.
  size_t Mark();

  // Seconds between two marks. Requires that the stream has come to both.
  double Between(size_t from, size_t to) const;

 private:
  const std::optional<c10::Stream> stream_;
  std::vector<c10::Event> events_;
  std::vector<std::chrono::steady_clock::time_point> times_;  // without a stream
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_DETECTION_DEVICE_STREAM_H_
