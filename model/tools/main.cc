// bayespfl-model: everything that is done with a model package outside the server.

#include <opencv2/core/utility.hpp>

#include "CLI/CLI.hpp"
#include "base/sub_commands.h"
#include "model/tools/bench.h"
#include "model/tools/calibrate.h"
#include "model/tools/convert.h"
#include "model/tools/devices.h"
#include "model/tools/evaluate.h"
#include "model/tools/init.h"
#include "model/tools/inspect.h"
#include "model/tools/replay.h"
#include "model/tools/synthesize.h"
#include "model/tools/train.h"
#include "model/tools/verify.h"

int main(int argc, char** argv) {
  CLI::App app("Works on Bayes-PFL model packages.", "bayespfl-model");
  app.set_version_flag("--version", BAYESPFL_VERSION);

  // A picture at a time leaves nothing to share out; OpenCV's pool would only hold threads that LibTorch needs.
  cv::setNumThreads(1);
  int exit_code = 0;
  bayespfl::AddInspectCommand(app, exit_code);
  bayespfl::AddReplayCommand(app, exit_code);
  bayespfl::AddConvertCommand(app, exit_code);
  bayespfl::AddVerifyCommand(app, exit_code);
  bayespfl::AddInitCommand(app, exit_code);
  bayespfl::AddEvaluateCommand(app, exit_code);
  bayespfl::AddCalibrateCommand(app, exit_code);
  bayespfl::AddBenchCommand(app, exit_code);
  bayespfl::AddSynthesizeCommand(app, exit_code);
  bayespfl::AddTrainCommand(app, exit_code);
  bayespfl::AddDevicesCommand(app, exit_code);
  return bayespfl::RunSubCommand(app, argc, argv).value_or(exit_code);
}
