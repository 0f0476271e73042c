#include "model/tools/verify.h"

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/utf8.h"
#include "model/detection/detector.h"
#include "model/package/model_package.h"
#include "model/package/problem_list.h"
#include "model/package/verify.h"
#include "model/tools/failure.h"

namespace bayespfl {
namespace {

// More than a package has tensors, so that a list of missing ones is whole.
constexpr size_t kMaxListedProblems = 1000;

// Loads the package and inspects one gray picture, as a server does before it is ready.
absl::StatusOr<Detection> TryOut(const VerifyArguments& arguments) {
  const auto detector = Detector::Create(arguments.model_dir, {.device = arguments.device});
  if (!detector.ok()) return detector.status();
  const int side = (*detector)->info().image_size;
  const auto bytes = 3 * static_cast<size_t>(side) * static_cast<size_t>(side);
  const RgbImage gray{side, side, std::vector<uint8_t>(bytes, 128)};
  const Frame frame{.image = &gray, .object = "object"};
  absl::StatusOr<Detection> detection = std::move((*detector)->Detect({&frame, 1}).front());
  if (!detection.ok()) return detection.status();
  bool finite = std::isfinite(detection->score);
  for (const float value : detection->map.values) finite = finite && std::isfinite(value);
  if (!finite)
    return absl::DataLossError("the answer for a gray picture is not finite: the weights do not fit together");
  return detection;
}

}  // namespace

int RunVerify(const VerifyArguments& arguments) {
  const absl::StatusOr<ModelPackage> package = ModelPackage::Open(arguments.model_dir);
  if (!package.ok()) return Fail(package.status().message());
  const ModelConfig& config = package->config;
  std::printf("%s: model package \"%s\", version %s\n", arguments.model_dir.c_str(),
              EscapeControls(config.name).c_str(), EscapeControls(package->version()).c_str());
  const std::vector<std::string> problems = VerifyPackage(*package);
  for (const std::string& problem : FirstProblems(problems, kMaxListedProblems)) Fail(problem);
  if (!problems.empty()) return Fail(absl::StrCat(arguments.model_dir, ": ", problems.size(), " problems"));
  std::printf("  %zu + %zu tensors as the configuration asks for, all finite\n", package->clip->tensors().size(),
              package->bayespfl->tensors().size());
  if (config.file_digests.empty()) {
    std::printf("  no digests of files are noted in config.json\n");
  } else {
    std::printf("  %zu files as noted in config.json (SHA-256)\n", config.file_digests.size());
  }
  if (!arguments.run) return 0;
  const absl::StatusOr<Detection> detection = TryOut(arguments);
  if (!detection.ok()) return Fail(detection.status().message());
  std::printf("  a gray picture scores %.3f in %.2f s\n", static_cast<double>(detection->score),
              detection->seconds.preprocess + detection->seconds.vision + detection->seconds.prompts +
                  detection->seconds.detect + detection->seconds.postprocess);
  return 0;
}

void AddVerifyCommand(CLI::App& app, int& exit_code) {
  const auto shared = std::make_shared<VerifyArguments>();
  VerifyArguments& verify = *shared;
  CLI::App* command = app.add_subcommand("verify", "Checks a model package and tries it on a gray picture.");
  command->add_option("package", verify.model_dir, "Folder of the model package")->required();
  command->add_option("--device", verify.device, "auto, cpu or cuda:N")->capture_default_str();
  command->add_flag("!--no-run", verify.run, "Only read it");
  command->callback([shared, &exit_code] { exit_code = RunVerify(*shared); });
}

}  // namespace bayespfl
