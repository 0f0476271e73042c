// File names for what is written about each inspected picture.
#ifndef BAYESPFL_MODEL_OVERLAY_OUTPUT_NAMES_H_
#define BAYESPFL_MODEL_OVERLAY_OUTPUT_NAMES_H_

#include <filesystem>
#include <set>
#include <string>

#include "absl/strings/string_view.h"

namespace bayespfl {

// Where one picture's results go.
struct OutputFiles {
  std::filesystem::path overlay;  // ..._overlay.png
  std::filesystem::path mask;     // ..._mask.png
};

// Hands out names inside one folder: "nuts/001.png" becomes "<folder>/nuts/001_overlay.png" and ".../001_mask.png".
// - Never outside the folder: the root and ".." of a name are dropped.
// - Never twice: a second "nuts/001" (from "001.jpg", say) becomes "nuts/001-2", whatever the file system thinks of
//   upper and lower case.
// - Never a protected file: give the inputs to Protect, so that writing beside them overwrites none.
// Control characters and backslashes become '_', long names are cut. Not thread-safe.
class OutputNames final {
 public:
  explicit OutputNames(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // `file` may exist or not.
  void Protect(const std::filesystem::path& file);

  // Names for an input, say a PictureFile::name; the order of the calls decides who gets the plain one.
  OutputFiles For(absl::string_view input_name);

 private:
  bool Take(const OutputFiles& files, const std::string& key);

  std::filesystem::path folder_;
  std::set<std::string> taken_;  // lower-case names without suffix
  std::set<std::filesystem::path> protected_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_OVERLAY_OUTPUT_NAMES_H_
