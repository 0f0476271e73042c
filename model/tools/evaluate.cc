#include "model/tools/evaluate.h"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "base/progress.h"
#include "base/seed.h"
#include "base/utf8.h"
#include "model/detection/detector.h"
#include "model/evaluation/evaluation.h"
#include "model/evaluation/gallery.h"
#include "model/evaluation/metric_columns.h"
#include "model/evaluation/report.h"
#include "model/evaluation/run_state.h"
#include "model/evaluation/seed_spread.h"
#include "model/evaluation/shortcomings.h"
#include "model/image/picture_flags.h"
#include "model/package/calibration.h"
#include "model/tools/compute.h"
#include "model/tools/failure.h"

namespace bayespfl {
namespace {

class ConsoleObserver final : public EvaluationObserver {
 public:
  void Begin(absl::string_view step, int64_t total) override {
    progress_.emplace(
        std::cerr,
        Progress::Options{.what = std::string(step), .total = total, .terminal = StandardErrorIsTerminal(), .now = {}});
  }

  void Advance(bool fresh) override { progress_->Advance(fresh); }

  void Say(absl::string_view message) override {
    if (progress_.has_value()) progress_->Clear();
    // File names are part of messages and may hold anything; a terminal must not obey them.
    std::cerr << "bayespfl-model: " << EscapeControls(message) << std::endl;
  }

  void End() { progress_.reset(); }

