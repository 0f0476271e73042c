// Synthetic data sets on disk, in MVTec's layout, which everything that reads data sets takes:
//
//   <family>/test/good/000.png
//   <family>/test/<defect>/000.png
//   <family>/ground_truth/<defect>/000_mask.png
#ifndef BAYESPFL_MODEL_SYNTHETIC_WRITE_SET_H_
#define BAYESPFL_MODEL_SYNTHETIC_WRITE_SET_H_

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "model/synthetic/scene.h"

namespace bayespfl::synthetic {

struct SetOptions {
  std::vector<const Family*> families = {};  // categories; empty: Families()
  int64_t good = 20;                         // scenes of each
  int64_t anomalous = 20;                    // likewise, over all kinds of defects
  uint64_t seed = 0;
  SceneOptions scene = {};
  int threads = 1;  // >= 1
};

// The draws of one scene. The same number is another scene in another epoch or of another family; which families there
// are besides changes nothing.
Draws SceneDraws(uint64_t seed, const Family& family, uint64_t epoch, uint64_t number);

// Told how many of all pictures have been written, from one thread at a time.
using WritingObserver = std::function<void(int64_t done, int64_t total)>;

// Writes the set: number i of a family is the scene of SceneDraws(seed, family, 0, i), the good ones first. The same
// options give the same bytes. AlreadyExists: the folder is there and not empty; errors of WriteFile() and MakeScene(),
// with the picture's name; pictures written before stay.
absl::Status WriteSet(const std::filesystem::path& folder, const SetOptions& options, const WritingObserver& observer);

}  // namespace bayespfl::synthetic

#endif  // BAYESPFL_MODEL_SYNTHETIC_WRITE_SET_H_
