// What the loading of models leaves in the log and in the metrics.
#ifndef BAYESPFL_SERVER_RUNTIME_LOAD_REPORT_H_
#define BAYESPFL_SERVER_RUNTIME_LOAD_REPORT_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/pipeline/served_model.h"
#include "server/telemetry/log.h"
#include "server/telemetry/metrics.h"

namespace bayespfl::server {

// A load that a stop overtook leaves nothing. Thread-safe.
class LoadReport {
 public:
  using ModelOf = std::function<std::shared_ptr<const ServedModel>(const std::string& name)>;

  // `device`: the setting. `model_of`: a model that serves. `metrics` outlives the report.
  LoadReport(std::string device, ModelOf model_of, Metrics& metrics, Logger logger);
  LoadReport(const LoadReport&) = delete;
  LoadReport& operator=(const LoadReport&) = delete;

  // ModelStoreOptions::on_load.
  void Loaded(const std::string& name, const absl::Status& status, absl::Duration took);
  // ModelStoreOptions::on_started.
  void Started(const absl::Status& status);

 private:
  void SayWhyNoGpu();

  const std::string device_;
  const ModelOf model_of_;
  Metrics& metrics_;
  const Logger logger_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_LOAD_REPORT_H_