 private:
  std::optional<Progress> progress_;
};

PictureReading ReadingOf(const EvaluateArguments& arguments) {
  PictureReading reading{.apply_orientation = arguments.apply_orientation};
  if (arguments.significant_bits != 0) reading.significant_bits = arguments.significant_bits;
  return reading;
}

// A package that draws once for all frames would give every seed the image-agnostic draws of the first one, and a run
// that goes on where an earlier one stopped those of another picture.
absl::Status CheckSampling(const EvaluateArguments& arguments, const ModelInfo& model) {
  if (model.iad_sampling == "request" || (arguments.seeds.size() < 2 && !arguments.seed_per_picture)) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat("the package has \"iad_sampling\": \"", model.iad_sampling,
                   "\": the image-agnostic draws of a run are those of its first picture, so that --seeds and "
                   "--seed-per-picture would not say what they promise; take --seed, one run for each"));
}

absl::Status CheckCategories(const Dataset& dataset, const EvaluationSetting& setting, const Detector& detector) {
  std::set<std::string> categories;
  for (const DatasetItem& item : dataset.items) categories.insert(item.category);
  for (const std::string& category : categories) {
    const CategorySetting drawn = setting.Of(category);
    if (absl::Status status = detector.Validate(drawn.object, drawn.samples); !status.ok()) {
      return absl::Status(status.code(), absl::StrCat(category, ": ", status.message()));
    }
  }
  return absl::OkStatus();
}

std::string Found(const Dataset& dataset) {
  std::set<std::string> categories;
  int64_t anomalous = 0;
  for (const DatasetItem& item : dataset.items) {
    categories.insert(item.category);
    anomalous += item.anomalous ? 1 : 0;
  }
  return absl::StrCat("found ", LayoutTitle(dataset.layout), ": ", dataset.items.size(), " pictures (", anomalous,
                      " anomalous) of ", categories.size(), categories.size() == 1 ? " category" : " categories",
                      dataset.split.empty() ? "" : absl::StrCat(", split ", dataset.split),
                      dataset.image_only ? ", without masks" : "");
}

// One seed's evaluation and what the disk keeps of it.
struct Run {
  std::unique_ptr<RunState> state;
  Evaluation evaluation;
};

// Runs the model and scores it.
absl::StatusOr<Run> Evaluate(const Dataset& dataset, const EvaluationSetting& setting, const Detector& detector,
                             const std::filesystem::path& state_folder, ConsoleObserver& observer) {
  auto state = RunState::Open(state_folder, RunIdentity(dataset, setting), setting.model.image_size);
  if (!state.ok()) return state.status();
  absl::StatusOr<std::vector<PictureResult>> pictures = DetectAll(dataset, setting, detector, **state, observer);
  if (!pictures.ok()) return pictures.status();
  absl::StatusOr<Evaluation> evaluation = Summarise(dataset, setting, *std::move(pictures), **state, observer);
  if (!evaluation.ok()) return evaluation.status();
  return Run{.state = *std::move(state), .evaluation = *std::move(evaluation)};
}

// One run for each seed; without seeds, one.
absl::StatusOr<std::vector<Run>> EvaluateSeeds(const EvaluateArguments& arguments, const Dataset& dataset,
                                               EvaluationSetting setting, const Detector& detector,
                                               ConsoleObserver& observer) {
  const std::filesystem::path report(arguments.report_dir);
  std::vector<Run> runs;
  const size_t count = std::max<size_t>(1, arguments.seeds.size());
  for (size_t i = 0; i < count; ++i) {
    std::string folder = ".state";
    if (!arguments.seeds.empty()) setting.seed = arguments.seeds[i];
    if (count > 1) {
      folder = absl::StrCat(".state-", *setting.seed);
      observer.Say(absl::StrCat("seed ", *setting.seed, " (", i + 1, " of ", count, ")"));
    }
    absl::StatusOr<Run> run = Evaluate(dataset, setting, detector, report / folder, observer);
    observer.End();
    if (!run.ok()) return run.status();
    runs.push_back(*std::move(run));
  }
  return runs;
}

// The first seed's evaluation, with what the others say about it.
void JoinSeeds(std::vector<Run>& runs) {
  if (runs.size() < 2) return;
  std::vector<Evaluation> evaluations;
  for (Run& run : runs) evaluations.push_back(std::move(run.evaluation));
  SeedSpread spread = SpreadOver(evaluations);
  runs.front().evaluation = std::move(evaluations.front());
  runs.front().evaluation.over_seeds = std::move(spread);
}

std::string VerdictLine(const CategoryResult& category) {
  const VerdictCounts& good = category.server.normal;
  const VerdictCounts& bad = category.server.anomalous;
  if (good.total() + bad.total() == 0) return absl::StrCat(category.name, ": not calibrated, no verdicts");
  return absl::StrFormat("%s: overkill %d of %d good, escape %d of %d defective; REVIEW %d good, %d defective",
                         category.name, good.fail, good.total(), bad.pass, bad.total(), good.review, bad.review);
}

void PrintNumbers(const Evaluation& evaluation, const std::filesystem::path& report) {
  const std::optional<SeedSpread>& spread = evaluation.over_seeds;
  for (size_t t = 0; t < MetricTables().size(); ++t) {
    const MetricTable& table = MetricTables()[t];
    std::printf("%s, mean%s:\n", std::string(table.title).c_str(),
                spread.has_value() ? absl::StrCat(" and deviation over the seeds ", SeedList(*spread)).c_str() : "");
    for (size_t c = 0; c < table.columns.size(); ++c) {
      const MetricColumn& column = table.columns[c];
      const std::string value =
          spread.has_value() ? SpreadText(spread->mean.numbers[t][c]) : Percent(MeanOf(column, evaluation.categories));
      std::printf("  %-15s %-15s %6s\n", std::string(column.group).c_str(), std::string(column.title).c_str(),
                  value.c_str());
    }
  }
  if (spread.has_value()) std::printf("verdicts with the seed %s:\n", absl::StrCat(spread->seeds.front()).c_str());
  for (const CategoryResult& category : evaluation.categories) {
    std::printf("%s\n", EscapeControls(VerdictLine(category)).c_str());
  }
  std::printf("report: %s\n", (report / "report.html").c_str());
}

// The report is written; what it lacks decides the exit code.
int Judge(const Evaluation& evaluation) {
  int64_t remarks = 0;
  for (const CategoryResult& category : evaluation.categories) remarks += category.remarks;
  if (remarks > 0) {
    Say(absl::StrCat(remarks, remarks == 1 ? " defective picture has" : " defective pictures have",
                     " a mask without a mark; each is named above and in the report"));
  }
  const std::vector<std::string> shortcomings = Shortcomings(evaluation);
  for (const std::string& shortcoming : shortcomings) Fail(shortcoming);
  return shortcomings.empty() ? 0 : kThinEvaluation;
}

absl::StatusOr<int> RunAll(const EvaluateArguments& arguments, ConsoleObserver& observer) {
  const absl::StatusOr<Dataset> dataset = OpenDataset(arguments.dataset, arguments.options);
  if (!dataset.ok()) return dataset.status();
  observer.Say(Found(*dataset));
  Say(dataset->left_out.Sentence());
  UseThreads();
  const auto detector = Detector::Create(
      arguments.model_dir,
      {.device = arguments.device, .calibration_file = arguments.calibration_file, .precision = arguments.precision});
  if (!detector.ok()) return detector.status();
  const ModelInfo& model = (*detector)->info();
  SayDevice(model);
  const EvaluationSetting setting{.model = model,
                                  .categories = MakeCategoryTable(model.default_thresholds, model.categories),
                                  .samples = arguments.samples,
                                  .seed_per_picture = arguments.seed_per_picture,
                                  .reading = ReadingOf(arguments)};
  absl::Status status = CheckSampling(arguments, model);
  if (status.ok()) status = CheckCategories(*dataset, setting, **detector);
  if (status.ok()) status = CheckMapSize(*dataset, setting);
  if (!status.ok()) return status;

  absl::StatusOr<std::vector<Run>> runs = EvaluateSeeds(arguments, *dataset, setting, **detector, observer);
  if (!runs.ok()) return runs.status();
  JoinSeeds(*runs);
  const std::filesystem::path report(arguments.report_dir);
  const Run& first = runs->front();
  const absl::StatusOr<std::vector<Gallery>> galleries = MakeGalleries(first.evaluation, *dataset, *first.state);
  if (!galleries.ok()) return galleries.status();
  status = WriteReport(first.evaluation, *galleries, report);
  for (const Run& run : *runs) {
    if (status.ok()) status = run.state->Remove();
  }
  if (!status.ok()) return status;
  PrintNumbers(first.evaluation, report);
  return Judge(first.evaluation);
}

}  // namespace

