// The result of one picture, as server, client and tools all carry it: from the model's numbers to the reply, the
// record and the log.
#ifndef BAYESPFL_MODEL_VERDICT_INSPECTION_H_
#define BAYESPFL_MODEL_VERDICT_INSPECTION_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/detection/pixel_map.h"
#include "model/verdict/categories.h"
#include "model/verdict/regions.h"
#include "model/verdict/verdict.h"

namespace bayespfl {

// Geometry of a picture that came as raw pixels, without which its bytes mean nothing.
struct RawGeometry {
  uint32_t width = 0;               // pixels
  uint32_t height = 0;              // pixels
  uint32_t stride = 0;              // bytes; 0: rows without padding
  uint32_t pfnc_pixel_format = 0;   // EMVA PFNC's 32-bit value
  uint32_t max_trailing_bytes = 0;  // that were allowed to follow the pixels

  friend bool operator==(const RawGeometry&, const RawGeometry&) = default;
};

// The picture that a result is of, by its bytes as they came.
struct PictureIdentity {
  std::string sha256 = {};                        // 64 lower-case hexadecimal digits
  std::optional<RawGeometry> raw = std::nullopt;  // absent: an encoded picture
  int significant_bits = 0;                       // 9..16; 0: not said
  bool apply_orientation = false;                 // turned upright as its EXIF data says

  friend bool operator==(const PictureIdentity&, const PictureIdentity&) = default;
};

// What the answer can be had again with.
struct Provenance {
  std::string result_id = {};           // UUIDv7 (NewResultId)
  std::string model = {};               // as requests call it
  std::string model_digest = {};        // SHA-256 over the package's files
  std::string computation_digest = {};  // the same for packages that differ in names, version and calibration alone
  std::string model_version = {};       // configured version + first digits of the digest
  std::string precision = {};           // "fp32"
  std::string kernels = {};             // "libtorch 2.11.0 AVX512 threads=2"
  std::string device = {};              // "cpu", "cuda:0"
  std::string server_version = {};      // of the program
  uint64_t seed = 0;
  int samples = 0;
  PictureIdentity picture = {};
  bool ran_alone = false;  // the only frame of its batch

  friend bool operator==(const Provenance&, const Provenance&) = default;
};

// Wall-clock time of one stage; what a batch shares is told whole for each of its frames.
struct StageTiming {
  std::string stage;  // "decode"
  double seconds = 0;
};

// The reasons of warnings that are known here, as the contract's WarningReason spells them.
inline constexpr char kShallowSamples[] = "SHALLOW_SAMPLES";
inline constexpr char kOtherOrientation[] = "OTHER_ORIENTATION";

// Something that is most likely not meant. It changes no number of the result.
struct Warning {
  std::string reason;  // for programs: one of the above, or a newer server's
  std::string message;

  friend bool operator==(const Warning&, const Warning&) = default;
};

struct Inspection {
  std::string category = {};  // a CategoryKey()
  std::string object = {};    // words of the prompt, as used
  Decision decision = {};
  Thresholds thresholds = {};                    // the verdict's; see mask_threshold
  float mask_threshold = kDefaultMaskThreshold;  // of mask and regions in this result: the request's, else thresholds'
  float score = 0;                               // 0..1, text score, mean over samples and prompts
  float score_std = 0;                           // >= 0, population deviation over the samples
  float map_score = 0;                           // 0..1, mean of the hottest 0.75 % of the unsmoothed map
  std::optional<float> mixed_score = std::nullopt;  // see MixedScore(); absent: the category has no ranges
  double mask_area_fraction = 0;                    // 0..1, of the mask by mask_threshold, at the map's size
  double largest_region_fraction = 0;               // 0..1, by the thresholds' own mask and smallest region
  int frame_width = 0;                              // pixels of the picture
  int frame_height = 0;
  std::vector<Region> regions = {};                    // those asked for, by mask_threshold
  std::optional<size_t> regions_total = std::nullopt;  // absent: not asked for
  Provenance provenance = {};
  std::vector<StageTiming> timings = {};  // in the order of a frame's way
  std::vector<Warning> warnings = {};     // about the picture; mostly none
};

// What a result is judged by, besides its own numbers.
struct JudgeOptions {
  std::optional<float> mask_threshold = std::nullopt;  // 0..1, instead of the thresholds' for mask and regions
  bool want_regions = false;
  size_t max_regions = kDefaultRegions;               // 1..kMaxRegions
  size_t max_contour_points = kDefaultContourPoints;  // kFewestContourPoints..kMaxContourPoints
};

// Fills in what follows from the scores and the smoothed map at model size: mixed score, areas, regions, decision.
// Requires the category, the scores and the frame's size to be there already, and a non-empty map. The verdict depends
// on `setting` alone: neither on `options` nor on the frame's size. Thread-safe.
void Judge(const CategorySetting& setting, const PixelMap& map, const JudgeOptions& options, Inspection& inspection);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_VERDICT_INSPECTION_H_
