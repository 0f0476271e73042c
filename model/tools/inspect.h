// `bayespfl-model inspect`: runs a package on picture files, without a server.
#ifndef BAYESPFL_MODEL_TOOLS_INSPECT_H_
#define BAYESPFL_MODEL_TOOLS_INSPECT_H_

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "model/package/precision.h"

namespace CLI {
class App;
}  // namespace CLI

namespace bayespfl {

struct InspectArguments {
  std::string model_dir;
  std::string calibration_file;  // empty: the package's own, if it has one
  std::string device = "auto";
  int threads = 0;                                    // that LibTorch may use; 0: the processors of this process
  std::optional<Precision> precision = std::nullopt;  // absent: as the package says
  std::string category;
  std::optional<std::string> object = std::nullopt;    // absent: the category's words, else the category
  std::optional<int> samples = std::nullopt;           // absent: the category's, else the package's
  std::optional<uint64_t> seed = std::nullopt;         // absent: the category's, else 0
  bool random_seed = false;                            // draw a seed for each picture; not with `seed`
  int significant_bits = 0;                            // of 16-bit pictures, 9..16; 0: all
  std::optional<float> mask_threshold = std::nullopt;  // 0..1; absent: the category's, else the package's, else 0.5
  bool apply_orientation = false;                      // turn pictures upright as their EXIF data says
  bool regions = false;                                // find the regions of the mask
  bool json = true;                                    // a JSON object a line; false: a table for people
  std::string output_dir;                              // of overlays and masks; empty: none
  std::string map_dir;                                 // of unsmoothed maps; empty: none
  std::vector<std::string> pictures;                   // files and folders
};

// Prints the pictures to `out` in the order of the command line, as the reporters of model/report/report.h do: a row or
// a JSON object for each. Returns the exit code: 0, or 1 when anything failed; the reason is on stderr too.
int RunInspect(const InspectArguments& arguments, std::ostream& out);

// Adds the sub-command; when it is given, parsing the command line runs it and sets the exit code.
void AddInspectCommand(CLI::App& app, int& exit_code);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TOOLS_INSPECT_H_
