#include "server/runtime/load_report.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "model/detection/device_survey.h"

namespace bayespfl::server {

LoadReport::LoadReport(std::string device, ModelOf model_of, Metrics& metrics, Logger logger)
    : device_(std::move(device)), model_of_(std::move(model_of)), metrics_(metrics), logger_(std::move(logger)) {}

void LoadReport::Loaded(const std::string& name, const absl::Status& status, absl::Duration took) {
  if (absl::IsCancelled(status)) return;
  metrics_.NoteLoad(name, status.ok(), absl::ToDoubleSeconds(took));
  if (!status.ok() && name.empty()) return;  // a load of the start: Started() says it
  if (!status.ok()) {
    logger_->Error(
        "a model cannot be loaded",
        {{"model", name}, {"code", absl::StatusCodeToString(status.code())}, {"error", std::string(status.message())}});
    return;
  }
  const std::shared_ptr<const ServedModel> model = model_of_(name);
  if (device_ == "auto" && model->info().device == "cpu") SayWhyNoGpu();
  logger_->Info("a model serves",
                {{"model", absl::StrCat(name, " ", model->info().version)}, {"device", model->info().device}});
}

// Expected where no GPU was ever meant; where one is visible, somebody waits for it.
void LoadReport::SayWhyNoGpu() {
  const absl::Status usable = GpuUsable();
  if (usable.ok()) return;  // it came back since the model was loaded
  const LogLevel level = NvidiaDevices().empty() ? LogLevel::kInfo : LogLevel::kWarning;
  logger_->Write(level, "device auto took the CPU", {{"error", std::string(usable.message())}});
}

void LoadReport::Started(const absl::Status& status) {
  if (status.ok() || absl::IsCancelled(status)) return;
  logger_->Error("the server cannot start without its models", {{"error", std::string(status.message())}});
}

}  // namespace bayespfl::server
