#include "model/tools/evaluate.h"

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
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
#include "model/image/significant_bits_flag.h"
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

absl::Status CheckCategories(const Dataset& dataset, const Detector& detector, int samples) {
  std::set<std::string> categories;
  for (const DatasetItem& item : dataset.items) categories.insert(item.category);
  for (const std::string& category : categories) {
    if (absl::Status status = detector.Validate(category, samples); !status.ok()) {
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

// Runs the model and scores it; `state` keeps what is done.
absl::StatusOr<Evaluation> Evaluate(const Dataset& dataset, const EvaluationSetting& setting, const Detector& detector,
                                    RunState& state, ConsoleObserver& observer) {
  absl::StatusOr<std::vector<PictureResult>> pictures = DetectAll(dataset, setting, detector, state, observer);
  if (!pictures.ok()) return pictures.status();
  return Summarise(dataset, setting, *std::move(pictures), state, observer);
}

void PrintMeans(const Evaluation& evaluation, const std::filesystem::path& report) {
  for (const MetricTable& table : MetricTables()) {
    std::printf("%s, mean:\n", std::string(table.title).c_str());
    for (const MetricColumn& column : table.columns) {
      std::printf("  %-10s %-10s %6s\n", std::string(column.group).c_str(), std::string(column.title).c_str(),
                  Percent(MeanOf(column, evaluation.categories)).c_str());
    }
  }
  std::printf("report: %s\n", (report / "report.html").c_str());
}

absl::Status RunAll(const EvaluateArguments& arguments, ConsoleObserver& observer) {
  const absl::StatusOr<Dataset> dataset = OpenDataset(arguments.dataset, arguments.options);
  if (!dataset.ok()) return dataset.status();
  observer.Say(Found(*dataset));
  const auto detector = Detector::Create(arguments.model_dir, {.device = arguments.device});
  if (!detector.ok()) return detector.status();
  const ModelInfo& model = (*detector)->info();
  const EvaluationSetting setting{
      .model = model,
      .samples = arguments.samples == 0 ? model.default_samples : arguments.samples,
      .seed = arguments.seed,
      .significant_bits = arguments.significant_bits == 0 ? std::nullopt : std::optional(arguments.significant_bits)};
  absl::Status status = CheckCategories(*dataset, **detector, setting.samples);
  if (status.ok()) status = CheckMapSize(*dataset, setting);
  if (!status.ok()) return status;

  const std::filesystem::path report(arguments.report_dir);
  auto state = RunState::Open(report / ".state", RunIdentity(*dataset, setting), model.image_size);
  if (!state.ok()) return state.status();
  const absl::StatusOr<Evaluation> evaluation = Evaluate(*dataset, setting, **detector, **state, observer);
  observer.End();
  if (!evaluation.ok()) return evaluation.status();
  const absl::StatusOr<std::vector<Gallery>> galleries = MakeGalleries(*evaluation, *dataset, **state);
  if (!galleries.ok()) return galleries.status();
  status = WriteReport(*evaluation, *galleries, report);
  if (status.ok()) status = (*state)->Remove();
  if (status.ok()) PrintMeans(*evaluation, report);
  return status;
}

}  // namespace

int RunEvaluate(const EvaluateArguments& arguments) {
  ConsoleObserver observer;
  const absl::Status status = RunAll(arguments, observer);
  if (status.ok()) return 0;
  observer.End();
  return Fail(status.message());
}

void AddEvaluateCommand(CLI::App& app, int& exit_code) {
  const std::map<std::string, DatasetLayout> layouts = {{"auto", DatasetLayout::kAuto},
                                                        {"mvtec", DatasetLayout::kMvtec},
                                                        {"visa", DatasetLayout::kVisa},
                                                        {"csv", DatasetLayout::kCsv}};
  CLI::App* command = app.add_subcommand("evaluate", "Scores a package on a test set; writes a report.");
  const auto shared = std::make_shared<EvaluateArguments>();
  EvaluateArguments& arguments = *shared;
  command->add_option("--model", arguments.model_dir, "Folder of the model package")->required();
  command->add_option("--dataset", arguments.dataset, "Folder (MVTec, VisA) or CSV file of the test set")->required();
  command->add_option("--report", arguments.report_dir, "Folder that the report goes to")->required();
  command->add_option("--layout", arguments.options.layout, "auto, mvtec, visa or csv (default: auto)")
      ->transform(CLI::CheckedTransformer(layouts).description(""));
  command->add_option("--categories", arguments.options.categories, "Only these, separated by commas")->delimiter(',');
  command->add_option("--split", arguments.options.split, "Split to take, where the data set has splits")
      ->capture_default_str();
  command->add_option("--limit", arguments.options.limit, "Most pictures of a category, evenly chosen (default: all)")
      ->check(CLI::PositiveNumber);
  command
      ->add_option("--samples", arguments.samples, "Draws of the prompt distributions, 1..64 (default: the package's)")
      ->check(CLI::Range(1, kMaxSamples));
  command->add_option("--seed", arguments.seed, "Key of the draws")->check(CheckSeed)->capture_default_str();
  AddSignificantBits(*command, arguments.significant_bits);
  command->add_option("--device", arguments.device, "auto, cpu or cuda:N")->capture_default_str();
  command->callback([shared, &exit_code] { exit_code = RunEvaluate(*shared); });
}

}  // namespace bayespfl
