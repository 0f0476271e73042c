// Pictures of parts that never were, with exact masks of their defects, for training and for tests.
//
// A scene is drawn in four steps: a part of a family (families.h), a defect perhaps (defects.h), light on it (light.h),
// and a line camera's picture of it (camera.h), which may be stretched along the belt. Or the part is a photograph of a
// good one: then light and camera are in it already, and only the defect's own changes are lit.
#ifndef BAYESPFL_MODEL_SYNTHETIC_SCENE_H_
#define BAYESPFL_MODEL_SYNTHETIC_SCENE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/image/image.h"
#include "model/synthetic/defects.h"
#include "model/synthetic/families.h"
#include "model/training_data/draws.h"
#include "model/training_data/labelled_picture.h"

namespace bayespfl::synthetic {

struct SceneOptions {
  // The longer side of the frame before it is stretched, pixels, >= 64.
  int side = 256;
  // Of which one is drawn for an anomalous scene; empty: Defects(), on photographs PhotographDefects().
  std::vector<const Defect*> defects = {};
};

// Shorter side of a photograph that scenes can be made of, pixels.
inline constexpr int kLeastPhotographSide = 64;

// Share of the largest frame of a scene's shape that fits into the photograph which is taken, along each side: 1 is
// all.
inline constexpr double kLeastPhotographCrop = 0.7;

// The defects that photographs can have: Defects() but for those that move what is there. In most photographs nobody
// could tell that something was moved.
std::vector<const Defect*> PhotographDefects();

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

// The same of a photograph of a good part: a piece of it, perhaps mirrored, brought to the frame's size. What has no
// defect is that piece to the last bit: light leaves what is flat as it is, and the camera adds nothing. What a defect
// changes is blurred a little, as a lens does. Defects see a surface that fills the frame. Of `options.defects` those
// count that are among PhotographDefects(). Requires a photograph of at least kLeastPhotographSide; errors as above.
// Thread-safe.
absl::StatusOr<Scene> MakePhotographScene(const RgbImage& photograph, bool anomalous, const SceneOptions& options,
                                          Draws draws);

}  // namespace bayespfl::synthetic

#endif  // BAYESPFL_MODEL_SYNTHETIC_SCENE_H_
