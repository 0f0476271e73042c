#include "model/tools/inspect.h"

#include <unistd.h>

#include <cstddef>
#include <filesystem>
#include <iostream>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/files.h"
#include "base/number_range.h"
#include "base/progress.h"
#include "base/seed.h"
#include "model/image/encode.h"
#include "model/image/picture_files.h"
#include "model/image/picture_flags.h"
#include "model/inspector/inspector.h"
#include "model/overlay/output_names.h"
#include "model/overlay/overlay.h"
#include "model/report/report.h"
#include "model/tools/compute.h"
#include "model/tools/failure.h"
#include "model/tools/npy.h"

namespace bayespfl {
namespace {

// "a/b/x.png" -> "x.npy"; a second picture of that name gets "x_1.npy".
std::string MapName(const std::filesystem::path& picture, std::set<std::string>& used) {
  const std::string stem = picture.stem();
  std::string name = stem + ".npy";
  for (int i = 1; !used.insert(name).second; ++i) name = absl::StrCat(stem, "_", i, ".npy");
  return name;
}

// The overlay and the mask, both in the picture's size.
absl::Status WriteDrawings(const InspectedPicture& inspected, const OutputFiles& files) {
  const Inspection& inspection = inspected.inspection;
  const PixelMap map = ResizeMap(inspected.map, inspection.frame_width, inspection.frame_height);
  std::vector<uint8_t> inside;
  inside.reserve(map.values.size());
  for (const float value : map.values) inside.push_back(value >= inspection.mask_threshold ? 255 : 0);
  const absl::StatusOr<std::string> mask = EncodePng(PngSamples::kGray8, map.width, map.height, inside);
  if (!mask.ok()) return mask.status();
  if (absl::Status status = WriteFile(files.mask, *mask); !status.ok()) return status;

  const absl::StatusOr<RgbImage> overlay =
      DrawOverlay(inspected.picture, map, {.width = map.width, .height = map.height, .values = inside},
                  {.category = inspection.category,
                   .decision = inspection.decision,
                   .score = inspection.score,
                   .map_score = inspection.map_score,
                   .mask_threshold = inspection.mask_threshold});
  if (!overlay.ok()) return overlay.status();
  const absl::StatusOr<std::string> png = EncodePng(*overlay);
  if (!png.ok()) return png.status();
  return WriteFile(files.overlay, *png);
}

class InspectRun final {
 public:
  InspectRun(const InspectArguments& arguments, const Inspector& inspector, CategoryRequest request,
             const std::vector<PictureFile>& pictures, std::ostream& out)
      : arguments_(arguments), inspector_(inspector), request_(std::move(request)), pictures_(pictures) {
    for (const PictureFile& picture : pictures) {
      labels_.push_back({.name = picture.path.string(), .category = request_.category});
    }
    reporter_ = arguments.json ? MakeJsonReporter(out) : MakeTableReporter(out, labels_);
    if (arguments.output_dir.empty()) return;
    OutputNames names(arguments.output_dir);
    for (const PictureFile& picture : pictures) names.Protect(picture.path);
    for (const PictureFile& picture : pictures) drawings_.push_back(names.For(picture.name));
  }

  int Finish() {
    // Without a terminal the lines say how far it has come.
    Progress progress(std::cerr, {.what = "pictures",
                                  .total = static_cast<int64_t>(pictures_.size()),
                                  .terminal = StandardErrorIsTerminal(),
                                  .only_on_terminal = true});
    const absl::Time start = absl::Now();
    int exit_code = 0;
    for (size_t i = 0; i < pictures_.size(); ++i) {
      const absl::Time begun = absl::Now();
      PictureOutcome outcome{.result = InspectOne(i)};
      outcome.latency = absl::Now() - begun;
      progress.Clear();
      if (!outcome.result.ok()) {
        exit_code = Fail(absl::StrCat(labels_[i].name, ": ", outcome.result.status().message()));
      }
      reporter_->Report(labels_[i], outcome);
      progress.Advance();
    }
    progress.Clear();
    reporter_->Finish(absl::Now() - start);
    return exit_code;
  }

 private:
  absl::StatusOr<Inspection> InspectOne(size_t i) {
    const absl::StatusOr<std::string> bytes = ReadPictureFile(pictures_[i].path);
    if (!bytes.ok()) return bytes.status();
    if (arguments_.random_seed) request_.seed = absl::Uniform<uint64_t>(generator_);
    absl::StatusOr<InspectedPicture> inspected =
        inspector_.Inspect({.bytes = {reinterpret_cast<const uint8_t*>(bytes->data()), bytes->size()},
                            .significant_bits = arguments_.significant_bits,
                            .apply_orientation = arguments_.apply_orientation},
                           request_, {.mask_threshold = arguments_.mask_threshold, .want_regions = arguments_.regions});
    if (!inspected.ok()) return inspected.status();
    if (!arguments_.map_dir.empty()) {
      const std::string file = std::filesystem::path(arguments_.map_dir) / MapName(pictures_[i].path, map_names_);
      if (absl::Status status = WriteNpy(file, inspected->raw_map); !status.ok()) return status;
    }
    if (!drawings_.empty()) {
      if (absl::Status status = WriteDrawings(*inspected, drawings_[i]); !status.ok()) return status;
    }
    return std::move(inspected->inspection);
  }

