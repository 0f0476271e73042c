// The pictures that a report shows: of each category the worst mistakes and the clearest finds.
#ifndef BAYESPFL_MODEL_EVALUATION_GALLERY_H_
#define BAYESPFL_MODEL_EVALUATION_GALLERY_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/evaluation/dataset.h"
#include "model/evaluation/evaluation.h"
#include "model/evaluation/run_state.h"

namespace bayespfl {

struct GalleryPicture {
  size_t index = 0;  // into Evaluation::pictures
  std::string jpeg;  // picture, map and ground truth (model/overlay/thumbnail.h)
};

struct GalleryStrip {
  std::string title;
  std::vector<GalleryPicture> pictures;
};

// Of one category.
struct Gallery {
  std::vector<GalleryStrip> strips;
};

inline constexpr size_t kStripPictures = 4;

// One gallery for each category of the evaluation: its highest-scoring normal pictures, its lowest-scoring anomalous
// ones and its highest-scoring anomalous ones, by the reference's image score (equal scores in the data set's order).
// Maps are smoothed with the package's sigma, their colours span the category's range. Reads files and maps again;
// errors name them.
absl::StatusOr<std::vector<Gallery>> MakeGalleries(const Evaluation& evaluation, const Dataset& dataset,
                                                   const RunState& state);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_EVALUATION_GALLERY_H_
