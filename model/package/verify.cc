#include "model/package/verify.h"

#include <filesystem>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "model/package/finite.h"
#include "model/package/tensor_catalogue.h"

namespace bayespfl {
namespace {

void VerifyTensors(const SafetensorsFile& file, const TensorCatalogue& catalogue, std::vector<std::string>& problems) {
  const std::string name = std::filesystem::path(file.path()).filename().string();
  std::map<std::string, TensorInfo> tensors;
  for (const auto& [tensor, view] : file.tensors()) tensors.emplace(tensor, TensorInfo{view.dtype, view.shape});
  for (const std::string& problem : CompareWithCatalogue(catalogue, tensors)) {
    problems.push_back(absl::StrCat(name, ": ", problem));
  }
  for (const auto& [tensor, view] : file.tensors()) {
    if (!AllFinite(view.dtype, view.data)) {
      problems.push_back(absl::StrCat(name, ": not finite: ", tensor, " holds infinities or NaNs"));
    }
  }
}

void VerifyDigests(const ModelPackage& package, std::vector<std::string>& problems) {
  const std::filesystem::path folder = std::filesystem::path(package.clip->path()).parent_path();
  for (const auto& [file, expected] : package.config.file_digests) {
    if (std::filesystem::path(file).filename() != file) {
      problems.push_back(absl::StrCat("config.json: \"file_digests\" names ", file, ", which is no file of a package"));
      continue;
    }
    const absl::StatusOr<std::string> found = Sha256OfFile(folder / file);
    if (!found.ok()) {
      problems.push_back(std::string(found.status().message()));
    } else if (*found != expected) {
      problems.push_back(absl::StrCat(file, ": digest: its SHA-256 is ", *found, ", config.json notes ", expected));
    }
  }
}

}  // namespace

std::vector<std::string> VerifyPackage(const ModelPackage& package) {
  std::vector<std::string> problems;
  VerifyTensors(*package.clip, ClipTensors(package.config), problems);
  VerifyTensors(*package.bayespfl, BayesPflTensors(package.config), problems);
  VerifyDigests(package, problems);
  return problems;
}

}  // namespace bayespfl
