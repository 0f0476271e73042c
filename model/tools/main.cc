// bayespfl-model: everything that is done with a model package outside the server.

#include <map>
#include <string>

#include "CLI/CLI.hpp"
#include "model/tools/evaluate.h"
#include "model/tools/inspect.h"

namespace {

CLI::App* AddEvaluate(CLI::App& app, bayespfl::EvaluateArguments& arguments) {
  using bayespfl::DatasetLayout;
  const std::map<std::string, DatasetLayout> layouts = {{"auto", DatasetLayout::kAuto},
                                                        {"mvtec", DatasetLayout::kMvtec},
                                                        {"visa", DatasetLayout::kVisa},
                                                        {"csv", DatasetLayout::kCsv}};
  CLI::App* command = app.add_subcommand("evaluate", "Scores a package on a test set; writes a report.");
  command->add_option("--model", arguments.model_dir, "Folder of the model package")->required();
  command->add_option("--dataset", arguments.dataset, "Folder (MVTec, VisA) or CSV file of the test set")->required();
  command->add_option("--report", arguments.report_dir, "Folder that the report goes to")->required();
  command->add_option("--layout", arguments.options.layout, "auto, mvtec, visa or csv (default: auto)")
      ->transform(CLI::CheckedTransformer(layouts).description(""));
  command->add_option("--categories", arguments.options.categories, "Only these, separated by commas")->delimiter(',');
  command->add_option("--split", arguments.options.split, "Split to take, where the data set has splits")
      ->capture_default_str();
  command->add_option("--limit", arguments.options.limit, "Most pictures of a category, evenly chosen (default: all)")
      ->check(CLI::PositiveNumber);
  command
      ->add_option("--samples", arguments.samples, "Draws of the prompt distributions, 1..64 (default: the package's)")
      ->check(CLI::Range(1, 64));
  command->add_option("--seed", arguments.seed, "Key of the draws")->capture_default_str();
  command->add_option("--device", arguments.device, "auto, cpu or cuda:N")->capture_default_str();
  return command;
}

}  // namespace

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

  bayespfl::EvaluateArguments evaluate;
  const CLI::App* const evaluate_command = AddEvaluate(app, evaluate);

  CLI11_PARSE(app, argc, argv);
  if (evaluate_command->parsed()) return bayespfl::RunEvaluate(evaluate);
  return bayespfl::RunInspect(inspect);
}
