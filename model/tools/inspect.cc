#include "model/tools/inspect.h"

#include <cstdio>
#include <filesystem>
#include <memory>
#include <set>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/seed.h"
#include "model/detection/detector.h"
#include "model/image/decode.h"
#include "model/image/picture_files.h"
#include "model/tools/failure.h"
#include "model/tools/npy.h"
#include "nlohmann/json.hpp"

namespace bayespfl {
namespace {

absl::StatusOr<Detection> DetectFile(const Detector& detector, const InspectArguments& arguments,
                                     const std::string& path) {
  const absl::StatusOr<std::string> bytes = ReadPictureFile(path);
  if (!bytes.ok()) return bytes.status();
  const absl::StatusOr<RgbImage> image = DecodeImage({reinterpret_cast<const uint8_t*>(bytes->data()), bytes->size()});
  if (!image.ok()) return image.status();
  const Frame frame{.image = &*image,
                    .object = arguments.category,
                    .seed = arguments.seed,
                    .samples = arguments.samples,
                    .map_size = MapSize::kModel,
                    .smooth = false};
  return std::move(detector.Detect({&frame, 1}).front());
}

// "a/b/x.png" -> "x.npy"; a second picture of that name gets "x_1.npy".
std::string MapName(const std::string& image, std::set<std::string>& used) {
  const std::string stem = std::filesystem::path(image).stem();
  std::string name = stem + ".npy";
  for (int i = 1; !used.insert(name).second; ++i) name = absl::StrCat(stem, "_", i, ".npy");
  return name;
}

nlohmann::json ToJson(const Detection& detection) {
  const StageSeconds& seconds = detection.seconds;
  return {{"score", detection.score},
          {"score_std", detection.score_std},
          {"map_score", detection.map_score},
          {"seed", detection.seed},
          {"stage_seconds",
           {{"preprocess", seconds.preprocess},
            {"vision", seconds.vision},
            {"prompts", seconds.prompts},
            {"detect", seconds.detect},
            {"postprocess", seconds.postprocess}}}};
}

// The JSON line of one picture; writes its map when asked for.
absl::StatusOr<nlohmann::json> InspectFile(const Detector& detector, const InspectArguments& arguments,
                                           const std::string& path, std::set<std::string>& map_names) {
  const absl::StatusOr<Detection> detection = DetectFile(detector, arguments, path);
  if (!detection.ok()) return detection.status();
  if (!arguments.map_dir.empty()) {
    const std::string map_path = std::filesystem::path(arguments.map_dir) / MapName(path, map_names);
    if (absl::Status status = WriteNpy(map_path, detection->map); !status.ok()) return status;
  }
  return ToJson(*detection);
}

}  // namespace

int RunInspect(const InspectArguments& arguments) {
  const auto detector = Detector::Create(arguments.model_dir, {.device = arguments.device});
  if (!detector.ok()) return Fail(detector.status().message());
  if (absl::Status status = (*detector)->Validate(arguments.category, arguments.samples); !status.ok()) {
    return Fail(status.message());
  }
  if (!arguments.map_dir.empty()) {
    std::error_code error;
    std::filesystem::create_directories(arguments.map_dir, error);
    if (error) return Fail(absl::StrCat("cannot create ", arguments.map_dir, ": ", error.message()));
  }
  int exit_code = 0;
  std::set<std::string> map_names;
  for (const std::string& path : arguments.images) {
    nlohmann::json line = {{"image", path}, {"category", arguments.category}};
    const absl::StatusOr<nlohmann::json> result = InspectFile(**detector, arguments, path, map_names);
    if (result.ok()) {
      line.update(*result);
    } else {
      line["error"] = std::string(result.status().message());
      exit_code = Fail(absl::StrCat(path, ": ", result.status().message()));
    }
    std::printf("%s\n", line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    std::fflush(stdout);
  }
  return exit_code;
}

void AddInspectCommand(CLI::App& app, int& exit_code) {
  const auto shared = std::make_shared<InspectArguments>();
  InspectArguments& inspect = *shared;
  CLI::App* command = app.add_subcommand("inspect", "Scores picture files; prints one JSON line per picture.");
  command->add_option("--model", inspect.model_dir, "Folder of the model package")->required();
  command->add_option("--category", inspect.category, "The object in words, e.g. \"metal nut\"")->required();
  command->add_option("--samples", inspect.samples, "Draws of the prompt distributions, 1..64 (default: the package's)")
      ->check(CLI::Range(1, kMaxSamples));
  command->add_option("--seed", inspect.seed, "Key of the draws")->check(CheckSeed)->capture_default_str();
  command->add_option("--device", inspect.device, "auto, cpu or cuda:N")->capture_default_str();
  command->add_option("--map-dir", inspect.map_dir,
                      "Write float32 .npy maps at model size, unsmoothed, into this folder");
  command->add_option("images", inspect.images, "Picture files: JPEG, PNG, BMP, TIFF, WebP")->required();
  command->callback([shared, &exit_code] { exit_code = RunInspect(*shared); });
}

}  // namespace bayespfl
