#include "model/package/model_package.h"

#include <cstddef>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "base/sha256.h"
#include "model/package/limits.h"

namespace bayespfl {
namespace {

constexpr size_t kMaxCalibrationBytes = 16 << 20;  // some 20,000 categories

std::string CalibrationPath(const std::filesystem::path& root, const PackageOptions& options) {
  return options.calibration_file.empty() ? (root / kCalibrationFileName).string() : options.calibration_file;
}

// The text of the calibration to use, nullopt if there is none.
absl::StatusOr<std::optional<std::string>> ReadCalibration(const std::filesystem::path& root,
                                                           const PackageOptions& options) {
  if (options.ignore_calibration) return std::nullopt;
  const std::string path = CalibrationPath(root, options);
  std::error_code error;
  if (options.calibration_file.empty() && !std::filesystem::exists(path, error) && !error) return std::nullopt;
  absl::StatusOr<std::string> text = ReadFile(path, kMaxCalibrationBytes);
  if (!text.ok()) return text.status();
  return *std::move(text);
}

// Why a calibration with another computation digest does not fit, and what to do.
std::string Mismatch(const Calibration& calibration, const ModelPackage& package) {
  constexpr char kWithout[] = "or remove the file to serve without a calibration";
  if (calibration.precision != package.config.precision) {
    const absl::string_view made = PrecisionName(calibration.precision);
    const absl::string_view computed = PrecisionName(package.config.precision);
    return absl::StrCat("its thresholds were made in ", made, ", and the package is computed in ", computed,
                        ", whose scores differ: calibrate again with `bayespfl-model calibrate --precision ", computed,
                        "` (--calibration FILE keeps this file), set precision to ", made, ", ", kWithout);
  }
  return absl::StrCat("its thresholds were made with another model (computation digest ",
                      calibration.computation_digest.substr(0, 12), ", this package's is ",
                      package.computation_digest.substr(0, 12), "): calibrate again with `bayespfl-model calibrate`, ",
                      kWithout);
}

absl::StatusOr<Calibration> CheckedCalibration(const std::string& text, const ModelPackage& package) {
  absl::StatusOr<Calibration> calibration = ParseCalibration(text);
  if (!calibration.ok() || calibration->computation_digest == package.computation_digest) return calibration;
  return absl::FailedPreconditionError(Mismatch(*calibration, package));
}

// Its pages leave the process again: otherwise it would hold the whole file beside the weights that are made of it.
void AddWeights(const std::string& name, const SafetensorsFile& file, Sha256& digest) {
  digest.AddFile(name, file.bytes().data(), file.bytes().size());
  for (const auto& [tensor, view] : file.tensors()) file.Forget(view);
}

void AddFiles(const std::string& config, const SafetensorsFile& clip, const SafetensorsFile& bayespfl,
              const std::string& vocabulary, Sha256& digest) {
  digest.AddFile("config.json", config.data(), config.size());
  AddWeights("clip.safetensors", clip, digest);
  AddWeights("bayespfl.safetensors", bayespfl, digest);
  digest.AddFile("vocabulary", vocabulary.data(), vocabulary.size());
}

}  // namespace

std::string ModelPackage::version() const {
  std::string version = absl::StrCat(config.version, "+", digest.substr(0, 12));
  if (config.precision != Precision::kFp32) absl::StrAppend(&version, "+", PrecisionName(config.precision));
  return version;
}

absl::StatusOr<ModelPackage> ModelPackage::Open(const std::string& dir, const PackageOptions& options) {
  std::error_code error;
  if (!std::filesystem::is_directory(dir, error)) {
    return absl::NotFoundError(absl::StrCat("no model package: ", dir, " is not a folder",
                                            error ? absl::StrCat(": ", error.message()) : std::string()));
  }
  const std::filesystem::path root(dir);
  absl::StatusOr<std::string> config_text = ReadFile(root / "config.json", kMaxConfigBytes);
  if (!config_text.ok()) return config_text.status();
  absl::StatusOr<ModelConfig> config = ParseModelConfig(*config_text);
  if (!config.ok()) return absl::Status(config.status().code(), absl::StrCat(dir, "/", config.status().message()));
  config->precision = options.precision.value_or(config->precision);
  auto clip = SafetensorsFile::Open(root / "clip.safetensors");
  if (!clip.ok()) return clip.status();
  auto bayespfl = SafetensorsFile::Open(root / "bayespfl.safetensors");
  if (!bayespfl.ok()) return bayespfl.status();
  const std::string vocabulary_path = root / config->vocabulary_file;
  absl::StatusOr<std::string> vocabulary = ReadFile(vocabulary_path, kMaxVocabularyBytes);
  if (!vocabulary.ok()) return vocabulary.status();

  absl::StatusOr<std::string> computation_text = ComputationText(*config_text, config->precision);
  if (!computation_text.ok()) return computation_text.status();
  absl::StatusOr<std::optional<std::string>> calibration_text = ReadCalibration(root, options);
  if (!calibration_text.ok()) return calibration_text.status();

  Sha256 digest;
  AddFiles(*config_text, **clip, **bayespfl, *vocabulary, digest);
  Sha256 computation_digest;
  AddFiles(*computation_text, **clip, **bayespfl, Sha256Hex(*vocabulary), computation_digest);
  if (calibration_text->has_value()) {
    digest.AddFile(kCalibrationFileName, (*calibration_text)->data(), (*calibration_text)->size());
  }
  ModelPackage package{dir,
                       *std::move(config),
                       *std::move(clip),
                       *std::move(bayespfl),
                       vocabulary_path,
                       std::nullopt,
                       digest.HexDigest(),
                       computation_digest.HexDigest()};
  if (calibration_text->has_value()) {
    absl::StatusOr<Calibration> calibration = CheckedCalibration(**calibration_text, package);
    if (!calibration.ok()) {
      return absl::Status(calibration.status().code(),
                          absl::StrCat(CalibrationPath(root, options), ": ", calibration.status().message()));
    }
    package.calibration = *std::move(calibration);
  }
  return package;
}

}  // namespace bayespfl