absl::StatusOr<std::vector<uint64_t>> ParseSeeds(const std::string& text) {
  constexpr uint64_t kFewest = 2;
  constexpr uint64_t kMost = 100;
  std::vector<uint64_t> seeds;
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    uint64_t seed = 0;
    if (!absl::SimpleAtoi(part, &seed)) {
      return absl::InvalidArgumentError(absl::StrCat("'", part, "' is no seed: whole numbers from 0, with commas"));
    }
    if (std::find(seeds.begin(), seeds.end(), seed) != seeds.end()) {
      return absl::InvalidArgumentError(absl::StrCat("the seed ", seed, " is named twice"));
    }
    seeds.push_back(seed);
  }
  const bool is_count = seeds.size() == 1;
  const uint64_t count = is_count ? seeds.front() : seeds.size();
  if (count < kFewest || count > kMost) {
    return absl::InvalidArgumentError(absl::StrCat(count, " seeds; it must be ", kFewest, "..", kMost,
                                                   " (a number alone is how many; --seed takes one seed)"));
  }
  if (!is_count) return seeds;
  seeds.resize(count);
  std::iota(seeds.begin(), seeds.end(), uint64_t{0});
  return seeds;
}

int RunEvaluate(const EvaluateArguments& arguments) {
  ConsoleObserver observer;
  const absl::StatusOr<int> exit_code = RunAll(arguments, observer);
  if (exit_code.ok()) return *exit_code;
  observer.End();
  return Fail(exit_code.status().message());
}

namespace {

void AddTestSet(CLI::App& command, EvaluateArguments& arguments) {
  const std::map<std::string, DatasetLayout> layouts = {{"auto", DatasetLayout::kAuto},
                                                        {"mvtec", DatasetLayout::kMvtec},
                                                        {"visa", DatasetLayout::kVisa},
                                                        {"csv", DatasetLayout::kCsv}};
  command.add_option("--dataset", arguments.dataset, "Folder (MVTec AD, LOCO, BTAD, VisA) or CSV file of the test set")
      ->required();
  command.add_option("--layout", arguments.options.layout, "auto, mvtec, visa or csv (default: auto)")
      ->transform(CLI::CheckedTransformer(layouts).description(""));
  command.add_option("--categories", arguments.options.categories, "Only these, separated by commas")->delimiter(',');
  command.add_option("--split", arguments.options.split, "Split to take, where the data set has splits")
      ->capture_default_str();
  command.add_option("--limit", arguments.options.limit, "Most pictures of a category, evenly chosen (default: all)")
      ->check(CLI::PositiveNumber);
  AddSignificantBits(command, arguments.significant_bits);
  AddApplyOrientation(command, arguments.apply_orientation);
}

void AddDraws(CLI::App& command, EvaluateArguments& arguments) {
  command
      .add_option("--samples", arguments.samples,
                  "Draws of the prompt distributions, 1..64 (default: the category's, else the package's)")
      ->check(CLI::Range(1, kMaxSamples));
  CLI::Option* const seed = command
                                .add_option_function<uint64_t>(
                                    "--seed", [&arguments](const uint64_t& one) { arguments.seeds = {one}; },
                                    "Key of the draws (default: as the category was calibrated, else 0)")
                                ->check(CheckSeed);
  command
      .add_option_function<std::string>(
          "--seeds", [&arguments](const std::string& text) { arguments.seeds = *ParseSeeds(text); },
          "Evaluate once with each and add mean and deviation: seeds with commas between, or how many")
      ->check([](const std::string& text) {
        const absl::StatusOr<std::vector<uint64_t>> seeds = ParseSeeds(text);
        return seeds.ok() ? std::string() : EscapeControls(seeds.status().message());
      })
      ->excludes(seed);
  command.add_flag("--seed-per-picture", arguments.seed_per_picture,
                   "Draw each picture with a seed of its own, made from the seed and the picture's file");
}

}  // namespace

void AddEvaluateCommand(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("evaluate", "Scores a package on a test set; writes a report.");
  const auto shared = std::make_shared<EvaluateArguments>();
  EvaluateArguments& arguments = *shared;  // lives as long as the callback, which outlives the parsing
  command->add_option("--model", arguments.model_dir, "Folder of the model package")->required();
  command->add_option("--report", arguments.report_dir, "Folder that the report goes to")->required();
  AddTestSet(*command, arguments);
  AddDraws(*command, arguments);
  command->add_option("--calibration", arguments.calibration_file,
                      "Thresholds of categories, instead of the package's calibration.json");
  command->add_option("--device", arguments.device, "auto, cpu or cuda:N")->capture_default_str();
  AddPrecision(*command, arguments.precision);
  command->footer(
      "Exit codes: 0; 1 no report; 2 the report is written, but a category has no normal or no usable defective "
      "picture,\n"
      "or more than a tenth of the pictures is skipped.");
  command->callback([shared, &exit_code] { exit_code = RunEvaluate(*shared); });
}

}  // namespace bayespfl
