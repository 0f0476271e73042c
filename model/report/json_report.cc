#include <nlohmann/json.hpp>

#include "model/report/report.h"
#include "model/verdict/result_line.h"

namespace bayespfl {
namespace {

using Json = nlohmann::ordered_json;

Json ErrorToJson(const absl::Status& status, const ErrorHints& hints) {
  return {{"code", absl::StatusCodeToString(status.code())},
          {"reason", hints.reason.empty() ? Json() : Json(hints.reason)},
          {"message", std::string(status.message())},
          {"retry_delay_seconds",
           hints.retry_delay.has_value() ? Json(absl::ToDoubleSeconds(*hints.retry_delay)) : Json()}};
}

Json ErrorLine(const PictureLabel& picture, const absl::Status& status, const ErrorHints& hints) {
  return {{"image", picture.name}, {"category", picture.category}, {"error", ErrorToJson(status, hints)}};
}

Json ResultLine(const PictureLabel& picture, const Inspection& result) {
  Json line = {{"image", picture.name}};
  line.update(ResultToJson(result));
  if (result.regions_total.has_value()) {
    line["regions"] = RegionsToJson(result.regions);
    line["regions_total"] = *result.regions_total;
  }
  line["timings"] = TimingsToJson(result.timings);
  return line;
}

class JsonReporter final : public Reporter {
 public:
  explicit JsonReporter(std::ostream& stream) : stream_(stream) {}

  void Report(const PictureLabel& picture, const PictureOutcome& outcome) override {
    Json line = outcome.result.ok() ? ResultLine(picture, *outcome.result)
                                    : ErrorLine(picture, outcome.result.status(), outcome.hints);
    line["latency_seconds"] = absl::ToDoubleSeconds(outcome.latency);
    line["attempt"] = outcome.attempt;
    Print(line);
  }

  void ReportUnanswered(const PictureLabel& picture, const absl::Status& why, const ErrorHints& hints) override {
    Print(ErrorLine(picture, why, hints));
  }

  void Finish(absl::Duration) override {}

 private:
  void Print(const Json& line) { stream_ << line.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl; }

  std::ostream& stream_;
};

}  // namespace

std::unique_ptr<Reporter> MakeJsonReporter(std::ostream& stream) { return std::make_unique<JsonReporter>(stream); }

}  // namespace bayespfl
