#include "model/tools/convert.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "model/clip/bundled_vocabulary.h"
#include "model/clip/tokenizer.h"

namespace bayespfl {
namespace {

int Fail(absl::string_view what) {
  std::fprintf(stderr, "bayespfl-model: %s\n", std::string(what).c_str());
  return 1;
}

std::optional<DType> Precision(const std::string& name) {
  static const auto* const kTypes =
      new std::map<std::string, DType>{{"fp32", DType::kF32}, {"bf16", DType::kBF16}, {"fp16", DType::kF16}};
  const auto found = kTypes->find(name);
  return found == kTypes->end() ? std::nullopt : std::optional(found->second);
}

absl::StatusOr<std::string> ReadVocabulary(const std::string& path) {
  // Its own loader says best whether it is a merges file.
  if (auto tokenizer = Tokenizer::Load(path); !tokenizer.ok()) return tokenizer.status();
  std::ifstream file(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

void PrintTower(const char* name, const TowerConfig& tower) {
  std::printf("  %-8s %ld wide, %ld blocks, %ld heads\n", name, static_cast<long>(tower.width),
              static_cast<long>(tower.layers), static_cast<long>(tower.heads));
}

}  // namespace

int RunConvert(const ConvertArguments& arguments) {
  ConvertOptions options = arguments.options;
  options.precision = Precision(arguments.precision);
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
  std::printf("%s: made model package \"%s\"\n", options.output_dir.c_str(), config->name.c_str());
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

}  // namespace bayespfl
