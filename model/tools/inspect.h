// `bayespfl-model inspect`: runs a package on picture files, without a server.
#ifndef BAYESPFL_MODEL_TOOLS_INSPECT_H_
#define BAYESPFL_MODEL_TOOLS_INSPECT_H_

#include <cstdint>
#include <string>
#include <vector>

namespace CLI {
class App;
}  // namespace CLI

namespace bayespfl {

struct InspectArguments {
  std::string model_dir;
  std::string category;
  std::string device = "auto";
  int samples = 0;  // 0: the package's
  uint64_t seed = 0;
  std::string map_dir;  // empty: no maps
  std::vector<std::string> images;
};

// Prints one JSON object per picture to stdout. Returns the exit code: 0, or 1 when anything failed (the reason is on
// stderr, and in an "error" key for a picture).
int RunInspect(const InspectArguments& arguments);

// Adds the sub-command; when it is given, parsing the command line runs it and sets the exit code.
void AddInspectCommand(CLI::App& app, int& exit_code);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TOOLS_INSPECT_H_
