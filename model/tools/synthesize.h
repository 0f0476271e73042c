// `bayespfl-model synthesize`: pictures of synthetic parts, or of photographs with synthetic defects, with exact masks,
// as a data set on disk.
#ifndef BAYESPFL_MODEL_TOOLS_SYNTHESIZE_H_
#define BAYESPFL_MODEL_TOOLS_SYNTHESIZE_H_

#include <cstdint>
#include <string>
#include <vector>

namespace CLI {
class App;
}  // namespace CLI

namespace bayespfl {

struct SynthesizeArguments {
  std::string output = {};                 // folder to make
  std::string pictures = {};               // folder of photographs to make the set of; empty: of families
  std::vector<std::string> families = {};  // of synthetic/families.h, or "surfaces", "objects"; empty: all
  std::vector<std::string> defects = {};   // of synthetic/defects.h; empty: all
  int64_t good = 20;                       // pictures of each category
  int64_t anomalous = 20;                  // likewise
  int side = 256;                          // longer side of the frame, pixels
  uint64_t seed = 0;
  int threads = 1;
  int significant_bits = 0;        // of 16-bit photographs; 0: all 16
  bool apply_orientation = false;  // turn photographs upright as their EXIF data says
  bool list = false;               // print the names of families and defects instead
};

// Prints what was made. Returns the exit code: 0, or 1 when the set could not be made (the reason is on stderr).
int RunSynthesize(const SynthesizeArguments& arguments);

// Adds the sub-command; when it is given, parsing the command line runs it and sets the exit code.
void AddSynthesizeCommand(CLI::App& app, int& exit_code);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TOOLS_SYNTHESIZE_H_
