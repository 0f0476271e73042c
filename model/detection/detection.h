// What a detector is asked and what it answers: plain values.
#ifndef BAYESPFL_MODEL_DETECTION_DETECTION_H_
#define BAYESPFL_MODEL_DETECTION_DETECTION_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/detection/pixel_map.h"
#include "model/image/image.h"
#include "model/package/calibration.h"
#include "model/package/model_config.h"
#include "model/verdict/verdict.h"

namespace bayespfl {

inline constexpr double kHottestFraction = 0.0075;  // share of map pixels whose mean is `map_score`

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

// Wall-clock seconds; what frames of a batch share is reported whole for each of them. On a GPU the stages between
// `preprocess` and `postprocess` are times of the device: it marks in its turn when it comes to the end of a stage, and
// nobody waits for that. What another batch did there meanwhile counts.
struct StageSeconds {
  double preprocess = 0;   // of the frame alone: object and picture to the network's input
  double vision = 0;       // with the batch's way to the device
  double prompts = 0;      // draws, flows and the text tower
  double detect = 0;       // residual cross-attention, scores, maps, with the results' way back from the device
  double postprocess = 0;  // of the frame alone: the map's score, smoothing and resizing
};

// What the answer to a frame is made with, once its options are checked and the package's defaults filled in.
struct FrameSettings {
  int width = 0;   // of the picture, pixels
  int height = 0;  // pixels
  uint64_t seed = 0;
  int samples = 1;  // R
  MapSize map_size = MapSize::kModel;
  bool map_deviation = false;  // never without a map
  bool smooth = true;
};

// What the device says of one frame.
struct ComputedFrame {
  FrameSettings settings;
  float score = 0;      // as in Detection
  float score_std = 0;  // as in Detection
  PixelMap map;      // at model size, 0..1, unsmoothed; also for a frame that wants no map: `map_score` is made of it
  PixelMap map_std;  // at model size, >= 0; empty unless asked for
  StageSeconds seconds;
};

// Bytes of its maps.
inline size_t MapBytes(const ComputedFrame& frame) {
  return (frame.map.values.size() + frame.map_std.values.size()) * sizeof(float);
}

struct Detection {
  float score = 0;      // 0..1, image-level text score of the package's stage
  float score_std = 0;  // population deviation over the R samples of the mean over prompts
  float map_score = 0;  // 0..1, mean of the hottest 0.75 % of the unsmoothed map at model size
  PixelMap map;         // 0..1; empty with MapSize::kNone
  PixelMap map_std;     // >= 0, population deviation over the samples, unsmoothed; empty unless asked for
  uint64_t seed = 0;
  int samples = 0;  // R used
  StageSeconds seconds;
};

struct ModelInfo {
  std::string name;
  std::string version;                  // ModelPackage::version()
  std::string digest;                   // SHA-256 over the package's files, hexadecimal
  std::string computation_digest = {};  // the same for packages that differ in names, version and calibration alone;
                                        // another one in another precision
  std::string device;                   // "cpu", "cuda:0"
  int stage = 2;                        // 1 or 2: which image head gives the score
  int image_size = 0;                   // side of the model's square input, pixels
  int default_samples = 0;              // R of the package
  std::string kind = {};                // what computes it: "bayes-pfl"
  std::string precision = {};           // of the large matrix products: a PrecisionName()
  std::string kernels = {};             // library, version, chosen instructions, threads (ComputeKernels in device.h)
  float map_smoothing_sigma = 0;        // pixels at model size; 0: off
  std::string iad_sampling;             // "request" or "first"
  Thresholds default_thresholds = {};   // of categories that are not calibrated: without lines
  std::map<std::string, CategoryCalibration> categories = {};  // those that are, by CategoryKey()
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_DETECTION_DETECTION_H_
