#include "client/cpp/inputs.h"

#include <algorithm>
#include <iostream>
#include <iterator>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "base/picture_extension.h"
#include "client/cpp/manifest.h"

namespace bayespfl::client {
namespace {

namespace fs = std::filesystem;

absl::StatusOr<std::vector<fs::path>> PicturesBelow(const fs::path& folder, const std::optional<fs::path>& exclude) {
  std::vector<fs::path> pictures;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, fs::directory_options::skip_permission_denied, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    std::error_code ignored;
    if (exclude.has_value() && entry->is_directory(ignored) && fs::equivalent(entry->path(), *exclude, ignored)) {
      entry.disable_recursion_pending();
    } else if (entry->is_regular_file(ignored) && HasPictureExtension(entry->path())) {
      pictures.push_back(entry->path());
    }
  }
  if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot read the folder ", folder.string()));
  if (pictures.empty()) return absl::NotFoundError(absl::StrCat("no picture in the folder ", folder.string()));
  std::sort(pictures.begin(), pictures.end());
  return pictures;
}

// The path as given when it is relative and stays below here, else the file's own name.
std::string NameOf(const fs::path& path) {
  const bool leaves = std::find(path.begin(), path.end(), fs::path("..")) != path.end();
  return path.is_absolute() || leaves ? path.filename().string() : path.lexically_normal().generic_string();
}

absl::Status AddFolder(const fs::path& folder, const std::string& category, const std::optional<fs::path>& exclude,
                       std::vector<Input>& inputs) {
  absl::StatusOr<std::vector<fs::path>> pictures = PicturesBelow(folder, exclude);
  if (!pictures.ok()) return pictures.status();
  for (fs::path& path : *pictures) {
    std::string name = path.lexically_relative(folder).generic_string();
    inputs.push_back({.name = std::move(name), .path = std::move(path), .bytes = {}, .category = category});
  }
  return absl::OkStatus();
}

absl::Status AddArgument(const std::string& argument, const std::string& category,
                         const std::optional<fs::path>& exclude, std::vector<Input>& inputs) {
  if (argument == "-") {
    absl::StatusOr<std::string> bytes = ReadStream(std::cin, "standard input", kMaxPictureBytes);
    if (!bytes.ok()) return bytes.status();
    inputs.push_back({.name = "stdin", .path = {}, .bytes = *std::move(bytes), .category = category});
    return absl::OkStatus();
  }
  const fs::path path = argument;
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return absl::NotFoundError(absl::StrCat("no such file or folder: ", argument));
  if (fs::is_directory(status)) return AddFolder(path, category, exclude, inputs);
  inputs.push_back({.name = NameOf(path), .path = path, .bytes = {}, .category = category});
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<Input>> CollectInputs(const std::vector<std::string>& arguments, const std::string& category,
                                                 const std::optional<fs::path>& exclude) {
  if (std::count(arguments.begin(), arguments.end(), "-") > 1) {
    return absl::InvalidArgumentError("\"-\" may be given once: standard input holds one picture");
  }
  std::vector<Input> inputs;
  for (const std::string& argument : arguments) {
    const absl::Status status = AddArgument(argument, category, exclude, inputs);
    if (!status.ok()) return status;
  }
  return inputs;
}

absl::StatusOr<std::vector<Input>> ManifestInputs(const fs::path& manifest) {
  absl::StatusOr<std::vector<ManifestEntry>> entries = ReadManifest(manifest);
  if (!entries.ok()) return entries.status();
  std::vector<Input> inputs;
  inputs.reserve(entries->size());
  for (ManifestEntry& entry : *entries) {
    inputs.push_back({.name = NameOf(entry.image),
                      .path = std::move(entry.path),
                      .bytes = {},
                      .category = std::move(entry.category)});
  }
  return inputs;
}

absl::StatusOr<std::string> LoadPicture(const Input& input) {
  if (input.path.empty()) return input.bytes;
  return ReadFile(input.path, kMaxPictureBytes);
}

}  // namespace bayespfl::client
