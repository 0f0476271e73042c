#include "model/tools/init.h"

#include <cstdio>
#include <memory>

#include "CLI/CLI.hpp"
#include "base/seed.h"
#include "model/clip/bundled_vocabulary.h"
#include "model/tools/failure.h"

namespace bayespfl {

int RunInit(InitOptions options) {
  options.vocabulary = BundledVocabulary();
  options.vocabulary_file = std::string(kBundledVocabularyFile);
  const absl::StatusOr<ModelConfig> config = InitModel(options);
  if (!config.ok()) return Fail(config.status().message());
  if (options.as_upstream) {
    std::printf("%s/clip.pt, %s/bayespfl.pth: made untrained upstream files\n", options.output_dir.c_str(),
                options.output_dir.c_str());
  } else {
    std::printf("%s: made untrained model package \"%s\"\n", options.output_dir.c_str(), config->name.c_str());
  }
  return 0;
}

void AddInitCommand(CLI::App& app, int& exit_code) {
  const auto shared = std::make_shared<InitOptions>();
  InitOptions& init = *shared;
  CLI::App* command = app.add_subcommand("init", "Makes an untrained model with random weights.");
  command->add_option("--arch", init.architecture, "Sizes")->required()->check(CLI::IsMember(KnownArchitectures()));
  command->add_option("--seed", init.seed, "Key of the draws")->check(CheckSeed)->capture_default_str();
  command->add_option("--output", init.output_dir, "Folder to make")->required();
  command->add_flag("--overwrite", init.overwrite, "Replace a folder that is there");
  command->add_flag("--as-upstream", init.as_upstream,
                    "Write clip.pt and bayespfl.pth in the upstream formats instead of a package");
  command->callback([shared, &exit_code] { exit_code = RunInit(*shared); });
}

}  // namespace bayespfl
