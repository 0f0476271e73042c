// The facade over everything numeric: load a model package once, then detect anomalies in frames.
//
//   auto detector = bayespfl::Detector::Create("assets/demo/model", {});
//   if (!detector.ok()) return detector.status();
//   bayespfl::Frame frame{.image = &picture, .object = "metal nut", .seed = 7};
//   auto results = (*detector)->Detect({&frame, 1});
//   if (results[0].ok()) std::cout << results[0]->score;
#ifndef BAYESPFL_MODEL_DETECTION_DETECTOR_H_
#define BAYESPFL_MODEL_DETECTION_DETECTOR_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/detection/pixel_map.h"
#include "model/image/image.h"
#include "model/package/calibration.h"
#include "model/package/model_config.h"

namespace bayespfl {

inline constexpr double kHottestFraction = 0.0075;  // share of map pixels whose mean is `map_score`

struct DetectorOptions {
  std::string device = "auto";        // "auto" (a GPU when one is usable, else the CPU), "cpu", "cuda:N"
  std::string calibration_file = {};  // instead of the package's own calibration.json; must exist then
  bool ignore_calibration = false;    // as if there were none: for tools that make one
};

enum class MapSize {
  kNone,   // no map wanted
  kModel,  // the model's input size
  kFrame,  // the picture's own size (bilinear, half-pixel centres)
};

// One picture and what is asked of it. Options may differ between the frames of one batch.
struct Frame {
  const RgbImage* image = nullptr;  // borrowed for the call; any size
  std::string object;               // what it shows, in words, UTF-8, any: the model is zero-shot
  uint64_t seed = 0;                // key of the frame's noise
  int samples = 0;                  // R, 1..kMaxSamples; 0: the package's
  MapSize map_size = MapSize::kModel;
  bool map_deviation = false;  // also the map's deviation over the samples
  bool smooth = true;          // apply the package's Gaussian; false: the raw map, as the paper's code returns it
};

// Wall-clock seconds; what a batch shares is reported whole for each of its frames. On a GPU a stage ends when its work
// is handed over, and the wait shows where the next numbers are fetched: mostly in `detect`. Only the sum is exact
// there; waiting after each stage would stall every other batch on the device.
struct StageSeconds {
  double preprocess = 0;
  double vision = 0;
  double prompts = 0;      // draws, flows and the text tower
  double detect = 0;       // residual cross-attention, scores, maps
  double postprocess = 0;  // smoothing and resizing of the map
};

struct Detection {
  float score = 0;       // 0..1, image-level text score of the package's stage
  float score_std = 0;   // population deviation over the R samples of the mean over prompts
  float map_score = 0;   // 0..1, mean of the hottest 0.75 % of the unsmoothed map at model size
  PixelMap map;          // 0..1; empty with MapSize::kNone
  PixelMap map_std;      // >= 0, population deviation over the samples, unsmoothed; empty unless asked for
  uint64_t seed = 0;
  int samples = 0;  // R used
  StageSeconds seconds;
};

struct ModelInfo {
  std::string name;
  std::string version;            // configured version + "+" + first 12 digits of the digest
  std::string digest;             // SHA-256 over the package's files, hexadecimal
  std::string device;             // "cpu", "cuda:0"
  int stage = 2;                  // 1 or 2: which image head gives the score
  int image_size = 0;             // side of the model's square input, pixels
  int default_samples = 0;        // R of the package
  std::string kind = "bayes-pfl";
  std::string precision = "fp32";  // of the arithmetic
  std::string kernels;             // library, version, chosen instructions, threads: "libtorch 2.11.0 AVX512 threads=2"
  float map_smoothing_sigma = 0;  // pixels at model size; 0: off
  std::string iad_sampling;       // "request" or "first"
  Thresholds default_thresholds = {};                         // of categories that are not calibrated: without lines
  std::map<std::string, CategoryCalibration> categories = {};  // those that are, by CategoryKey()
};

// Threads that one call of Detect() may use on the CPU, for the whole process; by default LibTorch takes every
// processor it sees, whatever a container may use. Call before the first Detector is made. `threads` >= 1.
void SetComputeThreads(int threads);

// Every const method may be called from many threads at once.
class Detector {
 public:
  // Loads, checks and places the package on the device. NotFound, InvalidArgument and DataLoss name the file and the
  // tensor, key or offset; FailedPrecondition: the device cannot be used, or the calibration was made with another
  // package.
  static absl::StatusOr<std::unique_ptr<Detector>> Create(const std::string& package_dir,
                                                          const DetectorOptions& options);
  ~Detector();
  Detector(const Detector&) = delete;
  Detector& operator=(const Detector&) = delete;

  // One result per frame, in order. A frame that is wrong (no picture, bad object, samples out of range) fails alone
  // with InvalidArgument. Internal: the device failed; then every frame of the batch that ran has it.
  // The result for (package, picture, object, options, seed) does not depend on the rest of the batch: its noise to
  // the bit, its scores to 1e-5 in fp32; alone it is the same to the bit each time.
  std::vector<absl::StatusOr<Detection>> Detect(absl::Span<const Frame> frames) const;

  // What Detect() would say about the object and the sample count (0: the package's), without running anything.
  // InvalidArgument: empty, too long, not UTF-8, holds a special token, or too many tokens for the package's context
  // length.
  absl::Status Validate(absl::string_view object, int samples) const;

  const ModelInfo& info() const;

 private:
  struct Impl;
  explicit Detector(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_DETECTION_DETECTOR_H_
