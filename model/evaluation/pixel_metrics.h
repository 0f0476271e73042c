// Pixel-level metrics of one category, pooled over all its pictures and exact, for more pixels than fit in memory.
#ifndef BAYESPFL_MODEL_EVALUATION_PIXEL_METRICS_H_
#define BAYESPFL_MODEL_EVALUATION_PIXEL_METRICS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/detection/pixel_map.h"
#include "model/evaluation/curve.h"
#include "model/evaluation/ranking_metrics.h"
#include "model/evaluation/region_overlap.h"
#include "model/evaluation/scratch_file.h"

namespace bayespfl {

struct PixelMetrics {
  // Over all pixels of all pictures, F1 with kPixelF1Epsilon.
  RankingMetrics ranking;
  // Intersection over union of the pixels with score > ranking.f1_threshold, strictly: pixels equal to the threshold
  // drop out, a constant map has 0. nullopt: no positive pixel.
  std::optional<double> iou;
  // Area under the per-region overlap curve up to 30 % false positives; nullopt where undefined, see RegionOverlap.
  std::optional<double> aupro;
  std::vector<CurvePoint> pro;  // RegionOverlap::pro
  int64_t pictures = 0;
  int64_t pixels = 0;
  int64_t positive_pixels = 0;
  int64_t regions = 0;  // 8-connected, over all pictures
};

struct PixelMetricsOptions {
  // Different scores (floats, by bit pattern) counted in one pass over the scratch file: a positive multiple of
  // PixelMetricsAccumulator::kScoreBlock up to kMaxScoresPerPass. The counters take 16 bytes each (128 MiB by default).
  // A factor of two between scores is 2^23 floats, so maps within [0.01, 1] take seven passes.
  int64_t scores_per_pass = int64_t{1} << 23;
  // Whether the per-region overlap is wanted; else `aupro` is absent, `pro` empty and `regions` 0.
  bool overlap = true;
};

// Gathers the maps of one category in a scratch file (4 bytes a pixel), then counts. Memory does not grow with the
// number of pixels: the counters above plus a few copies of one picture. Not thread-safe.
//
//   auto accumulator = PixelMetricsAccumulator::Create("/tmp");
//   if (!accumulator.ok()) return accumulator.status();
//   for (const Picture& picture : pictures) {
//     absl::Status added = (*accumulator)->Add(SmoothMap(picture.map, kReferenceSigma), picture.mask);
//     if (!added.ok()) return added;
//   }
//   absl::StatusOr<PixelMetrics> metrics = (*accumulator)->Finish();
class PixelMetricsAccumulator {
 public:
  static constexpr int64_t kScoreBlock = int64_t{1} << 15;
  static constexpr int64_t kMaxScoresPerPass = int64_t{1} << 26;  // 1 GiB of counters

  // Creates an anonymous scratch file (unlinked at once) in scratch_dir. Fails if the folder does not take files, and
  // with InvalidArgument on bad options.
  static absl::StatusOr<std::unique_ptr<PixelMetricsAccumulator>> Create(const std::string& scratch_dir,
                                                                         const PixelMetricsOptions& options = {});

  // map: finite values >= 0; mask: height * width values 0 or 1, row-major, the map's size. InvalidArgument else.
  // ResourceExhausted: the scratch folder is full; the message names it. After an error nothing of the picture counts.
  absl::Status Add(const PixelMap& map, absl::Span<const uint8_t> mask);

  // Call once, last. FailedPrecondition: no picture was added. Reading the scratch file back may fail too.
  absl::StatusOr<PixelMetrics> Finish();

 private:
  struct Size {
    int width;
    int height;
  };

  PixelMetricsAccumulator(std::unique_ptr<ScratchFile> scratch, const PixelMetricsOptions& options);
  absl::Status CountScores(int64_t first_score, std::vector<int64_t>& counts) const;
  absl::Status Rank(PixelMetrics& metrics) const;
  absl::Status MeasureOverlap(PixelMetrics& metrics) const;

  const std::unique_ptr<ScratchFile> scratch_;
  const PixelMetricsOptions options_;
  std::vector<Size> pictures_;
  int64_t positive_pixels_ = 0;
  float min_ = 0;
  float max_ = 0;
  // Which blocks of kScoreBlock neighbouring bit patterns occur.
  std::vector<uint8_t> occupied_;
  std::vector<uint32_t> keys_;  // of the picture being added
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_EVALUATION_PIXEL_METRICS_H_
