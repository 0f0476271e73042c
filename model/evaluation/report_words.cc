// What a report says in words.
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "model/evaluation/report.h"
#include "model/evaluation/shortcomings.h"

namespace bayespfl {
namespace {

// Categories of which not one picture counts: they have no row.
std::vector<std::string> EmptyCategories(const Evaluation& evaluation) {
  std::set<std::string> names;
  for (const PictureResult& picture : evaluation.pictures) names.insert(picture.item.category);
  for (const CategoryResult& category : evaluation.categories) names.erase(category.name);
  return {names.begin(), names.end()};
}

// "10 samples, seed 0"; what was not asked for is as each category was calibrated.
std::string Draws(const Evaluation& evaluation) {
  const EvaluationSetting& setting = evaluation.setting;
  const std::string samples = setting.samples.has_value() ? absl::StrCat(*setting.samples, " samples")
                                                          : absl::StrCat("as categories were calibrated, else ",
                                                                         setting.model.default_samples, " samples");
  const std::string seed =
      setting.seed.has_value() ? absl::StrCat("seed ", *setting.seed) : "seed as calibrated, else 0";
  return absl::StrCat(samples, ", ", setting.seed_per_picture ? "a seed for each picture made from " : "", seed);
}

std::string Reading(const PictureReading& reading) {
  return absl::StrCat("16-bit samples taken to fill ",
                      reading.significant_bits.has_value() ? absl::StrCat(*reading.significant_bits) : "all 16",
                      " bits, EXIF orientation ", reading.apply_orientation ? "applied" : "not applied");
}

// How the draws differ from those of the paper's tables.
std::string DrawsNote(const EvaluationSetting& setting) {
  constexpr absl::string_view kReference =
      "the reference draws the image-specific noise anew for each picture and keeps the image-agnostic draws of the "
      "first.";
  return absl::StrCat(
      setting.seed_per_picture
          ? "Here every picture gets a seed of its own, so that all noise is independent from picture to picture (the "
            "server's frames of a category share one seed); "
          : "Here every picture of a category gets the same seed, as the server's frames do, so that all see the same "
            "noise; ",
      kReference);
}

std::string Calibrated(const std::vector<CategoryResult>& categories) {
  std::vector<std::string> names;
  for (const CategoryResult& category : categories) {
    const Thresholds& thresholds = category.setting.thresholds;
    if (!thresholds.lines.empty()) names.push_back(absl::StrCat(category.name, " (", thresholds.revision, ")"));
  }
  return names.empty() ? "no category" : absl::StrJoin(names, ", ");
}

// A sentence on the pictures that count and have a remark; empty when there are none.
std::string Remarks(const std::vector<PictureResult>& pictures) {
  std::vector<std::string> named;
  for (const PictureResult& picture : pictures) {
    if (!picture.remark.empty()) named.push_back(absl::StrCat(picture.item.image, " (", picture.remark, ")"));
  }
  if (named.empty()) return "";
  return absl::StrCat(named.size(), named.size() == 1 ? " defective picture counts" : " defective pictures count",
                      ", but the pixel numbers take all of it for normal: ", absl::StrJoin(named, ", "), ".");
}

}  // namespace

std::vector<std::pair<std::string, std::string>> ReportFacts(const Evaluation& evaluation) {
  const ModelInfo& model = evaluation.setting.model;
  const PictureCounts counts = CountPictures(evaluation.pictures);
  const std::string skipped = counts.skipped == 0 ? "" : absl::StrCat(", ", counts.skipped, " skipped");
  return {{"Model", absl::StrCat(model.name, " ", model.version, ", stage ", model.stage)},
          {"Input", absl::StrCat(model.image_size, " × ", model.image_size, " pixels")},
          {"Draws", absl::StrCat(Draws(evaluation), ", image-agnostic draws: ", model.iad_sampling)},
          {"Reading", Reading(evaluation.setting.reading)},
          {"Package's map",
           absl::StrFormat("sigma %g pixels, mask threshold %g (%s)", model.map_smoothing_sigma,
                           model.default_thresholds.mask, ThresholdSourceName(model.default_thresholds.source))},
          {"Calibrated", Calibrated(evaluation.categories)},
          {"Data set", absl::StrCat(evaluation.dataset_name, " (", LayoutTitle(evaluation.layout),
                                    evaluation.split.empty() ? ", no split" : ", split " + evaluation.split, ")")},
          {"Pictures",
           absl::StrCat(counts.normal, " normal, ", counts.anomalous, " anomalous", skipped, "; ",
                        evaluation.categories.size(), evaluation.categories.size() == 1 ? " category" : " categories")},
          {"Program", absl::StrCat("bayespfl-model ", BAYESPFL_VERSION, ", ", model.device, ", ", model.precision)},
          {"Model digest", model.digest},
          {"Data set digest", evaluation.dataset_digest}};
}

std::vector<std::string> ReportNotes(const Evaluation& evaluation) {
  const ModelInfo& model = evaluation.setting.model;
  std::vector<std::string> notes = {
      "All numbers are percentages. The mean averages the categories that have the number; – means undefined (only one "
      "class, or no mask).",
      evaluation.image_only
          ? "This data set has no masks. Reference scoring: the image score is the text score, stretched to 0..1 over "
            "the "
            "category's pictures, as the reference does for such sets."
          : "Reference scoring repeats the paper's code. Image score: half the text score, half the mean of the raw "
            "map's "
            "largest pixels (20 or 2000, by category), both stretched to 0..1 over the category's pictures. Pixels: "
            "maps at "
            "model size, smoothed with sigma 8; IoU at the F1-max threshold; AUPRO up to 30 % false positives.",
      absl::StrFormat(
          "Server scores are what the server answers: \"score\" and \"map_score\" as they are, pixels of maps "
          "smoothed with the package's sigma (%g). Mask: pixels at or above the category's threshold, else the "
          "package's "
          "(%g). Verdicts: by the category's lines; a category without a calibration has none. Overkill is the share "
          "of "
          "good parts that get FAIL, escape that of defective parts that get PASS.",
          model.map_smoothing_sigma, model.default_thresholds.mask),
      absl::StrCat("Against the paper's tables: AUPRO is 0 in all of them (its call is commented out in the "
                   "reference); the draws of the prompts come from another generator, so that numbers differ from draw "
                   "to draw. ",
                   DrawsNote(evaluation.setting))};
  std::vector<std::string> zero;
  for (const CategoryResult& category : evaluation.categories) {
    if (category.reference.image_is_zero) zero.push_back(category.name);
  }
  if (!zero.empty()) {
    notes.push_back(absl::StrCat("Only anomalous pictures, so that the reference's image numbers are set to 0: ",
                                 absl::StrJoin(zero, ", "), "."));
  }
  if (const std::string remarks = Remarks(evaluation.pictures); !remarks.empty()) notes.push_back(remarks);
  for (const std::string& shortcoming : Shortcomings(evaluation)) {
    notes.push_back(absl::StrCat("Beware: ", shortcoming, "."));
  }
  if (const std::vector<std::string> empty = EmptyCategories(evaluation); !empty.empty()) {
    notes.push_back(
        absl::StrCat("Without one usable picture, and not in the tables: ", absl::StrJoin(empty, ", "), "."));
  }
  return notes;
}

PictureCounts CountPictures(const std::vector<PictureResult>& pictures) {
  PictureCounts counts;
  for (const PictureResult& picture : pictures) {
    ++(!picture.counts() ? counts.skipped : picture.item.anomalous ? counts.anomalous : counts.normal);
  }
  return counts;
}

}  // namespace bayespfl
