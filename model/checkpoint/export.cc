#include "model/checkpoint/export.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/files.h"
#include "model/checkpoint/convert.h"
#include "model/checkpoint/dtype_conversion.h"
#include "model/checkpoint/torch_writer.h"
#include "model/package/model_package.h"
#include "model/package/tensor_catalogue.h"

namespace bayespfl {
namespace {

absl::Status CheckStage(const ExportOptions& options, int stage) {
  const absl::StatusOr<int> taken_for = StageFromPath(options.output_path);
  if (taken_for.ok() && *taken_for == stage) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the package is of stage ", stage, ", and the authors' script finds the stage in the file's path: ",
                   stage == 1 ? "call it epoch_post_1_1.pth" : "without \"epoch_post\" in its path it is stage 2"));
}

// Of a tensor in half precision or fp32, all of whose numbers fp32 holds.
std::vector<uint8_t> AsFloats(const TensorView& view) {
  std::vector<uint8_t> bytes(view.data.begin(), view.data.end());
  ConvertDType(view.dtype, DType::kF32, bytes).IgnoreError();
  return bytes;
}

bool FitsFloats(DType dtype) { return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16; }

absl::StatusOr<std::vector<NamedTensor>> EntriesOf(const ModelPackage& package) {
  std::vector<NamedTensor> entries;
  std::vector<std::string> missing;
  for (const auto& [name, spec] : BayesPflTensors(package.config)) {
    const std::string canonical = CanonicalName(name);
    const TensorView* const view = package.bayespfl->Find(canonical);
    if (view == nullptr || view->shape != spec.shape || !FitsFloats(view->dtype)) {
      missing.push_back(name);
      continue;
    }
    NamedTensor& entry = entries.emplace_back();
    entry.name = name;
    entry.info.shape = spec.shape;  // of floats
    entry.storage = canonical;
    entry.bytes = [view] { return AsFloats(*view); };
  }
  if (missing.empty()) return entries;
  return absl::DataLossError(absl::StrCat(
      package.bayespfl->path(), " lacks what the authors' loader insists on: ", absl::StrJoin(missing, ", ")));
}

absl::Status Flush(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return FileError("open", path, errno);
  const int error = fsync(file) == 0 ? 0 : errno;
  close(file);
  return error == 0 ? absl::OkStatus() : FileError("flush", path, error);
}

// Writes beside the file, and gives it the name when it is whole.
absl::Status WriteWhole(const std::string& path, const std::vector<NamedTensor>& entries) {
  const std::string partial = path + ".partial";
  absl::Status status = WriteStateDictionary(partial, entries);
  if (status.ok()) status = Flush(partial);
  if (status.ok() && rename(partial.c_str(), path.c_str()) != 0) status = FileError("create", path, errno);
  if (status.ok()) return FlushFolderOf(path);
  std::error_code ignored;
  std::filesystem::remove(partial, ignored);
  return status;
}

}  // namespace

absl::Status ExportUpstreamWeights(const ExportOptions& options) {
  std::error_code error;
  if (!options.overwrite && std::filesystem::exists(options.output_path, error)) {
    return absl::AlreadyExistsError(absl::StrCat(options.output_path, " exists already"));
  }
  const absl::StatusOr<ModelPackage> package = ModelPackage::Open(options.package_dir, {.ignore_calibration = true});
  if (!package.ok()) return package.status();
  if (absl::Status status = CheckStage(options, package->config.stage); !status.ok()) return status;
  const absl::StatusOr<std::vector<NamedTensor>> entries = EntriesOf(*package);
  if (!entries.ok()) return entries.status();
  return WriteWhole(options.output_path, *entries);
}

}  // namespace bayespfl
