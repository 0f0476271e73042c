// What must hold of every frame that was let in, whichever protocol brought it.
#ifndef BAYESPFL_TESTS_FUZZ_FRAME_CHECKS_H_
#define BAYESPFL_TESTS_FUZZ_FRAME_CHECKS_H_

#include <string>

#include "model/package/model_config.h"
#include "model/verdict/categories.h"
#include "model/verdict/regions.h"
#include "server/pipeline/frame.h"
#include "tests/fuzz/fuzz_target.h"

namespace bayespfl::fuzz {

inline void CheckOptions(const server::FrameOptions& options) {
  const CategoryRequest& category = options.category;
  const auto is_key = [](const std::string& text) {
    const auto key = CategoryKey(text);
    return key.ok() && *key == text;
  };
  Check(is_key(category.category), "category");
  Check(!category.object || is_key(*category.object), "object");
  Check(!category.samples || (*category.samples >= 1 && *category.samples <= kMaxSamples), "samples");
  const JudgeOptions& judge = options.judge;
  Check(!judge.mask_threshold || (*judge.mask_threshold >= 0 && *judge.mask_threshold <= 1), "mask threshold");
  Check(judge.max_regions <= kMaxRegions, "regions");
  Check(judge.max_contour_points >= kFewestContourPoints && judge.max_contour_points <= kMaxContourPoints, "contours");
  Check(options.resolution == MapSize::kFrame || options.resolution == MapSize::kModel, "resolution");
}

}  // namespace bayespfl::fuzz

#endif  // BAYESPFL_TESTS_FUZZ_FRAME_CHECKS_H_
