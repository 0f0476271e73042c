// A frame inside the pipeline.
#ifndef BAYESPFL_SERVER_PIPELINE_JOB_H_
#define BAYESPFL_SERVER_PIPELINE_JOB_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "model/detection/detector.h"
#include "model/verdict/categories.h"
#include "server/pipeline/frame.h"
#include "server/pipeline/served_model.h"
#include "server/pipeline/steady_time.h"

namespace bayespfl::server {

using FrameId = uint64_t;  // unique within a pipeline

// Where a frame may wait that is skipped.
enum class SkipFrom { kBeforeModel, kAnyLine };

// Wall-clock seconds of one frame, but for those that the model takes.
struct FrameSeconds {
  double queue = 0;  // waiting in all queues together
  double decode = 0;
  double render = 0;
};

// What is known of the frame, filled in by the stages that it passes. Owned by exactly one line or thread at a time, so
// it needs no lock.
struct Job {
  FrameId id = 0;
  FrameRequest request;
  int64_t bytes = 0;  // of the picture as it came
  bool has_slot = false;
  SteadyTime deadline;  // of request.deadline
  SteadyTime rank;      // its place in every line
  std::function<void(FrameResult)> done;
  std::shared_ptr<ServedModel> model;             // that admitted it
  SteadyTime queued;                              // when it entered the line it is in
  int64_t queued_bytes = 0;                       // what it weighs there
  std::unique_ptr<const PreparedFrame> prepared;  // from decoding until the model has computed it
  size_t most_together = SIZE_MAX;                // frames in a batch with it, itself included
  int failures = 0;                               // of the model's calls for it alone
  CategorySetting setting;                        // what the frame is inspected with
  ComputedFrame computed;                         // from the model until it is rendered
  FrameSeconds seconds;
  InspectionOutcome outcome;
};
using JobPtr = std::unique_ptr<Job>;

// R of the frame, which is at least 1. Requires its model and setting.
inline int SamplesOf(const Job& job) {
  return std::max(1, job.setting.samples == 0 ? job.model->info().default_samples : job.setting.samples);
}

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_JOB_H_
