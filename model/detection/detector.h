// The facade over everything numeric: load a model package once, then detect anomalies in frames.
//
//   auto detector = bayespfl::Detector::Create("assets/demo/model", {});
//   if (!detector.ok()) return detector.status();
//   bayespfl::Frame frame{.image = &picture, .object = "metal nut", .seed = 7};
//   auto results = (*detector)->Detect({&frame, 1});
//   if (results[0].ok()) std::cout << results[0]->score;
//
// Detect() is three steps, which a server runs in threads of its own so that the device never waits for anything else:
//
//   auto prepared = detector->Prepare(frame);                    // any thread: checks, tokens, the network's input
//   const bayespfl::PreparedFrame* batch[] = {prepared->get()};
//   auto computed = detector->Compute(batch);                    // the device's thread
//   if (computed[0].ok()) Use(detector->Finish(*std::move(computed[0])));  // any thread: map score, smoothing,
//   resizing
#ifndef BAYESPFL_MODEL_DETECTION_DETECTOR_H_
#define BAYESPFL_MODEL_DETECTION_DETECTOR_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/detection/detection.h"
#include "model/package/precision.h"

struct BayesPflGraphModule;

namespace bayespfl {

// Where the image-agnostic draws of a package with "iad_sampling": "first" come from: the first frame ever computed.
// Sample r does not depend on R, so remembering the seed is remembering the draws. Detectors of one package that share
// it draw the same, whichever of them was first. Thread-safe.
class FirstSeed {
 public:
  // The seed that was given to the first call.
  uint64_t Get(uint64_t seed) {
    std::call_once(once_, [&] { seed_ = seed; });
    return seed_;
  }

 private:
  std::once_flag once_;
  uint64_t seed_ = 0;
};

inline constexpr absl::string_view kUsualKernels = "auto";

struct DetectorOptions {
  std::string device = "auto";                      // "auto" (a GPU when one is usable, else the CPU), "cpu", "cuda:N"
  std::string calibration_file = {};                // instead of the package's own calibration.json; must exist then
  bool ignore_calibration = false;                  // as if there were none: for tools that make one
  std::shared_ptr<FirstSeed> first_seed = nullptr;  // null: one of the detector's own
  // Which forms of the network's operations run on the CPU: "auto" takes what is usual for the processor; else the
  // words "linear=", "attention=" and "maps=" of ModelInfo::kernels or of a result's provenance: the same bits again.
  // InvalidArgument: a form that there is not, or that this processor cannot run.
  std::string kernels = std::string(kUsualKernels);
  // In which the package is computed, whatever it says itself; absent: as it says. FailedPrecondition: int8 on a GPU,
  // or fp16 on the CPU.
  std::optional<Precision> precision = std::nullopt;
  // How many shapes of batches a GPU may have recorded, to be told all of a batch at once (CUDA graphs); 0: none.
  size_t recorded_batches = 0;
  // Is told, in a sentence, why batches that should be are not recorded, or are not any more: while the detector is
  // made, or in the thread that computes. May be empty.
  std::function<void(const std::string&)> notice = {};
  // What records, for any device that has streams; null: the library beside the program, for CUDA's. Of tests.
  const BayesPflGraphModule* graph_module = nullptr;
};

// Threads that one call of Compute() may use on the CPU, for the whole process; by default LibTorch takes every
// processor it sees, whatever a container may use. Call before the first Detector is made. `threads` >= 1.
void SetComputeThreads(int threads);

// Whether this processor has the forms that `kernels` (as DetectorOptions::kernels) asks for. InvalidArgument names the
// one that it has not.
absl::Status CheckKernels(absl::string_view kernels);

// A frame that was checked and made ready for the device: what Compute() needs of it, in host memory. Each kind of
// detector has its own. Immutable; it borrows nothing, neither from the frame nor from the detector.
class PreparedFrame {
 public:
  virtual ~PreparedFrame() = default;

  // Host memory that it holds.
  [[nodiscard]] virtual size_t bytes() const = 0;
};

// What is done with a frame before and after the device. It never uses the device and holds no weights, so it is there
// also while they are loaded anew. Every method may be called from many threads at once. No exceptions.
class FrameHandler {
 public:
  virtual ~FrameHandler() = default;

  // Checks the frame and makes the network's input of it; its picture is not needed any more afterwards.
  // InvalidArgument: no picture, bad object (as Validate()), samples out of range.
  virtual absl::StatusOr<std::unique_ptr<const PreparedFrame>> Prepare(const Frame& frame) const = 0;

  // What is left to do: the map's score, and the maps in the form that was asked for. A frame that wants no map costs
  // neither smoothing nor a map of its own size. Takes what Compute() of a detector of the same package gave.
  virtual Detection Finish(ComputedFrame frame) const = 0;

  // What Prepare() would say about the object and the sample count, without a picture. InvalidArgument: empty, too
  // long, not UTF-8, holds a special token, or too many tokens for the package's context length.
  virtual absl::Status Validate(absl::string_view object, int samples) const = 0;

  virtual const ModelInfo& info() const = 0;
};

// A model on one device. Every method may be called from many threads at once. No exceptions.
class Detector : public FrameHandler {
 public:
  // Loads, checks and places the package on the device: the form of detector that its kind asks for. NotFound,
  // InvalidArgument and DataLoss name the file and the tensor, key or offset; FailedPrecondition: the device cannot be
  // used or not in that precision, or the calibration was made with another package or precision; ResourceExhausted:
  // its memory does not suffice.
  static absl::StatusOr<std::unique_ptr<Detector>> Create(const std::string& package_dir,
                                                          const DetectorOptions& options);

  // The part of it that outlives its weights: the same methods, without the device.
  virtual std::shared_ptr<const FrameHandler> frame_handler() const = 0;

  // All that the device does, for a batch of at least one frame. One result per frame, in order; frames that were
  // finished when others failed have theirs. Internal: the call failed for the frame, by its fault, the device's or
  // another frame's; it can be computed again. ResourceExhausted: the device is well but has too little memory for so
  // much at once; fewer frames may fit. Requires frames that this detector prepared, or another one of the same
  // package: on another device, or made before this one was rebuilt.
  virtual std::vector<absl::StatusOr<ComputedFrame>> Compute(absl::Span<const PreparedFrame* const> frames) const = 0;

  // Prepare(), Compute() and Finish() one after the other. One result per frame, in order. A frame that is wrong fails
  // alone with InvalidArgument. Internal: the call of the device failed for it. Frames that are too many for the
  // device's memory are computed in smaller batches; ResourceExhausted: the frame alone is.
  // The result for (package, picture, object, options, seed) does not depend on the rest of the batch: its noise to
  // the bit, its scores to 1e-5 in fp32; alone it is the same to the bit each time.
  std::vector<absl::StatusOr<Detection>> Detect(absl::Span<const Frame> frames) const;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_DETECTION_DETECTOR_H_
