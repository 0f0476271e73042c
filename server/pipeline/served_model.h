// A model as the pipeline sees it: its replicas, and which of them still work.
#ifndef BAYESPFL_SERVER_PIPELINE_SERVED_MODEL_H_
#define BAYESPFL_SERVER_PIPELINE_SERVED_MODEL_H_

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/detection/detector.h"
#include "model/package/calibration.h"
#include "model/verdict/categories.h"
#include "server/pipeline/replica.h"

namespace bayespfl::server {

inline constexpr size_t kMaxModelNameBytes = 128;

// "leather-v2": 1 to kMaxModelNameBytes letters, digits, '.', '_' and '-', the first a letter or digit. InvalidArgument
// otherwise.
absl::Status CheckModelName(absl::string_view name);

// What an observer of the pipeline keeps of a model, so that it need not be looked up for each frame. Only the observer
// that made it looks inside.
class ModelNotes {
 public:
  virtual ~ModelNotes() = default;
};

// Frames keep the model that admitted them until they are answered, so that a model that was replaced lives on for
// them. Thread-safe.
class ServedModel {
 public:
  // `name` is what requests call it; `replicas`, at least one, belongs to nobody else: the pipeline's n-th thread runs
  // the n-th. `notes` may be null.
  ServedModel(std::string name, Replicas replicas, std::shared_ptr<ModelNotes> notes = nullptr)
      : name_(std::move(name)),
        replicas_(std::move(replicas)),
        notes_(std::move(notes)),
        categories_(MakeCategoryTable(info().default_thresholds, info().categories)) {}
  ServedModel(const ServedModel&) = delete;
  ServedModel& operator=(const ServedModel&) = delete;

  const std::string& name() const { return name_; }
  const ModelInfo& info() const { return replicas_.front()->info(); }

  ModelNotes* notes() const { return notes_.get(); }

  // What a frame of the category is inspected with.
  CategorySetting Resolve(const CategoryRequest& category) const { return categories_.Resolve(category); }

  // What needs no device, as FrameHandler says: also while replicas are rebuilt, and when they are lost.
  absl::Status Validate(const CategoryRequest& category) const {
    const CategorySetting setting = Resolve(category);
    return replicas_.front()->frame_handler().Validate(setting.object, setting.samples);
  }
  absl::StatusOr<std::unique_ptr<const PreparedFrame>> Prepare(const bayespfl::Frame& frame) const {
    return replicas_.front()->frame_handler().Prepare(frame);
  }
  Detection Finish(ComputedFrame frame) const { return replicas_.front()->frame_handler().Finish(std::move(frame)); }

  Replica& replica(size_t replica) const { return *replicas_[replica]; }

  size_t replicas() const { return replicas_.size(); }

  // Whether this replica computes now, and whether it does or will when it has been rebuilt.
  bool Ready(size_t replica) const { return replica < replicas_.size() && replicas_[replica]->ready(); }
  bool Works(size_t replica) const { return replica < replicas_.size() && replicas_[replica]->works(); }

 private:
  const std::string name_;
  const Replicas replicas_;
  const std::shared_ptr<ModelNotes> notes_;
  const CategoryTable categories_;
};

// The models that requests can name, and the one that answers those which name none.
struct ModelSet {
  std::map<std::string, std::shared_ptr<ServedModel>, std::less<>> models;  // by name
  std::string default_model;                                                // one of `models`; empty: there are none
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_SERVED_MODEL_H_
