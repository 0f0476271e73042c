#include "model/tools/evaluate.h"

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "model/detection/detector.h"
#include "model/evaluation/evaluation.h"
#include "model/evaluation/gallery.h"
#include "model/evaluation/metric_columns.h"
#include "model/evaluation/report.h"
#include "model/evaluation/run_state.h"
#include "model/tools/progress.h"

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
    std::cerr << "bayespfl-model: " << absl::Utf8SafeCEscape(message) << std::endl;
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
  const DetectFunction detect = [&](const Frame& frame) { return std::move(detector.Detect({&frame, 1}).front()); };
  absl::StatusOr<std::vector<PictureResult>> pictures = DetectAll(dataset, setting, detect, state, observer);
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
  const EvaluationSetting setting{.model = model,
                                  .samples = arguments.samples == 0 ? model.default_samples : arguments.samples,
                                  .seed = arguments.seed};
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
  observer.Say(status.message());
  return 1;
}

}  // namespace bayespfl
