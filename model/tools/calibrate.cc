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
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/progress.h"
#include "base/seed.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "model/detection/detector.h"
#include "model/evaluation/pixel_threshold.h"
#include "model/image/picture_files.h"
#include "model/image/picture_flags.h"
#include "model/image/picture_reading.h"
#include "model/image/sample_bits.h"
#include "model/package/model_package.h"
#include "model/package/undoable_file.h"
#include "model/tools/compute.h"
#include "model/tools/failure.h"
#include "model/verdict/categories.h"
#include "model/verdict/regions.h"
#include "nlohmann/json.hpp"

namespace bayespfl {
namespace {

// The distinct pictures, by SHA-256; the order of the map is the order in which they are measured.
struct GoodPictures {
  std::map<std::string, std::string> path_by_digest = {};
  std::vector<std::string> copies = {};
  size_t shallow = 0;  // distinct ones with HasShallowSamples()
  std::string left_out = {};
};

absl::StatusOr<RgbImage> Decode(const std::string& bytes, const CalibrateArguments& arguments) {
  PictureReading reading{.apply_orientation = arguments.apply_orientation};
  if (arguments.significant_bits != 0) reading.significant_bits = arguments.significant_bits;
  return ReadPicture({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, reading);
}

// Reads every picture once before the model runs: a run of an hour must not end with "the last file is no picture".
absl::StatusOr<GoodPictures> FindPictures(const CalibrateArguments& arguments) {
  const absl::StatusOr<FoundPictures> found = FindPictureFiles(arguments.images);
  if (!found.ok()) return found.status();
  GoodPictures result{.left_out = found->left_out.Sentence()};
  std::vector<std::string> unreadable;
  for (const PictureFile& file : found->files) {
    const std::string path = file.path.string();
    const absl::StatusOr<std::string> bytes = ReadPictureFile(path);
    if (!bytes.ok()) {
      unreadable.emplace_back(bytes.status().message());
      continue;
    }
    if (!result.path_by_digest.emplace(Sha256Hex(*bytes), path).second) {
      result.copies.push_back(path);
    } else if (const absl::StatusOr<RgbImage> image = Decode(*bytes, arguments); !image.ok()) {
      unreadable.push_back(absl::StrCat(path, ": ", image.status().message()));
    } else if (HasShallowSamples(*image)) {
      ++result.shallow;
    }
  }
  if (unreadable.empty()) return result;
  return absl::InvalidArgumentError(absl::StrCat(unreadable.size(), " of ", found->files.size(),
                                                 " pictures cannot be read; nothing was written:\n  ",
                                                 absl::StrJoin(unreadable, "\n  ")));
}

std::string PicturesDigest(const GoodPictures& pictures) {
  std::string digests;
  for (const auto& [digest, path] : pictures.path_by_digest) absl::StrAppend(&digests, digest, "\n");
  return Sha256Hex(digests);
}

// What the good pictures measured, and what follows from it.
struct Findings {
  float mask_threshold = 0;
  int64_t pixels = 0;  // that the mask threshold was fitted on
  int samples = 0;
  RuleValues values;  // of every rule, whether or not lines are drawn on it
};

absl::StatusOr<Detection> DetectFile(const Detector& detector, const std::string& path, Frame frame,
                                     const CalibrateArguments& arguments) {
  const absl::StatusOr<std::string> bytes = ReadPictureFile(path);
  if (!bytes.ok()) return bytes.status();
  const absl::StatusOr<RgbImage> image = Decode(*bytes, arguments);
  if (!image.ok()) return absl::Status(image.status().code(), absl::StrCat(path, ": ", image.status().message()));
  frame.image = &*image;
  // Alone in its batch: only then are the scores the same to the bit each time.
  absl::StatusOr<Detection> detection = std::move(detector.Detect({&frame, 1}).front());
  if (detection.ok() && !(std::isfinite(detection->score) && std::isfinite(detection->map_score))) {
    return absl::InternalError(absl::StrCat(path, ": the model's score is not a number"));
  }
  return detection;
}

double LargestRegion(const PixelMap& map, float mask_threshold, double min_region_fraction) {
  return FindRegions(map, {.threshold = mask_threshold,
                           .min_fraction = min_region_fraction,
                           .frame_width = map.width,
                           .frame_height = map.height})
      .largest_fraction;
}

// The pictures that fit the mask threshold come first, so that the others' areas can be measured as they come.
absl::StatusOr<Findings> Measure(const Detector& detector, const GoodPictures& pictures, const std::string& object,
                                 const CalibrateArguments& arguments) {
  const auto count = static_cast<int64_t>(pictures.path_by_digest.size());
  const int64_t fitting = MaskFittingParts(count, arguments.targets.rules);
  const int64_t side = detector.info().image_size;
  Findings result;
  result.pixels = fitting * side * side;
  absl::StatusOr<PixelThreshold> pixels = PixelThreshold::Create(result.pixels, arguments.pixel_percentile);
  if (!pixels.ok()) return pixels.status();
  Progress progress(std::cerr, {.what = "pictures", .total = count, .terminal = StandardErrorIsTerminal(), .now = {}});
  int64_t measured = 0;
  for (const auto& [digest, path] : pictures.path_by_digest) {
    const absl::StatusOr<Detection> detection = DetectFile(
        detector, path,
        {.object = object, .seed = arguments.seed, .samples = arguments.samples, .map_size = MapSize::kModel},
        arguments);
    if (!detection.ok()) return detection.status();
    result.samples = detection->samples;
    result.values[DecisionRule::kScore].push_back(detection->score);
    result.values[DecisionRule::kMapScore].push_back(detection->map_score);
    if (measured < fitting) {
      pixels->Add(detection->map.values);
    } else {
      result.values[DecisionRule::kRegionArea].push_back(
          LargestRegion(detection->map, result.mask_threshold, arguments.min_region_fraction));
    }
    if (++measured == fitting) {
      const absl::StatusOr<float> mask_threshold = pixels->Threshold();
      if (!mask_threshold.ok()) return mask_threshold.status();
      result.mask_threshold = *mask_threshold;
    }
    progress.Advance(/*fresh=*/true);
  }
  return result;
}

Range RangeOf(const std::vector<double>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return {.low = static_cast<float>(*low), .high = static_cast<float>(*high)};  // floats they were
}

CalibrationProvenance DescribeCalibration(const CalibrateArguments& arguments, const GoodPictures& pictures,
                                          const Findings& findings) {
  return {.good_pictures = static_cast<int64_t>(pictures.path_by_digest.size()),
          .pictures_digest = PicturesDigest(pictures),
          .pixel_percentile = arguments.pixel_percentile,
          .pixels = findings.pixels,
          .fail_rate = arguments.targets.fail_rate,
          .review_rate = arguments.targets.review_rate,
          .confidence = arguments.targets.confidence,
          .significant_bits = arguments.significant_bits,
          .apply_orientation = arguments.apply_orientation};
}

absl::StatusOr<CategoryCalibration> MakeEntry(const CalibrateArguments& arguments, const std::string& object,
                                              const GoodPictures& pictures, const Findings& findings) {
  absl::StatusOr<std::vector<DecisionLine>> lines = DrawLines(findings.values, arguments.targets);
  if (!lines.ok()) return lines.status();
  CategoryCalibration entry;
  CategoryDefaults& defaults = entry.defaults;
  defaults.object = object;
  defaults.seed = arguments.seed;
  defaults.samples = findings.samples;
  defaults.thresholds.source = ThresholdSource::kCategory;
  defaults.thresholds.mask = findings.mask_threshold;
  defaults.thresholds.min_region_fraction = arguments.min_region_fraction;
  defaults.thresholds.lines = *std::move(lines);
  defaults.ranges = {.score = RangeOf(findings.values.at(DecisionRule::kScore)),
                     .map_score = RangeOf(findings.values.at(DecisionRule::kMapScore))};
  entry.provenance = DescribeCalibration(arguments, pictures, findings);
  Revise(entry);
  return entry;
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

// The file with the category's entry set. Entries made with another model or precision are left out: no package would
// load them.
absl::Status WriteEntry(const CalibrateArguments& arguments, const ModelPackage& package, CalibrationReport& report) {
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
        if (calibration.computation_digest != package.computation_digest) {
          for (const auto& [key, entry] : calibration.categories) {
            if (key != report.key) report.superseded.push_back(key);
          }
          calibration = {.computation_digest = package.computation_digest, .categories = {}};
        }
        calibration.precision = package.config.precision;
        calibration.categories[report.key] = report.calibration;
        return CalibrationText(calibration);
      });
  if (!unreadable.empty()) return absl::InvalidArgumentError(unreadable);
  return WithHint(written, arguments);
}

absl::Status CheckSampling(const ModelPackage& package) {
  if (package.config.iad_per_request) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "the package has \"iad_sampling\": \"first\": its scores depend on the first frame that a server happens to see, "
      "so "
      "no line would hold; calibrate it with \"request\"");
}

// ---- what people and programs read ---------------------------------------------------------------------------------

std::string InThousand(double share) { return absl::StrFormat("%.3g", 1000 * share); }

// The two promises in words.
std::vector<std::string> Guarantees(const CalibrationProvenance& made) {
  const auto promise = [&](absl::string_view verdict, double rate) {
    if (made.confidence.has_value()) {
      return absl::StrFormat("with %g %% confidence, at most %s of 1,000 good parts will get %s",
                             100 * *made.confidence, InThousand(rate), verdict);
    }
    return absl::StrFormat("of 1,000 good parts, at most about %s will get %s, on average over calibrations",
                           InThousand(rate), verdict);
  };
  return {promise("FAIL", made.fail_rate), promise("REVIEW or FAIL", made.review_rate)};
}

void PrintSentences(const CalibrationReport& report) {
  const CategoryDefaults& defaults = report.calibration.defaults;
  const CalibrationProvenance& made = report.calibration.provenance;
  std::printf("%s: object \"%s\", seed %llu, %d samples\n", EscapeControls(report.key).c_str(),
              EscapeControls(defaults.object).c_str(), static_cast<unsigned long long>(defaults.seed),
              defaults.samples);
  for (const DecisionLine& line : defaults.thresholds.lines) {
    std::printf("  %s: REVIEW above %.6g, FAIL above %.6g\n", std::string(RuleName(line.rule)).c_str(),
                static_cast<double>(line.review), static_cast<double>(line.fail));
  }
  for (const std::string& guarantee : Guarantees(made)) std::printf("  %s\n", guarantee.c_str());
  std::printf("  from %lld good pictures, whose scores were %.6g to %.6g\n", static_cast<long long>(made.good_pictures),
              static_cast<double>(defaults.ranges->score.low), static_cast<double>(defaults.ranges->score.high));
  std::printf("  mask threshold %.6g: at most %.6g %% of good pictures' %lld map pixels reach it\n",
              static_cast<double>(defaults.thresholds.mask), 100 - made.pixel_percentile,
              static_cast<long long>(made.pixels));
  if (report.precision != Precision::kFp32) {
    std::printf("  computed in %s, as inspections of the category must be too\n",
                std::string(PrecisionName(report.precision)).c_str());
  }
  if (made.significant_bits != 0) {
    std::printf("  with %d significant bits of 16-bit pictures, which inspections of the category must say too\n",
                made.significant_bits);
  }
  if (made.apply_orientation) {
    std::printf("  with the EXIF orientation applied, as inspections of the category must too\n");
  }
  if (!report.left_out.empty()) std::printf("  %s\n", EscapeControls(report.left_out).c_str());
  for (const std::string& copy : report.copies)
    std::printf("  a copy of another picture, left out: %s\n", EscapeControls(copy).c_str());
  for (const std::string& key : report.superseded) {
    std::printf("  calibrated with another model or precision, dropped; calibrate again: %s\n",
                EscapeControls(key).c_str());
  }
  std::printf("  revision %s, written to %s; a running server reads it when it is started again\n",
              defaults.thresholds.revision.c_str(), report.file.c_str());
}

void PrintJson(const CalibrationReport& report) {
  // The file's own spelling of the entry, so that both stay alike.
  const Calibration alone{.computation_digest = {}, .categories = {{report.key, report.calibration}}};
  nlohmann::ordered_json line = {{"category", report.key}};
  line.update(nlohmann::ordered_json::parse(CalibrationText(alone))["categories"][report.key]);
  line["revision"] = report.calibration.defaults.thresholds.revision;
  line["precision"] = std::string(PrecisionName(report.precision));
  line["guarantees"] = Guarantees(report.calibration.provenance);
  line["copies"] = report.copies;
  line["left_out"] = report.left_out;
  line["superseded"] = report.superseded;
  line["shallow_pictures"] = report.shallow_pictures;
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

std::vector<std::string> RuleNames() {
  std::vector<std::string> names;
  for (const DecisionRule rule : kDecisionRules) names.emplace_back(RuleName(rule));
  return names;
}

}  // namespace

absl::StatusOr<CalibrationReport> Calibrate(const CalibrateArguments& arguments) {
  const absl::StatusOr<std::string> key = CategoryKey(arguments.category, "--category");
  if (!key.ok()) return key.status();
  const absl::StatusOr<std::string> object =
      CategoryKey(arguments.object.empty() ? *key : arguments.object, "--object");
  if (!object.ok()) return object.status();
  if (arguments.images.empty()) return absl::InvalidArgumentError("no pictures given");
  if (!(arguments.min_region_fraction >= 0 && arguments.min_region_fraction <= 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the smallest region is ", arguments.min_region_fraction, " of the picture; it must be in 0..1"));
  }
  absl::StatusOr<GoodPictures> pictures = FindPictures(arguments);
  if (!pictures.ok()) return pictures.status();
  const auto count = static_cast<int64_t>(pictures->path_by_digest.size());
  if (absl::Status status = CheckTargets(count, arguments.targets); !status.ok()) return status;
  const absl::StatusOr<ModelPackage> package =
      ModelPackage::Open(arguments.model_dir, {.ignore_calibration = true, .precision = arguments.precision});
  if (!package.ok()) return package.status();
  if (absl::Status status = CheckSampling(*package); !status.ok()) return status;
  UseThreads();
  const auto detector = Detector::Create(
      arguments.model_dir, {.device = arguments.device, .ignore_calibration = true, .precision = arguments.precision});
  if (!detector.ok()) return detector.status();
  if (absl::Status status = (*detector)->Validate(*object, arguments.samples); !status.ok()) return status;
  SayDevice((*detector)->info());
  const absl::StatusOr<Findings> findings = Measure(**detector, *pictures, *object, arguments);
  if (!findings.ok()) return findings.status();
  absl::StatusOr<CategoryCalibration> entry = MakeEntry(arguments, *object, *pictures, *findings);
  if (!entry.ok()) return entry.status();

  CalibrationReport report;
  report.key = *key;
  report.calibration = *std::move(entry);
  report.precision = package->config.precision;
  report.file = CalibrationPath(arguments);
  report.copies = std::move(pictures->copies);
  report.shallow_pictures = pictures->shallow;
  report.left_out = std::move(pictures->left_out);
  if (absl::Status status = WriteEntry(arguments, *package, report); !status.ok()) return status;
  return report;
}

int RunCalibrate(const CalibrateArguments& arguments) {
  if (arguments.undo) return RunUndo(arguments);
  const absl::StatusOr<CalibrationReport> report = Calibrate(arguments);
  if (!report.ok()) return Fail(report.status().message());
  if (report->shallow_pictures > 0) {
    Warn(absl::StrCat(report->shallow_pictures, " of ", report->calibration.provenance.good_pictures,
                      " pictures: ", kShallowSamplesMessage));
  }
  if (arguments.json) {
    PrintJson(*report);
  } else {
    PrintSentences(*report);
  }
  return 0;
}

void AddCalibrateCommand(CLI::App& app, int& exit_code) {
  CLI::App* const command =
      app.add_subcommand("calibrate", "Makes the lines of a category's verdict from good pictures of it.");
  const auto arguments = std::make_shared<CalibrateArguments>();
  CalibrateArguments& into = *arguments;
  command->add_option("--model", into.model_dir, "Folder of the model package")->required();
  auto* const category = command->add_option("--category", into.category, "The product's id");
  command->add_option("--object", into.object, "Its words in the prompt, e.g. \"metal nut\" (default: the category)");
  command
      ->add_option("--calibration", into.calibration_file, "File to write (default: calibration.json in the package)")
      ->type_name("FILE");
  command
      ->add_option_function<std::vector<std::string>>(
          "--rules",
          [arguments](const std::vector<std::string>& names) {
            arguments->targets.rules.clear();
            for (const std::string& name : names) arguments->targets.rules.push_back(*RuleOfName(name));
          },
          "What the verdict looks at, with commas between (default: score)")
      ->delimiter(',')
      ->allow_extra_args(false)  // what follows are pictures
      ->check(CLI::IsMember(RuleNames()))
      ->type_name("RULES");
  command->add_option("--fail-rate", into.targets.fail_rate, "Largest share of good parts that gets FAIL")
      ->capture_default_str();
  command->add_option("--review-rate", into.targets.review_rate, "Largest share of good parts that gets REVIEW or FAIL")
      ->capture_default_str();
  command->add_option("--confidence", into.targets.confidence,
                      "Keep each rate with this probability (default: on average); needs more pictures");
  command
      ->add_option("--min-region", into.min_region_fraction,
                   "Share of the picture below which a region does not count, 0..1")
      ->capture_default_str();
  command
      ->add_option("--pixel-percentile", into.pixel_percentile,
                   "Share of good map pixels below the mask threshold, in %")
      ->check(CLI::Range(kLowestPixelPercentile, 100.0))
      ->capture_default_str();
  command->add_option("--samples", into.samples, "Draws of the prompt distributions, 1..64 (default: the package's)")
      ->check(CLI::Range(1, kMaxSamples));
  command->add_option("--seed", into.seed, "Of the draws of every picture, and of the category's frames")
      ->check(CheckSeed)
      ->capture_default_str();
  AddSignificantBits(*command, into.significant_bits);
  AddApplyOrientation(*command, into.apply_orientation);
  command->add_option("--device", into.device, "auto, cpu or cuda:N")->capture_default_str();
  AddPrecision(*command, into.precision);
  command->add_flag("--json", into.json, "Print one JSON object");
  auto* const images =
      command->add_option("images", into.images, "Good pictures: files, or folders (every picture below them)");
  command->add_flag("--undo", into.undo, "Take the last calibration back; once more takes that back")
      ->excludes(category)
      ->excludes(images);
  command->callback([arguments, &exit_code] { exit_code = RunCalibrate(*arguments); });
}

}  // namespace bayespfl
