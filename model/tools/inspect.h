// `bayespfl-model inspect`: runs a package on picture files, without a server.
#ifndef BAYESPFL_MODEL_TOOLS_INSPECT_H_
#define BAYESPFL_MODEL_TOOLS_INSPECT_H_

#include <cstdint>
#include <string>
#include <vector>

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

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TOOLS_INSPECT_H_
