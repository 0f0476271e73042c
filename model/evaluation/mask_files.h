// Which ground-truth files belong to which picture, however a data set names them.
#ifndef BAYESPFL_MODEL_EVALUATION_MASK_FILES_H_
#define BAYESPFL_MODEL_EVALUATION_MASK_FILES_H_

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace bayespfl {

// The masks of one folder, say <category>/ground_truth/<kind>. The masks of a picture NNN are, the first that there is:
//
//   NNN_mask.png   MVTec AD
//   NNN.png        VisA, BTAD
//   NNN/*.png      MVTec LOCO: several masks, which count together
//
// with any picture's ending (model/image/picture_files.h), and `_mask` and the ending in any case. A picture of a
// folder below has its masks in the folder below of the same name. Immutable; thread-safe.
class MaskFiles final {
 public:
  // Lists the masks below `root / folder`. No such folder: no masks.
  static absl::StatusOr<MaskFiles> List(const std::filesystem::path& root, const std::filesystem::path& folder);

  // Paths relative to the root, in byte order, of a picture of this name, which is relative to its own folder and may
  // have any ending. Where there is none, the name that MVTec AD would give it: it is missing, and errors name it.
  [[nodiscard]] std::vector<std::string> Of(const std::string& picture) const;

 private:
  explicit MaskFiles(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::filesystem::path folder_;
  // By the picture's name without its ending.
  std::map<std::string, std::vector<std::string>> suffixed_;  // NNN_mask.png
  std::map<std::string, std::vector<std::string>> plain_;     // NNN.png
  std::map<std::string, std::vector<std::string>> several_;   // NNN/*.png
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_EVALUATION_MASK_FILES_H_
