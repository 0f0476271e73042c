// What a pipeline is made with.
#ifndef BAYESPFL_SERVER_PIPELINE_PIPELINE_OPTIONS_H_
#define BAYESPFL_SERVER_PIPELINE_PIPELINE_OPTIONS_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "model/image/decode.h"
#include "server/pipeline/fault_injector.h"
#include "server/pipeline/observer.h"
#include "server/pipeline/server_state.h"

namespace bayespfl::server {

struct PipelineOptions {
  ImageLimits image_limits;
  int max_frames_in_flight = 64;                     // >= 1, frames accepted and not answered yet; more are refused
  int64_t max_bytes_in_flight = int64_t{512} << 20;  // >= 1, of their pictures as they came; more are refused. As many
                                                     // may wait to be accepted
  int max_frames_in_flight_per_client = 0;           // >= 0, of one FrameRequest::client; 0: no limit of its own
  int64_t max_bytes_in_flight_per_client = 0;        // >= 0, likewise
  int max_frames_waiting = 256;                      // >= 0, with FrameRequest::on_entered that wait to be accepted
  int64_t max_decoded_bytes = int64_t{1} << 30;      // >= 1, of decoded pictures that wait for the model, counted as
                                                     // they are prepared for it, and as many of maps that wait to be
                                                     // encoded; then the stage before them waits (a single larger one
                                                     // may wait alone)
  int64_t max_working_bytes = int64_t{1} << 30;      // >= 1, of pictures that are being decoded and of maps that are
                                                     // being encoded; then a frame's decoding or encoding waits for
                                                     // others to be done (a single larger one may run alone)
  int max_batch = 4;                                 // >= 1, frames of the model's usual number of samples that it
                                                     // takes in one call
  std::chrono::microseconds max_delay{0};            // how long a replica that was busy waits for a batch to fill
  std::chrono::milliseconds max_batch_time{0};       // after which a batch's device counts as hung; 0: it never does
  int replicas = 1;                                  // >= 1, of each model
  int decode_threads = 1;                            // >= 1
  int render_threads = 1;                            // >= 1
  std::shared_ptr<FaultInjector> faults = nullptr;   // null: none
  std::string server_version = {};                   // of the program, for results' provenance

  // Says whether frames may still come in. Null: one of the pipeline's own, in which nothing happens but its stop.
  std::shared_ptr<ServerState> state = nullptr;

  // Called when a replica was given up, hangs, or has come back after that: what Pipeline::Ready() says may be another.
  // From a thread of the pipeline. May be empty.
  std::function<void()> on_replica_change = {};

  // Called when a replica has been at something for longer than max_batch_time, from a thread of the pipeline. May be
  // empty.
  std::function<void(const std::string& model, size_t replica, ReplicaWork work)> on_overdue = {};

  // Asked whether a client may send so many frames (>= 1) now, all of them or none; an error is the refusal,
  // InvalidArgument when so many will never be let in together. Called from many threads at once. Empty: every client
  // may.
  std::function<absl::Status(const std::string& client, size_t frames)> admit = {};
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_PIPELINE_OPTIONS_H_
