#include "model/tools/convert.h"

#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>

#include "CLI/CLI.hpp"
#include "absl/strings/str_join.h"
#include "base/files.h"
#include "base/utf8.h"
#include "model/checkpoint/export.h"
#include "model/clip/bundled_vocabulary.h"
#include "model/clip/tokenizer.h"
#include "model/tools/failure.h"

namespace bayespfl {
namespace {

std::optional<DType> StoredType(const std::string& name) {
  static const auto* const kTypes =
      new std::map<std::string, DType>{{"fp32", DType::kF32}, {"bf16", DType::kBF16}, {"fp16", DType::kF16}};
  const auto found = kTypes->find(name);
  return found == kTypes->end() ? std::nullopt : std::optional(found->second);
}

absl::StatusOr<std::string> ReadVocabulary(const std::string& path) {
  // Its own loader says best whether it is a merges file.
  if (auto tokenizer = Tokenizer::Load(path); !tokenizer.ok()) return tokenizer.status();
  return ReadFile(path, kMaxVocabularyBytes);
}

void PrintTower(const char* name, const TowerConfig& tower) {
  std::printf("  %-8s %ld wide, %ld blocks, %ld heads\n", name, static_cast<long>(tower.width),
              static_cast<long>(tower.layers), static_cast<long>(tower.heads));
}

int ExportPackage(const ConvertArguments& arguments) {
  const ConvertOptions& options = arguments.options;
  const absl::Status status = ExportUpstreamWeights(
      {.package_dir = arguments.package_dir, .output_path = options.output_dir, .overwrite = options.overwrite});
  if (!status.ok()) return Fail(status.message());
  std::printf("%s: the Bayes-PFL weights of %s, as the authors' code loads them\n", options.output_dir.c_str(),
              arguments.package_dir.c_str());
  return 0;
}

}  // namespace

int RunConvert(const ConvertArguments& arguments) {
  if (arguments.as_upstream) return ExportPackage(arguments);
  ConvertOptions options = arguments.options;
  options.precision = StoredType(arguments.precision);
  options.vocabulary = BundledVocabulary();
  options.vocabulary_file = std::string(kBundledVocabularyFile);
  std::string vocabulary;
  if (!arguments.vocabulary_path.empty()) {
    absl::StatusOr<std::string> read = ReadVocabulary(arguments.vocabulary_path);
    if (!read.ok()) return Fail(read.status().message());
    vocabulary = *std::move(read);
    options.vocabulary = vocabulary;
    options.vocabulary_file = std::filesystem::path(arguments.vocabulary_path).filename();
  }
  const absl::StatusOr<ModelConfig> config = ConvertPackage(options);
  if (!config.ok()) return Fail(config.status().message());
  std::printf("%s: made model package \"%s\"\n", options.output_dir.c_str(), EscapeControls(config->name).c_str());
  PrintTower("vision", config->vision);
  PrintTower("text", config->text);
  std::printf("  layers   %s tapped\n", absl::StrJoin(config->tapped_layers, ", ").c_str());
  std::printf("  prompts  %ld, %ld flow steps, %d samples\n", static_cast<long>(config->prompts),
              static_cast<long>(config->flow_steps), config->samples);
  std::printf("  input    %ld x %ld pixels, stage %d, precision %s\n", static_cast<long>(config->image_size),
              static_cast<long>(config->image_size), config->stage, arguments.precision.c_str());
  std::printf("Check it with: bayespfl-model verify %s\n", options.output_dir.c_str());
  return 0;
}

void AddConvertCommand(CLI::App& app, int& exit_code) {
  const auto shared = std::make_shared<ConvertArguments>();
  ConvertArguments& convert = *shared;
  ConvertOptions& options = convert.options;
  CLI::App* command = app.add_subcommand("convert", "Makes a model package of upstream weight files, or goes back.");
  CLI::Option* const clip =
      command->add_option("--clip", options.clip_path, "CLIP: OpenAI's .pt, or OpenCLIP's .pt or .safetensors");
  CLI::Option* const weights =
      command->add_option("--weights", options.weights_path, "Bayes-PFL: the authors' .pth, or .safetensors");
  CLI::Option* const package = command->add_option("--package", convert.package_dir, "The package to go back from");
  CLI::Option* const as_upstream =
      command->add_flag("--as-upstream", convert.as_upstream, "Go back: write the authors' .pth of --package");
  clip->needs(weights);
  weights->needs(clip);
  package->needs(as_upstream)->excludes(clip)->excludes(weights);
  as_upstream->needs(package);
  command
      ->add_option("--output", options.output_dir,
                   "Folder to make, whose name becomes the model's; with --as-upstream the .pth to write")
      ->required();
  command->add_flag("--overwrite", options.overwrite, "Replace what is there");
  command->add_option("--image-size", options.image_size, "Side of the model's square input, pixels")
      ->check(CLI::Range(1, 8192))
      ->capture_default_str();
  command
      ->add_option("--layers", options.architecture.tapped_layers,
                   "Four tapped vision blocks, 1-based, e.g. 6,12,18,24 (default: evenly spaced)")
      ->delimiter(',');
  command->add_option("--vision-heads", options.architecture.vision_heads, "Attention heads (default: width / 64)")
      ->check(CLI::Range(1, 1024));
  command->add_option("--text-heads", options.architecture.text_heads, "Attention heads (default: width / 64)")
      ->check(CLI::Range(1, 1024));
  command->add_option("--samples", options.samples, "Draws of the prompt distributions by default")
      ->check(CLI::Range(1, kMaxSamples))
      ->capture_default_str();
  command->add_option("--stage", options.stage, "Image head, 1 or 2 (default: as the weights' path says, else 2)")
      ->check(CLI::Range(1, 2));
  command->add_option("--precision", convert.precision, "Type of the stored weights: source, fp32, bf16 or fp16")
      ->check(CLI::IsMember({"source", "fp32", "bf16", "fp16"}))
      ->capture_default_str();
  command->add_option("--name", options.name, "Name of the model (default: the output folder's)");
  command->add_option("--vocabulary", convert.vocabulary_path, "CLIP's merges file (default: the built-in one)");
  command->callback([shared, clip, as_upstream, &exit_code] {
    if (clip->empty() && as_upstream->empty()) throw CLI::RequiredError("--clip and --weights, or --as-upstream");
    exit_code = RunConvert(*shared);
  });
}

}  // namespace bayespfl
