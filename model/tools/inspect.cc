#include "model/tools/inspect.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
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
#include "model/tools/npy.h"
#include "nlohmann/json.hpp"

namespace bayespfl {
namespace {

absl::StatusOr<std::vector<uint8_t>> ReadBytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path)) return absl::NotFoundError(absl::StrCat("cannot open ", path));
  return std::vector<uint8_t>((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

absl::StatusOr<Detection> DetectFile(const Detector& detector, const InspectArguments& arguments,
                                     const std::string& path) {
  const absl::StatusOr<std::vector<uint8_t>> bytes = ReadBytes(path);
  if (!bytes.ok()) return bytes.status();
  const absl::StatusOr<RgbImage> image = DecodeImage(*bytes);
  if (!image.ok()) return image.status();
  const Frame frame{.image = &*image,
                    .category = arguments.category,
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
          {"text_score", detection.text_score},
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
  if (!detector.ok()) {
    std::fprintf(stderr, "bayespfl-model: %s\n", std::string(detector.status().message()).c_str());
    return 1;
  }
  if (absl::Status status = (*detector)->Validate(arguments.category, arguments.samples); !status.ok()) {
    std::fprintf(stderr, "bayespfl-model: %s\n", std::string(status.message()).c_str());
    return 1;
  }
  if (!arguments.map_dir.empty()) {
    std::error_code error;
    std::filesystem::create_directories(arguments.map_dir, error);
    if (error) {
      std::fprintf(stderr, "bayespfl-model: cannot create %s: %s\n", arguments.map_dir.c_str(),
                   error.message().c_str());
      return 1;
    }
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
      std::fprintf(stderr, "bayespfl-model: %s: %s\n", path.c_str(), std::string(result.status().message()).c_str());
      exit_code = 1;
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
      ->check(CLI::Range(1, 64));
  command->add_option("--seed", inspect.seed, "Key of the draws")->check(CheckSeed)->capture_default_str();
  command->add_option("--device", inspect.device, "auto, cpu or cuda:N")->capture_default_str();
  command->add_option("--map-dir", inspect.map_dir,
                      "Write float32 .npy maps at model size, unsmoothed, into this folder");
  command->add_option("images", inspect.images, "Picture files: JPEG, PNG, BMP, TIFF, WebP")->required();
  command->callback([shared, &exit_code] { exit_code = RunInspect(*shared); });
}

}  // namespace bayespfl
