#include "model/tools/init.h"

#include <cstdio>

#include "model/clip/bundled_vocabulary.h"

namespace bayespfl {

int RunInit(InitOptions options) {
  options.vocabulary = BundledVocabulary();
  options.vocabulary_file = std::string(kBundledVocabularyFile);
  const absl::StatusOr<ModelConfig> config = InitModel(options);
  if (!config.ok()) {
    std::fprintf(stderr, "bayespfl-model: %s\n", std::string(config.status().message()).c_str());
    return 1;
  }
  if (options.as_upstream) {
    std::printf("%s/clip.pt, %s/bayespfl.pth: made untrained upstream files\n", options.output_dir.c_str(),
                options.output_dir.c_str());
  } else {
    std::printf("%s: made untrained model package \"%s\"\n", options.output_dir.c_str(), config->name.c_str());
  }
  return 0;
}

}  // namespace bayespfl
