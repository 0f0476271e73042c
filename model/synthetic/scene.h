// Pictures of parts that never were, with exact masks of their defects, for training and for tests.
//
// A scene is drawn in four steps: a part of a family (families.h), a defect perhaps (defects.h), light on it (light.h),
// and a line camera's picture of it (camera.h), which may be stretched along the belt.
#ifndef BAYESPFL_MODEL_SYNTHETIC_SCENE_H_
#define BAYESPFL_MODEL_SYNTHETIC_SCENE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/synthetic/defects.h"
#include "model/synthetic/families.h"
#include "model/training_data/draws.h"
#include "model/training_data/labelled_picture.h"

namespace bayespfl::synthetic {

struct SceneOptions {
  // The longer side of the frame before it is stretched, pixels, >= 64.
  int side = 256;
  // Of which one is drawn for an anomalous scene; empty: Defects().
  std::vector<const Defect*> defects = {};
};

// Defects cover this share of the picture, 0.05 in the median. What is aimed at is log-normal with the median and the
// deviation (of the logarithm); part of it falls beyond the part or the picture. A defect that comes out outside the
// limits, or that can hardly be seen, is drawn again.
inline constexpr double kAimedDefectShare = 0.075;
inline constexpr double kDefectShareDeviation = 0.75;
inline constexpr double kLeastDefectShare = 0.01;
inline constexpr double kMostDefectShare = 0.20;

struct Scene {
  LabelledPicture labelled = {};
  std::string defect = {};  // its kind; empty: none
};

// Draws a good scene, or one with a defect: a function of its arguments alone. Internal: no defect could be made that
// is seen and within the limits, after many attempts. Thread-safe.
absl::StatusOr<Scene> MakeScene(const Family& family, bool anomalous, const SceneOptions& options, Draws draws);

}  // namespace bayespfl::synthetic

#endif  // BAYESPFL_MODEL_SYNTHETIC_SCENE_H_
