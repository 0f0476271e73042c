// Where the model comes from: loads it in the background, warms it up, and only then hands it over.
#ifndef BAYESPFL_SERVER_RUNTIME_MODEL_STORE_H_
#define BAYESPFL_SERVER_RUNTIME_MODEL_STORE_H_

#include <functional>
#include <memory>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/pipeline/executor.h"
#include "server/pipeline/mutex.h"

namespace bayespfl::server {

// Loads a model; may take long. Called on the store's thread.
using ModelLoader = std::function<absl::StatusOr<std::shared_ptr<Executor>>()>;

// Runs one synthetic picture, so that the first client does not wait for lazy initialisation, and so that a model that
// cannot run is found before it serves. The executor's error when it fails.
absl::Status WarmUp(Executor& executor);

// Thread-safe.
class ModelStore {
 public:
  using OnLoaded = std::function<void(absl::StatusOr<std::shared_ptr<Executor>>)>;

  // Starts to load. `on_loaded` is called once, from the store's thread, with the warmed-up model or the reason why
  // there is none.
  ModelStore(ModelLoader loader, OnLoaded on_loaded);
  ~ModelStore();  // waits for the loading to end: it cannot be interrupted
  ModelStore(const ModelStore&) = delete;
  ModelStore& operator=(const ModelStore&) = delete;

  // OK: loaded. Unavailable: still loading. Else the reason why loading failed.
  absl::Status state() const;

 private:
  void Load(const ModelLoader& loader, const OnLoaded& on_loaded);

  mutable Mutex mu_;
  absl::Status state_ ABSL_GUARDED_BY(mu_) = absl::UnavailableError("the model is loading");
  std::thread thread_;  // last: it uses the rest
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_MODEL_STORE_H_
