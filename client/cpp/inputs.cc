#include "client/cpp/inputs.h"

#include <algorithm>
#include <iostream>
#include <utility>

#include "base/files.h"
#include "client/cpp/manifest.h"
#include "model/image/picture_files.h"

namespace bayespfl::client {
namespace {

namespace fs = std::filesystem;

absl::StatusOr<Input> StandardInput() {
  absl::StatusOr<std::string> bytes = ReadStream(std::cin, "standard input", kMaxPictureFileBytes);
  if (!bytes.ok()) return bytes.status();
  return Input{.name = "stdin", .path = {}, .bytes = *std::move(bytes), .category = {}, .object = std::nullopt};
}

}  // namespace

absl::StatusOr<CollectedInputs> CollectInputs(const std::vector<std::string>& arguments, const std::string& category,
                                              const std::optional<std::string>& object,
                                              const std::optional<fs::path>& exclude) {
  if (std::count(arguments.begin(), arguments.end(), "-") > 1) {
    return absl::InvalidArgumentError("\"-\" may be given once: standard input holds one picture");
  }
  CollectedInputs collected;
  std::vector<Input>& inputs = collected.inputs;
  for (const std::string& argument : arguments) {
    if (argument == "-") {
      absl::StatusOr<Input> input = StandardInput();
      if (!input.ok()) return input.status();
      inputs.push_back(*std::move(input));
      continue;
    }
    absl::StatusOr<FoundPictures> found = FindPictureFiles({argument}, exclude);
    if (!found.ok()) return found.status();
    collected.left_out += found->left_out;
    for (PictureFile& file : found->files) {
      inputs.push_back({.name = std::move(file.name),
                        .path = std::move(file.path),
                        .bytes = {},
                        .category = {},
                        .object = std::nullopt});
    }
  }
  for (Input& input : inputs) {
    input.category = category;
    input.object = object;
  }
  return collected;
}

absl::StatusOr<std::vector<Input>> ManifestInputs(const fs::path& manifest) {
  absl::StatusOr<std::vector<ManifestEntry>> entries = ReadManifest(manifest);
  if (!entries.ok()) return entries.status();
  std::vector<Input> inputs;
  inputs.reserve(entries->size());
  for (ManifestEntry& entry : *entries) {
    inputs.push_back({.name = PictureName(entry.image),
                      .path = std::move(entry.path),
                      .bytes = {},
                      .category = std::move(entry.category),
                      .object = std::move(entry.object),
                      .significant_bits = entry.significant_bits});
  }
  return inputs;
}

absl::StatusOr<std::string> LoadPicture(const Input& input) {
  if (input.path.empty()) return input.bytes;
  return ReadPictureFile(input.path);
}

}  // namespace bayespfl::client
