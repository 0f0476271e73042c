// `bayespfl-model calibrate`: thresholds of a category from good pictures of it (docs/calibration.md).
#ifndef BAYESPFL_MODEL_TOOLS_CALIBRATE_H_
#define BAYESPFL_MODEL_TOOLS_CALIBRATE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/package/calibration.h"

namespace CLI {
class App;
}  // namespace CLI

namespace bayespfl {

struct CalibrateArguments {
  std::string model_dir;
  std::string category;
  std::vector<std::string> images;   // files and folders
  std::string calibration_file;      // empty: calibration.json in the package
  double pixel_percentile = 99.9;    // 90..100
  double reject_rate = 0.01;         // 1e-6..0.5
  std::optional<double> confidence;  // 0.5..0.999999
  int samples = 0;                   // 1..64; 0: the package's
  uint64_t seed = 0;
  bool fixed_seed = false;  // draw every picture with `seed`, for clients that always send this one
  std::string device = "auto";
  bool undo = false;  // take the last change of the calibration file back; nothing else is read then
  bool json = false;  // print one JSON object instead of sentences
};

struct CalibrationReport {
  std::string key;  // of the category
  CategoryCalibration calibration;
  std::string file;                     // where it was written
  std::vector<std::string> copies;      // files that are copies of others, left out
  std::vector<std::string> superseded;  // categories dropped from the file: calibrated with another model
};

// Measures the pictures and writes the category's entry; the entries of other categories stay. Each picture is drawn
// with a seed of its own, as by a server when the request names none: `seed` plus the first 64 bits of the picture's
// SHA-256. So neither names nor order of the files matter, and the same pictures give the same bytes.
// Errors come before anything is written. InvalidArgument: an option out of range, a bad category, too few pictures
// (the message says how many are needed), or pictures that cannot be decoded (it names each). NotFound: no such file.
// FailedPrecondition: the good maps saturate. Others: as the package and the file give them.
absl::StatusOr<CalibrationReport> Calibrate(const CalibrateArguments& arguments);

// Runs Calibrate() or the undo and prints what came out of it. Returns the exit code: 0, or 1 with the reason on
// stderr.
int RunCalibrate(const CalibrateArguments& arguments);

// Adds the sub-command; when it is given, parsing the command line runs it and sets the exit code.
void AddCalibrateCommand(CLI::App& app, int& exit_code);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TOOLS_CALIBRATE_H_
