#include <nlohmann/json.hpp>

#include "base/shortest_decimal.h"
#include "client/cpp/report.h"

namespace bayespfl::client {
namespace {

using Json = nlohmann::ordered_json;

Json StageSeconds(const inspection::v1::StageSeconds& seconds) {
  return {{"queue", seconds.queue()},
          {"decode", seconds.decode()},
          {"preprocess", seconds.preprocess()},
          {"vision", seconds.vision()},
          {"prompts", seconds.prompts()},
          {"detect", seconds.detect()},
          {"postprocess", seconds.postprocess()},
          {"render", seconds.render()},
          {"total", seconds.total()}};
}

Json Head(const Input& input) { return {{"image", input.name}, {"category", input.category}}; }

Json Error(const absl::Status& status) {
  return {{"code", absl::StatusCodeToString(status.code())}, {"message", std::string(status.message())}};
}

class JsonReporter final : public Reporter {
 public:
  explicit JsonReporter(std::ostream& stream) : stream_(stream) {}

  void Report(const Input& input, const Outcome& outcome) override {
    if (!outcome.result.ok()) return ReportUnanswered(input, outcome.result.status());
    const inspection::v1::InspectResponse& result = *outcome.result;
    Json line = Head(input);
    line["score"] = ShortestDecimal(result.score());
    line["score_std"] = ShortestDecimal(result.score_std());
    line["text_score"] = ShortestDecimal(result.text_score());
    line["map_score"] = ShortestDecimal(result.map_score());
    line["mask_area_pixels"] = result.mask_area_pixels();
    line["mask_area_fraction"] = result.mask_area_fraction();
    line["mask_threshold"] = ShortestDecimal(result.mask_threshold());
    line["calibrated"] = result.calibrated();
    line["score_threshold"] = result.has_score_threshold() ? Json(ShortestDecimal(result.score_threshold())) : Json();
    line["seed"] = result.seed();
    line["samples"] = result.samples();
    line["model_version"] = result.model_version();
    line["latency_seconds"] = absl::ToDoubleSeconds(outcome.latency);
    line["stage_seconds"] = StageSeconds(result.seconds());
    Print(line);
  }

  void ReportUnanswered(const Input& input, const absl::Status& why) override {
    Json line = Head(input);
    line["error"] = Error(why);
    Print(line);
  }

  void Finish(const RunSummary&) override {}

 private:
  void Print(const Json& line) { stream_ << line.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl; }

  std::ostream& stream_;
};

}  // namespace

std::unique_ptr<Reporter> MakeJsonReporter(std::ostream& stream) { return std::make_unique<JsonReporter>(stream); }

}  // namespace bayespfl::client
