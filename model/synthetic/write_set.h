// Synthetic data sets on disk, in MVTec's layout, which everything that reads data sets takes:
//
//   <category>/test/good/000.png
//   <category>/test/<defect>/000.png
//   <category>/ground_truth/<defect>/000_mask.png
//
// A category is a family of parts, or of photographs.
#ifndef BAYESPFL_MODEL_SYNTHETIC_WRITE_SET_H_
#define BAYESPFL_MODEL_SYNTHETIC_WRITE_SET_H_

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "model/synthetic/photographs.h"
#include "model/synthetic/scene.h"

namespace bayespfl::synthetic {

struct SetOptions {
  std::vector<const Family*> families = {};  // categories; empty: Families(); of no matter for photographs
  int64_t good = 20;                         // scenes of each
  int64_t anomalous = 20;                    // likewise, over all kinds of defects
  uint64_t seed = 0;
  SceneOptions scene = {};
  int threads = 1;  // >= 1
};

// The draws of one scene. The same number is another scene in another epoch or of another family; which families there
// are besides changes nothing.
Draws SceneDraws(uint64_t seed, const Family& family, uint64_t epoch, uint64_t number);

// The draws of one scene of a category of photographs. They hang neither on the photographs nor on other categories.
Draws PhotographDraws(uint64_t seed, absl::string_view category, uint64_t number);

// The order in which a category's photographs are taken: a permutation of 0 .. count - 1 that hangs on the seed, so
// that neighbours in a folder, which are often alike, fall among the good and the defective ones.
std::vector<size_t> PhotographOrder(uint64_t seed, absl::string_view category, size_t count);

// Told how many of all pictures have been written, from one thread at a time.
using WritingObserver = std::function<void(int64_t done, int64_t total)>;

// Writes the set: number i of a family is the scene of SceneDraws(seed, family, 0, i), the good ones first. The same
// options give the same bytes. AlreadyExists: the folder is there and not empty; errors of WriteFile() and MakeScene(),
// with the picture's name; pictures written before stay.
absl::Status WriteSet(const std::filesystem::path& folder, const SetOptions& options, const WritingObserver& observer);

// The same of photographs: number i of a category is the scene of PhotographDraws(seed, category, i) on the photograph
// that PhotographOrder() has at i, from the beginning again after the last one. So none is taken twice while there are
// enough. Errors of MakePhotographScene() and ReadPhotograph() besides, with both pictures' names.
absl::Status WritePhotographSet(const std::filesystem::path& folder, const Photographs& photographs,
                                const SetOptions& options, const WritingObserver& observer);

}  // namespace bayespfl::synthetic

#endif  // BAYESPFL_MODEL_SYNTHETIC_WRITE_SET_H_
