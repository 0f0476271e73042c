#include "model/tools/calibrate.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "base/progress.h"
#include "base/seed.h"
#include "base/utf8.h"
#include "model/detection/detector.h"
#include "model/evaluation/acceptance_threshold.h"
#include "model/evaluation/pixel_threshold.h"
#include "model/image/decode.h"
#include "model/image/picture_files.h"
#include "model/package/model_package.h"
#include "model/package/sha256.h"
#include "model/package/undoable_file.h"
#include "model/tools/failure.h"
#include "nlohmann/json.hpp"

namespace bayespfl {
namespace {

// The distinct pictures, by SHA-256; the order of the map is the order in which they are measured.
struct GoodPictures {
  std::map<std::string, std::string> path_by_digest;
  std::vector<std::string> copies;
};

absl::StatusOr<RgbImage> Decode(const std::string& bytes) {
  return DecodeImage({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
}

// Reads every picture once before the model runs: a run of an hour must not end with "the last file is no picture".
absl::StatusOr<GoodPictures> FindPictures(const std::vector<std::string>& arguments) {
  const absl::StatusOr<std::vector<PictureFile>> files = FindPictureFiles(arguments);
  if (!files.ok()) return files.status();
  GoodPictures result;
  std::vector<std::string> unreadable;
  for (const PictureFile& file : *files) {
    const std::string path = file.path.string();
    const absl::StatusOr<std::string> bytes = ReadPictureFile(path);
    if (!bytes.ok()) {
      unreadable.emplace_back(bytes.status().message());
      continue;
    }
    if (!result.path_by_digest.emplace(Sha256Hex(*bytes), path).second) {
      result.copies.push_back(path);
    } else if (const absl::StatusOr<RgbImage> image = Decode(*bytes); !image.ok()) {
      unreadable.push_back(absl::StrCat(path, ": ", image.status().message()));
    }
  }
  if (unreadable.empty()) return result;
  return absl::InvalidArgumentError(absl::StrCat(unreadable.size(), " of ", files->size(),
                                                 " pictures cannot be read; nothing was written:\n  ",
                                                 absl::StrJoin(unreadable, "\n  ")));
}

std::string PicturesDigest(const GoodPictures& pictures) {
  std::string digests;
  for (const auto& [digest, path] : pictures.path_by_digest) absl::StrAppend(&digests, digest, "\n");
  return Sha256Hex(digests);
}

uint64_t SeedOf(const CalibrateArguments& arguments, const std::string& digest) {
  uint64_t first_bits = 0;
  if (!arguments.fixed_seed && !absl::SimpleHexAtoi(digest.substr(0, 16), &first_bits)) first_bits = 0;
  return arguments.seed + first_bits;  // modulo 2^64
}

struct Measurements {
  std::vector<float> scores;  // one per picture
  float mask_threshold = 0;
  int64_t pixels = 0;
  int samples = 0;
};

absl::StatusOr<Measurements> Measure(const Detector& detector, const GoodPictures& pictures,
                                     const CalibrateArguments& arguments) {
  const int64_t side = detector.info().image_size;
  Measurements result;
  result.pixels = static_cast<int64_t>(pictures.path_by_digest.size()) * side * side;
  absl::StatusOr<PixelThreshold> pixels = PixelThreshold::Create(result.pixels, arguments.pixel_percentile);
  if (!pixels.ok()) return pixels.status();
  Progress progress(std::cerr, {.what = "pictures",
                                .total = static_cast<int64_t>(pictures.path_by_digest.size()),
                                .terminal = StandardErrorIsTerminal(),
                                .now = {}});
  for (const auto& [digest, path] : pictures.path_by_digest) {
    const absl::StatusOr<std::string> bytes = ReadPictureFile(path);
    if (!bytes.ok()) return bytes.status();
    const absl::StatusOr<RgbImage> image = Decode(*bytes);
    if (!image.ok()) return absl::Status(image.status().code(), absl::StrCat(path, ": ", image.status().message()));
    const Frame frame{.image = &*image,
                      .category = arguments.category,
                      .seed = SeedOf(arguments, digest),
                      .samples = arguments.samples,
                      .map_size = MapSize::kModel};
    // Alone in its batch: only then are the scores the same to the bit each time.
    const absl::StatusOr<Detection> detection = std::move(detector.Detect({&frame, 1}).front());
    if (!detection.ok()) return detection.status();
    if (!std::isfinite(detection->score)) {
      return absl::InternalError(absl::StrCat(path, ": the model's score is not a number"));
    }
    result.scores.push_back(detection->score);
    result.samples = detection->samples;
    pixels->Add(detection->map.values);
    progress.Advance(/*fresh=*/true);
  }
  const absl::StatusOr<float> mask_threshold = pixels->Threshold();
  if (!mask_threshold.ok()) return mask_threshold.status();
  result.mask_threshold = *mask_threshold;
  return result;
}

// All but the score's rank.
CalibrationProvenance DescribeCalibration(const CalibrateArguments& arguments, const GoodPictures& pictures,
                                          const Measurements& measured) {
  CalibrationProvenance made;
  made.good_pictures = static_cast<int64_t>(pictures.path_by_digest.size());
  made.pictures_digest = PicturesDigest(pictures);
  made.pixel_percentile = arguments.pixel_percentile;
  made.pixels = measured.pixels;
  made.reject_rate = arguments.reject_rate;
  made.confidence = arguments.confidence;
  made.highest_good_score = *std::max_element(measured.scores.begin(), measured.scores.end());
  made.samples = measured.samples;
  made.seed = arguments.seed;
  made.fixed_seed = arguments.fixed_seed;
  return made;
}

std::string CalibrationPath(const CalibrateArguments& arguments) {
  if (!arguments.calibration_file.empty()) return arguments.calibration_file;
  return std::filesystem::path(arguments.model_dir) / kCalibrationFileName;
}

// A folder that cannot be written to is no dead end.
absl::Status WithHint(const absl::Status& status, const CalibrateArguments& arguments) {
  if (status.ok() || !arguments.calibration_file.empty()) return status;
  return absl::Status(
      status.code(), absl::StrCat(status.message(), " (--calibration FILE keeps the calibration outside the package)"));
}

// The file with the category's entry set. Entries made with another model are left out: no package would load them.
absl::Status WriteEntry(const CalibrateArguments& arguments, const std::string& computation_digest,
                        CalibrationReport& report) {
  std::string unreadable;
  const absl::Status written =
      ChangeFile(report.file, [&](const std::optional<std::string>& current) -> absl::StatusOr<std::string> {
        Calibration calibration;
        if (current.has_value()) {
          absl::StatusOr<Calibration> parsed = ParseCalibration(*current);
          if (!parsed.ok()) {
            unreadable = absl::StrCat(report.file, " is damaged and was left as it is: ", parsed.status().message());
            return parsed.status();
          }
          calibration = *std::move(parsed);
        }
        if (calibration.computation_digest != computation_digest) {
          for (const auto& [key, entry] : calibration.categories) {
            if (key != report.key) report.superseded.push_back(key);
          }
          calibration = {.computation_digest = computation_digest, .categories = {}};
        }
        calibration.categories[report.key] = report.calibration;
        return CalibrationText(calibration);
      });
  if (!unreadable.empty()) return absl::InvalidArgumentError(unreadable);
  return WithHint(written, arguments);
}

// ---- what people and programs read ---------------------------------------------------------------------------------

std::string InThousand(double share) { return absl::StrFormat("%.3g", 1000 * share); }

// The promise in words. The conformal one is of the share that the rank gives, which may be below the target.
std::string Guarantee(const CalibrationProvenance& made) {
  if (made.confidence.has_value()) {
    return absl::StrFormat("with %g %% confidence, at most %s of 1,000 good parts will be rejected",
                           100 * *made.confidence, InThousand(made.reject_rate));
  }
  const auto n = static_cast<double>(made.good_pictures);
  return absl::StrFormat("of 1,000 good parts, at most about %s will be rejected, on average over calibrations",
                         InThousand((n + 1 - static_cast<double>(made.score_rank)) / (n + 1)));
}

void PrintSentences(const CalibrationReport& report) {
  const CategoryCalibration& calibration = report.calibration;
  const CalibrationProvenance& made = calibration.provenance;
  std::printf("%s: mask threshold %.6g, score threshold %.6g\n", EscapeControls(report.key).c_str(),
              static_cast<double>(calibration.mask_threshold), static_cast<double>(calibration.score_threshold));
  std::printf("  from %lld good pictures, %d samples each; highest good score %.6g\n",
              static_cast<long long>(made.good_pictures), made.samples, static_cast<double>(made.highest_good_score));
  std::printf("  at most %.6g %% of the good pictures' %lld map pixels reach the mask threshold\n",
              100 - made.pixel_percentile, static_cast<long long>(made.pixels));
  std::printf("  %s\n", Guarantee(made).c_str());
  for (const std::string& copy : report.copies)
    std::printf("  a copy of another picture, left out: %s\n", EscapeControls(copy).c_str());
  for (const std::string& key : report.superseded) {
    std::printf("  calibrated with another model, dropped; calibrate again: %s\n", EscapeControls(key).c_str());
  }
  std::printf("  written to %s; a running server reads it when it is started again\n", report.file.c_str());
}

void PrintJson(const CalibrationReport& report) {
  // The file's own spelling of the entry, so that both stay alike.
  const Calibration alone{.computation_digest = {}, .categories = {{report.key, report.calibration}}};
  nlohmann::ordered_json line = {{"category", report.key}};
  line.update(nlohmann::ordered_json::parse(CalibrationText(alone))["categories"][report.key]);
  line["guarantee"] = Guarantee(report.calibration.provenance);
  line["copies"] = report.copies;
  line["superseded"] = report.superseded;
  line["file"] = report.file;
  std::printf("%s\n", line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

int RunUndo(const CalibrateArguments& arguments) {
  const std::string file = CalibrationPath(arguments);
  const absl::StatusOr<Undone> undone = UndoFileChange(file);
  if (!undone.ok()) return Fail(undone.status().message());
  const bool restored = *undone == Undone::kRestored;
  if (arguments.json) {
    const nlohmann::ordered_json line = {{"undone", restored ? "restored" : "removed"}, {"file", file}};
    std::printf("%s\n", line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  } else {
    std::printf("%s%s; --undo once more takes this back\n", file.c_str(),
                restored ? " is what it was before its last change" : ", the first calibration, is removed");
  }
  return 0;
}

}  // namespace

absl::StatusOr<CalibrationReport> Calibrate(const CalibrateArguments& arguments) {
  if (arguments.category.empty()) return absl::InvalidArgumentError("no --category given");
  if (arguments.images.empty()) return absl::InvalidArgumentError("no pictures given");
  absl::StatusOr<GoodPictures> pictures = FindPictures(arguments.images);
  if (!pictures.ok()) return pictures.status();
  const auto count = static_cast<int64_t>(pictures->path_by_digest.size());
  const AcceptanceTarget target{.reject_rate = arguments.reject_rate, .confidence = arguments.confidence};
  const absl::StatusOr<int64_t> rank = AcceptanceRank(count, target);
  if (!rank.ok()) return rank.status();
  const absl::StatusOr<ModelPackage> package = ModelPackage::Open(arguments.model_dir, {.ignore_calibration = true});
  if (!package.ok()) return package.status();
  const auto detector = Detector::Create(arguments.model_dir, {.device = arguments.device, .ignore_calibration = true});
  if (!detector.ok()) return detector.status();
  absl::StatusOr<std::string> key = (*detector)->CategoryKey(arguments.category);
  if (!key.ok()) return key.status();
  const absl::StatusOr<Measurements> measured = Measure(**detector, *pictures, arguments);
  if (!measured.ok()) return measured.status();
  const absl::StatusOr<float> score_threshold = AcceptanceThreshold(measured->scores, target);
  if (!score_threshold.ok()) return score_threshold.status();

  CalibrationReport report;
  report.key = *std::move(key);
  report.file = CalibrationPath(arguments);
  report.calibration.mask_threshold = measured->mask_threshold;
  report.calibration.score_threshold = *score_threshold;
  report.calibration.provenance = DescribeCalibration(arguments, *pictures, *measured);
  report.calibration.provenance.score_rank = *rank;
  report.copies = std::move(pictures->copies);
  if (absl::Status status = WriteEntry(arguments, package->ComputationDigest(), report); !status.ok()) return status;
  return report;
}

int RunCalibrate(const CalibrateArguments& arguments) {
  if (arguments.undo) return RunUndo(arguments);
  const absl::StatusOr<CalibrationReport> report = Calibrate(arguments);
  if (!report.ok()) return Fail(report.status().message());
  if (arguments.json) {
    PrintJson(*report);
  } else {
    PrintSentences(*report);
  }
  return 0;
}

void AddCalibrateCommand(CLI::App& app, int& exit_code) {
  CLI::App* const command =
      app.add_subcommand("calibrate", "Makes the thresholds of a category from good pictures of it.");
  const auto arguments = std::make_shared<CalibrateArguments>();
  CalibrateArguments& into = *arguments;
  command->add_option("--model", into.model_dir, "Folder of the model package")->required();
  auto* const category = command->add_option("--category", into.category, "The object in words, e.g. \"metal nut\"");
  command
      ->add_option("--calibration", into.calibration_file, "File to write (default: calibration.json in the package)")
      ->type_name("FILE");
  command
      ->add_option("--pixel-percentile", into.pixel_percentile,
                   "Share of good map pixels below the mask threshold, in %")
      ->check(CLI::Range(kLowestPixelPercentile, 100.0))
      ->capture_default_str();
  command->add_option("--reject-rate", into.reject_rate, "Largest share of good parts to reject")
      ->capture_default_str();
  command->add_option("--confidence", into.confidence,
                      "Keep the reject rate with this probability (default: on average); needs more pictures");
  command->add_option("--samples", into.samples, "Draws of the prompt distributions, 1..64 (default: the package's)")
      ->check(CLI::Range(1, kMaxSamples));
  command->add_option("--seed", into.seed, "Where the pictures' own seeds start from")
      ->check(CheckSeed)
      ->capture_default_str();
  command->add_flag("--fixed-seed", into.fixed_seed, "Draw every picture with --seed, for clients that always send it");
  command->add_option("--device", into.device, "auto, cpu or cuda:N")->capture_default_str();
  command->add_flag("--json", into.json, "Print one JSON object");
  auto* const images =
      command->add_option("images", into.images, "Good pictures: files, or folders (every picture below them)");
  command->add_flag("--undo", into.undo, "Take the last calibration back; once more takes that back")
      ->excludes(category)
      ->excludes(images);
  command->callback([arguments, &exit_code] { exit_code = RunCalibrate(*arguments); });
}

}  // namespace bayespfl
