// bayespfl-model: everything that is done with a model package outside the server.

#include "CLI/CLI.hpp"
#include "model/tools/calibrate.h"
#include "model/tools/inspect.h"

int main(int argc, char** argv) {
  CLI::App app{"Works on Bayes-PFL model packages."};
  app.set_version_flag("--version", BAYESPFL_VERSION);
  app.require_subcommand(1);

  bayespfl::InspectArguments inspect;
  CLI::App* command = app.add_subcommand("inspect", "Scores picture files; prints one JSON line per picture.");
  command->add_option("--model", inspect.model_dir, "Folder of the model package")->required();
  command->add_option("--category", inspect.category, "The object in words, e.g. \"metal nut\"")->required();
  command->add_option("--samples", inspect.samples, "Draws of the prompt distributions, 1..64 (default: the package's)")
      ->check(CLI::Range(1, 64));
  command->add_option("--seed", inspect.seed, "Key of the draws")->capture_default_str();
  command->add_option("--device", inspect.device, "auto, cpu or cuda:N")->capture_default_str();
  command->add_option("--map-dir", inspect.map_dir,
                      "Write float32 .npy maps at model size, unsmoothed, into this folder");
  command->add_option("images", inspect.images, "Picture files: JPEG, PNG, BMP, TIFF, WebP")->required();

  int exit_code = 0;
  bayespfl::AddCalibrateCommand(app, exit_code);

  CLI11_PARSE(app, argc, argv);
  return command->parsed() ? bayespfl::RunInspect(inspect) : exit_code;
}
