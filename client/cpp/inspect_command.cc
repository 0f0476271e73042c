#include <cstdint>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/number_range.h"
#include "base/progress.h"
#include "base/seed.h"
#include "base/terminal_text.h"
#include "base/utf8.h"
#include "client/cpp/commands.h"
#include "client/cpp/connection.h"
#include "client/cpp/exit_codes.h"
#include "client/cpp/inputs.h"
#include "client/cpp/inspect_run.h"
#include "model/image/picture_flags.h"
#include "model/report/report.h"
#include "model/verdict/categories.h"
#include "model/verdict/verdict.h"

namespace bayespfl::client {
namespace {

constexpr char kReview[] = "review";
constexpr char kFail[] = "fail";

struct InspectFlags {
  ConnectionFlags connection;
  std::vector<std::string> pictures;
  std::string category;
  std::optional<std::string> object;
  std::string manifest;
  std::string output;
  bool stream = false;
  size_t in_flight = 8;
  bool latest = false;
  inspection::v1::Priority priority = inspection::v1::PRIORITY_NORMAL;
  bool json = false;
  std::optional<uint32_t> samples;
  std::string model;
  std::optional<uint64_t> seed;
  bool random_seed = false;
  bool apply_orientation = false;
  int significant_bits = 0;
  std::optional<float> mask_threshold;
  bool regions = false;
  std::string fail_on;  // kReview, kFail, or empty
  std::optional<double> fail_above;
};

std::string CheckFailOn(const std::string& text) {
  if (text == kReview || text == kFail) return "";
  return absl::StrCat("'", EscapeControls(text), "' is neither ", kReview, " nor ", kFail);
}

// The server's own limits, so that a slip of the keyboard is told before a thousand pictures are sent.
absl::Status CheckProduct(const Input& input) {
  const absl::Status category = CategoryKey(input.category, absl::StrCat("the category of ", input.name)).status();
  if (!category.ok() || !input.object.has_value()) return category;
  return CategoryKey(*input.object, absl::StrCat("the object of ", input.name)).status();
}

// What goes with what: pictures with a category, a manifest with its own columns.
absl::Status CheckSources(const InspectFlags& flags) {
  const bool by_manifest = !flags.manifest.empty();
  if (by_manifest == !flags.pictures.empty()) {
    return absl::InvalidArgumentError("name pictures and their --category, or a --manifest: one of the two");
  }
  if (by_manifest && !flags.category.empty()) {
    return absl::InvalidArgumentError("--category goes with pictures; a manifest has its own");
  }
  if (by_manifest && flags.object.has_value()) {
    return absl::InvalidArgumentError("--object goes with pictures; a manifest has a column of that name");
  }
  if (!by_manifest && flags.category.empty()) {
    return absl::InvalidArgumentError("--category is missing: what do the pictures show?");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Input>> PictureInputs(const InspectFlags& flags,
                                                 const std::optional<std::filesystem::path>& output) {
  absl::StatusOr<CollectedInputs> collected = CollectInputs(flags.pictures, flags.category, flags.object, output);
  if (!collected.ok()) return collected.status();
  if (const std::string left_out = collected->left_out.Sentence(); !left_out.empty()) PrintError(left_out);
  return std::move(collected->inputs);
}

absl::StatusOr<std::vector<Input>> Inputs(const InspectFlags& flags) {
  if (const absl::Status sources = CheckSources(flags); !sources.ok()) return sources;
  std::optional<std::filesystem::path> output;
  if (!flags.output.empty()) output = flags.output;
  absl::StatusOr<std::vector<Input>> inputs =
      flags.manifest.empty() ? PictureInputs(flags, output) : ManifestInputs(flags.manifest);
  if (!inputs.ok()) return inputs;
  for (const Input& input : *inputs) {
    const absl::Status product = CheckProduct(input);
    if (!product.ok()) return product;
  }
  return inputs;
}

InspectJob MakeJob(const InspectFlags& flags, std::vector<Input> inputs) {
  InspectJob job;
  job.inputs = std::move(inputs);
  job.stream = flags.stream;
  job.max_in_flight = flags.in_flight;
  if (flags.latest) job.flow_policy = inspection::v1::FLOW_POLICY_LATEST;
  job.options.set_priority(flags.priority);
  if (!flags.model.empty()) job.options.set_model(flags.model);
  job.apply_orientation = flags.apply_orientation;
  job.significant_bits = flags.significant_bits;
  job.timeout = absl::Seconds(flags.connection.timeout_seconds);
  if (!flags.fail_on.empty()) job.fail_on = flags.fail_on == kFail ? Verdict::kFail : Verdict::kReview;
  job.fail_above = flags.fail_above;
  if (!flags.output.empty()) job.output = flags.output;
  if (flags.samples.has_value()) job.options.set_samples(*flags.samples);
  if (flags.seed.has_value()) job.options.set_seed(*flags.seed);
  if (flags.random_seed) job.options.set_random_seed(true);
  if (flags.mask_threshold.has_value()) job.options.set_mask_threshold(*flags.mask_threshold);
  if (flags.regions) job.options.mutable_regions();
  return job;
}

int ExitCodeOf(const InspectionClient& client, const RunSummary& summary) {
  for (const std::string& error : summary.output_errors) PrintError(error);
  int unreachable = kExitOk;
  if (!summary.broken.ok()) {
    unreachable = ReportServerError(client, summary.broken);
    // The server was there and ended the stream for a reason of its own: frames failed.
    if (unreachable != kExitUnreachable) unreachable = kExitFrames;
  }
  if (!summary.output_errors.empty()) return kExitLocal;
  if (unreachable != kExitOk) return unreachable;
  for (const std::string& category : summary.without_verdict) {
    PrintError(absl::StrCat("no verdict for the category \"", OneLine(category),
                            "\": the model has no lines for it; calibrate it with bayespfl-model calibrate, or give "
                            "--fail-above a number"));
  }
  if (summary.failed > 0 || !summary.without_verdict.empty()) return kExitFrames;
  return summary.exceeded > 0 ? kExitExceeded : kExitOk;
}

int RunInspect(const InspectFlags& flags) {
  absl::StatusOr<std::vector<Input>> inputs = Inputs(flags);
  if (!inputs.ok()) {
    PrintError(inputs.status().message());
    return kExitLocal;
  }
  const std::unique_ptr<InspectionClient> client = Connect(flags.connection);
  if (client == nullptr) return kExitLocal;
  const InspectJob job = MakeJob(flags, *std::move(inputs));
  const std::unique_ptr<Reporter> reporter =
      flags.json ? MakeJsonReporter(std::cout) : MakeTableReporter(std::cout, LabelsOf(job.inputs));
  // Elsewhere the reporter's rows say how far it has come.
  Progress progress(std::cerr, {.what = "pictures",
                                .total = static_cast<int64_t>(job.inputs.size()),
                                .terminal = StandardErrorIsTerminal(),
                                .only_on_terminal = true});
  return ExitCodeOf(*client, RunInspection(*client, job, *reporter, progress));
}

void AddWhat(CLI::App& command, InspectFlags& flags) {
  command.add_option("pictures", flags.pictures,
                     "Files; folders (every picture below them); \"-\" for one picture's bytes on standard input");
  command
      .add_option("--category", flags.category, "The product, as it was calibrated; or what it is, e.g. \"metal nut\"")
      ->type_name("NAME");
  command
      .add_option("--object", flags.object,
                  "What the pictures show, in words (default: as the category was calibrated, else the category)")
      ->type_name("WORDS");
  command
      .add_option("--manifest", flags.manifest,
                  "CSV file with the columns image, category and, if need be, object and significant_bits")
      ->type_name("CSV");
  AddSignificantBits(command, flags.significant_bits);
  AddApplyOrientation(command, flags.apply_orientation);
}

void AddHow(CLI::App& command, InspectFlags& flags) {
  command.add_flag("--stream", flags.stream, "Send all pictures through one stream: faster for many");
  command.add_option("--in-flight", flags.in_flight, "Frames of the stream that may wait for their answer")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command.add_flag("--latest", flags.latest, "Let the server skip the oldest waiting frames when it cannot keep up")
      ->needs("--stream");
  const std::map<std::string, inspection::v1::Priority> priorities = {{"high", inspection::v1::PRIORITY_HIGH},
                                                                      {"normal", inspection::v1::PRIORITY_NORMAL},
                                                                      {"low", inspection::v1::PRIORITY_LOW}};
  command.add_option("--priority", flags.priority, "high, normal or low: who is served first (default: normal)")
      ->transform(CLI::CheckedTransformer(priorities).description(""));
  command.add_option("--model", flags.model, "Which of the server's models (default: its default)")->type_name("NAME");
  command
      .add_option(
          "--samples", flags.samples,
          "Draws of the prompt distributions, 1..64 (default: as the category was calibrated, else the model's)")
      ->check(CLI::Range(1, 64));
  CLI::Option* const seed =
      command.add_option("--seed", flags.seed, "Key of the draws (default: as the category was calibrated, else 0)")
          ->check(CheckSeed);
  command.add_flag("--random-seed", flags.random_seed, "Let the server draw a seed for each picture")->excludes(seed);
  command
      .add_option("--mask-threshold", flags.mask_threshold,
                  "Mask where the map reaches this, 0..1 (default: the category's, else the model's)")
      ->check([](const std::string& text) { return CheckNumber(text, 0, 1); });
}

void AddResults(CLI::App& command, InspectFlags& flags) {
  command.add_flag("--json", flags.json, "Print one JSON object per line instead of a table");
  command.add_flag("--regions", flags.regions, "Print the regions of each mask too")->needs("--json");
  command.add_option("--output", flags.output, "Write an overlay and a mask per picture into this folder")
      ->type_name("DIR");
  command
      .add_option("--fail-on", flags.fail_on,
                  "review or fail: exit with 2 when a verdict is at least that, with 4 when a picture has none")
      ->type_name("VERDICT")
      ->check(CheckFailOn);
  command.add_option("--fail-above", flags.fail_above, "Exit with 2 when a score is higher than this, 0..1")
      ->type_name("SCORE")
      ->check([](const std::string& text) { return CheckNumber(text, 0, 1); });
}

}  // namespace

void AddInspectCommand(CLI::App& app, int& exit_code) {
  CLI::App* const command = app.add_subcommand("inspect", "Inspect pictures");
  const auto flags = std::make_shared<InspectFlags>();
  AddWhat(*command, *flags);
  AddHow(*command, *flags);
  AddResults(*command, *flags);
  AddConnectionFlags(*command, flags->connection, "Longest wait for one picture");
  command->footer(kExitCodeHelp);
  command->callback([flags, &exit_code] { exit_code = RunInspect(*flags); });
}

}  // namespace bayespfl::client
