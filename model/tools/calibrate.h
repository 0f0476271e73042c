// `bayespfl-model calibrate`: the lines of a category's verdict from good pictures of it (docs/calibration.md).
#ifndef BAYESPFL_MODEL_TOOLS_CALIBRATE_H_
#define BAYESPFL_MODEL_TOOLS_CALIBRATE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/evaluation/verdict_lines.h"
#include "model/package/calibration.h"
#include "model/package/precision.h"

namespace CLI {
class App;
}  // namespace CLI

namespace bayespfl {

struct CalibrateArguments {
  std::string model_dir;
  std::string category;             // the product's id
  std::string object;               // words of the prompt; empty: the category
  std::vector<std::string> images;  // files and folders
  std::string calibration_file;     // empty: calibration.json in the package
  VerdictTargets targets;           // rules, rates and confidence
  double min_region_fraction = 0;   // 0..1, share of the picture; smaller regions do not count
  double pixel_percentile = 99.9;   // 90..100
  int samples = 0;                  // 1..64; 0: the package's
  uint64_t seed = 0;                // of every picture
  bool apply_orientation = false;   // turn pictures upright as their EXIF data says; frames must be too
  int significant_bits = 0;         // of 16-bit pictures, 9..16; 0: all
  std::string device = "auto";
  std::optional<Precision> precision = std::nullopt;  // absent: as the package says
  bool undo = false;  // take the last change of the calibration file back; nothing else is read then
  bool json = false;  // print one JSON object instead of sentences
};

struct CalibrationReport {
  std::string key;  // of the category
  CategoryCalibration calibration;
  Precision precision = Precision::kFp32;  // that it was made in
  std::string file;                        // where it was written
  std::vector<std::string> copies;         // files that are copies of others, left out
  std::string left_out;                    // LeftOut::Sentence(): what the folders hold besides; may be empty
  std::vector<std::string> superseded;  // categories dropped from the file: calibrated with another model or precision
  size_t shallow_pictures = 0;          // distinct ones whose 16-bit samples fit into 12 (sample_bits.h)
};

// Measures the pictures and writes the category's entry; the entries of other categories stay. All pictures are drawn
// with one seed, which is the default of the category's frames: the lines are drawn on numbers that come about as those
// of the frames do, and the same part gets the same verdict twice. Pictures are taken in the order of their SHA-256,
// and that order also says which of them fit the mask threshold (verdict_lines.h): a digest says nothing of what a
// picture measures. So neither names nor order of the files matter, and the same pictures give the same bytes. At any
// time one picture's map is held, and the largest values of those before it (pixel_threshold.h). Errors come before
// anything is written. InvalidArgument: an option out of range, a bad category or object, too few pictures (the message
// says how many are needed), or pictures that cannot be decoded (it names each). NotFound: no such file.
// FailedPrecondition: the good maps saturate, or the package has "iad_sampling": "first", with which no line holds:
// scores depend on the first frame that a server happened to see. Others: as the package and the file give them.
absl::StatusOr<CalibrationReport> Calibrate(const CalibrateArguments& arguments);

// Runs Calibrate() or the undo and prints what came out of it. Returns the exit code: 0, or 1 with the reason on
// stderr.
int RunCalibrate(const CalibrateArguments& arguments);

// Adds the sub-command; when it is given, parsing the command line runs it and sets the exit code.
void AddCalibrateCommand(CLI::App& app, int& exit_code);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TOOLS_CALIBRATE_H_