  const InspectArguments& arguments_;
  const Inspector& inspector_;
  CategoryRequest request_;
  const std::vector<PictureFile>& pictures_;
  std::vector<PictureLabel> labels_;  // of each picture
  std::unique_ptr<Reporter> reporter_;
  std::vector<OutputFiles> drawings_;  // of each picture; empty: none are wanted
  std::set<std::string> map_names_;
  absl::BitGen generator_;  // seeded from the operating system
};

absl::StatusOr<CategoryRequest> RequestOf(const InspectArguments& arguments) {
  const absl::StatusOr<std::string> category = CategoryKey(arguments.category);
  if (!category.ok()) return category.status();
  CategoryRequest request{.category = *category, .samples = arguments.samples, .seed = arguments.seed};
  if (arguments.object.has_value()) {
    const absl::StatusOr<std::string> object = CategoryKey(*arguments.object, "object");
    if (!object.ok()) return object.status();
    request.object = *object;
  }
  return request;
}

absl::StatusOr<std::vector<PictureFile>> Pictures(const InspectArguments& arguments) {
  std::optional<std::filesystem::path> output;
  if (!arguments.output_dir.empty()) output = arguments.output_dir;
  absl::StatusOr<FoundPictures> found = FindPictureFiles(arguments.pictures, output);
  if (!found.ok()) return found.status();
  Say(found->left_out.Sentence());
  return std::move(found->files);
}

void AddFlags(CLI::App& command, InspectArguments& inspect) {
  command.add_option("--model", inspect.model_dir, "Folder of the model package")->required();
  command.add_option("--calibration", inspect.calibration_file,
                     "Thresholds of categories, instead of the package's calibration.json");
  command.add_option("--device", inspect.device, "auto, cpu or cuda:N")->capture_default_str();
  command.add_option("--threads", inspect.threads, "Threads of the processor (default: those that it may use)")
      ->check(CLI::Range(1, 1024));
  AddPrecision(command, inspect.precision);
  command.add_option("--category", inspect.category, "What the plant calls the product, e.g. \"PCB-4711 rev C\"")
      ->required();
  command.add_option(
      "--object", inspect.object,
      "The product in words, e.g. \"printed circuit board\" (default: the category's, else the category)");
  command
      .add_option("--samples", inspect.samples,
                  "Draws of the prompt distributions, 1..64 (default: the category's, else the package's)")
      ->check(CLI::Range(1, kMaxSamples));
  CLI::Option* const seed =
      command.add_option("--seed", inspect.seed, "Key of the draws (default: the category's, else 0)")
          ->check(CheckSeed);
  AddSignificantBits(command, inspect.significant_bits);
  AddApplyOrientation(command, inspect.apply_orientation);
  command.add_flag("--random-seed", inspect.random_seed, "Draw a seed for each picture")->excludes(seed);
  command
      .add_option("--mask-threshold", inspect.mask_threshold,
                  "Mask where the map reaches this, 0..1 (default: the category's, else the package's)")
      ->check([](const std::string& text) { return CheckNumber(text, 0, 1); });
}

void AddResults(CLI::App& command, InspectArguments& inspect) {
  command.add_flag("--regions", inspect.regions, "Find the regions of the mask (they are in the JSON lines)");
  command.add_option("--output", inspect.output_dir, "Write an overlay and a mask per picture into this folder")
      ->type_name("DIR");
  command
      .add_option("--map-dir", inspect.map_dir, "Write float32 .npy maps at model size, unsmoothed, into this folder")
      ->type_name("DIR");
  command
      .add_option("pictures", inspect.pictures,
                  "Files (JPEG, PNG, BMP, TIFF, WebP) and folders (every picture below them)")
      ->required();
}

}  // namespace

int RunInspect(const InspectArguments& arguments, std::ostream& out) {
  const absl::StatusOr<CategoryRequest> request = RequestOf(arguments);
  if (!request.ok()) return Fail(request.status().message());
  UseThreads(arguments.threads);
  const auto inspector = Inspector::Create(
      arguments.model_dir,
      {.device = arguments.device, .calibration_file = arguments.calibration_file, .precision = arguments.precision},
      BAYESPFL_VERSION);
  if (!inspector.ok()) return Fail(inspector.status().message());
  if (absl::Status status = (*inspector)->Validate(*request); !status.ok()) return Fail(status.message());
  const absl::StatusOr<std::vector<PictureFile>> pictures = Pictures(arguments);
  if (!pictures.ok()) return Fail(pictures.status().message());
  if (!arguments.map_dir.empty()) {
    std::error_code error;
    std::filesystem::create_directories(arguments.map_dir, error);
    if (error) return Fail(absl::StrCat("cannot create ", arguments.map_dir, ": ", error.message()));
  }
  SayDevice((*inspector)->info());
  return InspectRun(arguments, **inspector, *request, *pictures, out).Finish();
}

void AddInspectCommand(CLI::App& app, int& exit_code) {
  const auto shared = std::make_shared<InspectArguments>();
  const auto json = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand("inspect", "Inspects picture files and prints a verdict for each.");
  AddFlags(*command, *shared);
  AddResults(*command, *shared);
  command->add_flag("--json", *json, "One JSON object per line; so it is anyway where no terminal reads it");
  command->callback([shared, json, &exit_code] {
    shared->json = *json || isatty(STDOUT_FILENO) == 0;
    exit_code = RunInspect(*shared, std::cout);
  });
}

}  // namespace bayespfl
