// `bayespfl-model replay`: computes a line of the server's result log again.
#ifndef BAYESPFL_MODEL_TOOLS_REPLAY_H_
#define BAYESPFL_MODEL_TOOLS_REPLAY_H_

#include <istream>
#include <optional>
#include <ostream>
#include <string>

#include "model/package/precision.h"

namespace CLI {
class App;
}  // namespace CLI

namespace bayespfl {

struct ReplayArguments {
  std::string line_file;  // with one line of a result log; "-": `in`
  std::string result_id;  // picks a line of a whole log; empty: there is only one
  std::string picture;    // the bytes as they were sent, of raw pixels too
  std::string model_dir;
  std::string calibration_file;  // empty: the package's own, if it has one
  std::string device = "auto";
  int threads = 0;  // that LibTorch may use; 0: as many as the line says, else every processor
  std::optional<Precision> precision = std::nullopt;  // absent: the line's; where that is unknown, the package's
};

// Inspects the picture as the line says: category, object, seed, samples, mask threshold, geometry of raw pixels,
// kernels, precision.
// Prints ReplayText() (model/inspector/replay.h) to `out`, and before it a complaint when the picture is another one.
// Returns a ReplayExit; the reason of kReplayFailed is on stderr.
int RunReplay(const ReplayArguments& arguments, std::istream& in, std::ostream& out);

// Adds the sub-command; when it is given, parsing the command line runs it and sets the exit code.
void AddReplayCommand(CLI::App& app, int& exit_code);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TOOLS_REPLAY_H_
