// Where the model comes from: loads it in the background, warms it up, and only then hands it over.
#ifndef BAYESPFL_SERVER_RUNTIME_MODEL_STORE_H_
#define BAYESPFL_SERVER_RUNTIME_MODEL_STORE_H_

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/pipeline/executor.h"
#include "server/pipeline/mutex.h"

namespace bayespfl::server {

// Loads a model; may take long. Called on the store's thread.
using ModelLoader = std::function<absl::StatusOr<Replicas>()>;

// Runs batches of 1 to `max_batch` synthetic pictures, so that no client waits for lazy initialisation, and so that a
// model that cannot run is found before it serves. The executor's error when it fails; Cancelled when `stop` turned
// true.
absl::Status WarmUp(Executor& executor, int max_batch, const std::atomic<bool>& stop);

// Thread-safe.
class ModelStore {
 public:
  using OnLoaded = std::function<void(absl::StatusOr<Replicas>)>;

  // Starts to load. `on_loaded` is called once, from the store's thread, with the warmed-up model or the reason why
  // there is none.
  ModelStore(ModelLoader loader, int max_batch, OnLoaded on_loaded);
  ~ModelStore();  // ends the warm-up after the batch under way; the loading itself cannot be interrupted
  ModelStore(const ModelStore&) = delete;
  ModelStore& operator=(const ModelStore&) = delete;

  // OK: loaded. Unavailable: still loading. Else the reason why loading failed.
  absl::Status state() const;

 private:
  void Load(const ModelLoader& loader, int max_batch, const OnLoaded& on_loaded);

  mutable Mutex mu_;
  absl::Status state_ ABSL_GUARDED_BY(mu_) = absl::UnavailableError("the model is loading");
  std::atomic<bool> stop_{false};
  std::thread thread_;  // last: it uses the rest
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_MODEL_STORE_H_
