#include "model/verdict/inspection.h"

#include <utility>

namespace bayespfl {

void Judge(const CategorySetting& setting, const PixelMap& map, const JudgeOptions& options, Inspection& inspection) {
  const Thresholds& thresholds = setting.thresholds;
  inspection.thresholds = thresholds;
  inspection.mask_threshold = options.mask_threshold.value_or(thresholds.mask);
  if (setting.ranges.has_value()) {
    inspection.mixed_score = MixedScore(*setting.ranges, inspection.score, inspection.map_score);
  }
  RegionReport shown = FindRegions(map, {.threshold = inspection.mask_threshold,
                                         .min_fraction = thresholds.min_region_fraction,
                                         .max_regions = options.want_regions ? options.max_regions : 0,
                                         .max_contour_points = options.max_contour_points,
                                         .frame_width = inspection.frame_width,
                                         .frame_height = inspection.frame_height});
  inspection.mask_area_fraction = shown.mask_fraction;
  if (options.want_regions) {
    inspection.regions = std::move(shown.regions);
    inspection.regions_total = shown.total;
  }
  inspection.largest_region_fraction = inspection.mask_threshold == thresholds.mask
                                           ? shown.largest_fraction
                                           : FindRegions(map, {.threshold = thresholds.mask,
                                                               .min_fraction = thresholds.min_region_fraction,
                                                               .frame_width = inspection.frame_width,
                                                               .frame_height = inspection.frame_height})
                                                 .largest_fraction;
  inspection.decision = Decide({.score = inspection.score,
                                .map_score = inspection.map_score,
                                .largest_region_fraction = inspection.largest_region_fraction},
                               thresholds);
}

}  // namespace bayespfl
