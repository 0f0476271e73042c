#include "model/training/training_state_json.h"

#include <cstddef>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/package/json_object_reader.h"
#include "nlohmann/json.hpp"

namespace bayespfl {
namespace {

using nlohmann::ordered_json;

constexpr int64_t kSchemaVersion = 3;
constexpr int64_t kMost = int64_t{1} << 53;
constexpr double kLargest = std::numeric_limits<double>::max();

ordered_json Format(const LossValues& loss) {
  ordered_json object;
  for (const LossColumn& column : kLossColumns) object[column.name] = loss.*column.value;
  return object;
}

LossValues ReadLoss(JsonObjectReader reader) {
  LossValues loss;
  for (const LossColumn& column : kLossColumns) loss.*column.value = reader.Number(column.name, -kLargest, kLargest);
  reader.Done();
  return loss;
}

ordered_json Format(const TrainingCourse& course) {
  return {{"stage", course.stage},
          {"epochs", course.epochs},
          {"best", course.best},
          {"patience", course.patience},
          {"finished", course.finished}};
}

TrainingCourse ReadCourse(JsonObjectReader reader) {
  const TrainingCourse course = {.stage = static_cast<int>(reader.Integer("stage", 0, 2)),
                                 .epochs = reader.Integer("epochs", 0, kMost),
                                 .best = reader.Number("best", 0, 1),
                                 .patience = reader.Integer("patience", 0, kMost),
                                 .finished = reader.Boolean("finished")};
  reader.Done();
  return course;
}

ordered_json Format(const EpochRecord& record) {
  return {{"epoch", record.epoch},
          {"stage", record.stage},
          {"loss", Format(record.loss)},
          {"pixel_ap", record.validation.pixel_ap},
          {"image_ap", record.validation.image_ap},
          {"kept", record.kept}};
}

EpochRecord ReadRecord(JsonObjectReader reader) {
  EpochRecord record;
  record.epoch = reader.Integer("epoch", 1, kMost);
  record.stage = static_cast<int>(reader.Integer("stage", 0, 2));
  record.loss = ReadLoss(reader.Object("loss"));
  record.validation.pixel_ap = reader.Number("pixel_ap", 0, 1);
  record.validation.image_ap = reader.Number("image_ap", 0, 1);
  record.kept = reader.Boolean("kept");
  reader.Done();
  return record;
}

}  // namespace

std::string FormatTrainingState(const TrainingStateText& text) {
  const TrainingState& state = text.state;
  ordered_json history = ordered_json::array();
  for (const EpochRecord& record : state.history) history.push_back(Format(record));
  const ordered_json object = {{"schema_version", kSchemaVersion},
                               {"identity", text.identity},
                               {"step", state.step},
                               {"batch", state.batch},
                               {"course", Format(state.course)},
                               {"loss_sum", Format(state.loss_sum)},
                               {"history", std::move(history)},
                               {"files", text.digests}};
  return object.dump(2) + "\n";
}

absl::StatusOr<TrainingStateText> ParseTrainingState(absl::string_view json_text, const std::string& file) {
  const absl::StatusOr<nlohmann::json> object = ParseJsonObject(json_text, file);
  if (!object.ok()) return object.status();
  absl::Status status;
  JsonObjectReader reader(&*object, file, "", &status);
  TrainingStateText text;
  reader.Integer("schema_version", kSchemaVersion, kSchemaVersion);
  text.identity = reader.StringMap("identity");
  text.state.step = reader.Integer("step", 0, kMost);
  text.state.batch = reader.Integer("batch", 0, kMost);
  text.state.course = ReadCourse(reader.Object("course"));
  text.state.loss_sum = ReadLoss(reader.Object("loss_sum"));
  text.digests = reader.StringMap("files");
  reader.Ignore("history");
  const auto history = object->find("history");
  if (history == object->end() || !history->is_array()) {
    reader.Fail("history", "must be an array");
  } else {
    for (size_t i = 0; i < history->size(); ++i) {
      const nlohmann::json& record = (*history)[i];
      text.state.history.push_back(
          ReadRecord({record.is_object() ? &record : nullptr, file, absl::StrCat("history[", i, "]"), &status}));
      if (!record.is_object()) reader.Fail("history", "must hold objects");
    }
  }
  reader.Done();
  if (!status.ok()) return status;
  return text;
}

}  // namespace bayespfl
