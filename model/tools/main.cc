// bayespfl-model: everything that is done with a model package outside the server.

#include "CLI/CLI.hpp"
#include "model/tools/convert.h"
#include "model/tools/init.h"
#include "model/tools/inspect.h"
#include "model/tools/verify.h"

namespace bayespfl {
namespace {

// Each adds one sub-command; `exit_code` is set when it ran.

void AddInspect(CLI::App& app, InspectArguments& inspect, int& exit_code) {
  CLI::App* command = app.add_subcommand("inspect", "Scores picture files; prints one JSON line per picture.");
  command->add_option("--model", inspect.model_dir, "Folder of the model package")->required();
  command->add_option("--category", inspect.category, "The object in words, e.g. \"metal nut\"")->required();
  command->add_option("--samples", inspect.samples, "Draws of the prompt distributions, 1..64 (default: the package's)")
      ->check(CLI::Range(1, 64));
  command->add_option("--seed", inspect.seed, "Key of the draws")->capture_default_str();
  command->add_option("--device", inspect.device, "auto, cpu or cuda:N")->capture_default_str();
  command->add_option("--map-dir", inspect.map_dir,
                      "Write float32 .npy maps at model size, unsmoothed, into this folder");
  command->add_option("images", inspect.images, "Picture files: JPEG, PNG, BMP, TIFF, WebP")->required();
  command->callback([&] { exit_code = RunInspect(inspect); });
}

void AddConvert(CLI::App& app, ConvertArguments& convert, int& exit_code) {
  ConvertOptions& options = convert.options;
  CLI::App* command = app.add_subcommand("convert", "Makes a model package of upstream weight files.");
  command->add_option("--clip", options.clip_path, "CLIP: OpenAI's .pt, or OpenCLIP's .pt or .safetensors")->required();
  command->add_option("--weights", options.weights_path, "Bayes-PFL: the authors' .pth, or .safetensors")->required();
  command->add_option("--output", options.output_dir, "Folder to make; its name becomes the model's")->required();
  command->add_flag("--overwrite", options.overwrite, "Replace a package that is there");
  command->add_option("--image-size", options.image_size, "Side of the model's square input, pixels")
      ->check(CLI::Range(1, 8192))
      ->capture_default_str();
  command
      ->add_option("--layers", options.architecture.tapped_layers,
                   "Four tapped vision blocks, 1-based, e.g. 6,12,18,24 (default: evenly spaced)")
      ->delimiter(',');
  command->add_option("--vision-heads", options.architecture.vision_heads, "Attention heads (default: width / 64)")
      ->check(CLI::Range(1, 1024));
  command->add_option("--text-heads", options.architecture.text_heads, "Attention heads (default: width / 64)")
      ->check(CLI::Range(1, 1024));
  command->add_option("--samples", options.samples, "Draws of the prompt distributions by default")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command->add_option("--stage", options.stage, "Image head, 1 or 2 (default: as the weights' path says, else 2)")
      ->check(CLI::Range(1, 2));
  command->add_option("--precision", convert.precision, "Type of the stored weights: source, fp32, bf16 or fp16")
      ->check(CLI::IsMember({"source", "fp32", "bf16", "fp16"}))
      ->capture_default_str();
  command->add_option("--name", options.name, "Name of the model (default: the output folder's)");
  command->add_option("--vocabulary", convert.vocabulary_path, "CLIP's merges file (default: the built-in one)");
  command->callback([&] { exit_code = RunConvert(convert); });
}

void AddVerify(CLI::App& app, VerifyArguments& verify, int& exit_code) {
  CLI::App* command = app.add_subcommand("verify", "Checks a model package and tries it on a gray picture.");
  command->add_option("package", verify.model_dir, "Folder of the model package")->required();
  command->add_option("--device", verify.device, "auto, cpu or cuda:N")->capture_default_str();
  command->add_flag("!--no-run", verify.run, "Only read it");
  command->callback([&] { exit_code = RunVerify(verify); });
}

void AddInit(CLI::App& app, InitOptions& init, int& exit_code) {
  CLI::App* command = app.add_subcommand("init", "Makes an untrained model with random weights.");
  command->add_option("--arch", init.architecture, "Sizes")->required()->check(CLI::IsMember(KnownArchitectures()));
  command->add_option("--seed", init.seed, "Key of the draws")->capture_default_str();
  command->add_option("--output", init.output_dir, "Folder to make")->required();
  command->add_flag("--overwrite", init.overwrite, "Replace a folder that is there");
  command->add_flag("--as-upstream", init.as_upstream,
                    "Write clip.pt and bayespfl.pth in the upstream formats instead of a package");
  command->callback([&] { exit_code = RunInit(init); });
}

}  // namespace
}  // namespace bayespfl

int main(int argc, char** argv) {
  CLI::App app{"Works on Bayes-PFL model packages."};
  app.set_version_flag("--version", BAYESPFL_VERSION);
  app.require_subcommand(1);

  int exit_code = 0;
  bayespfl::InspectArguments inspect;
  bayespfl::ConvertArguments convert;
  bayespfl::VerifyArguments verify;
  bayespfl::InitOptions init;
  bayespfl::AddInspect(app, inspect, exit_code);
  bayespfl::AddConvert(app, convert, exit_code);
  bayespfl::AddVerify(app, verify, exit_code);
  bayespfl::AddInit(app, init, exit_code);
  CLI11_PARSE(app, argc, argv);
  return exit_code;
}
