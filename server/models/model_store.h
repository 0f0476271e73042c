// The models that are served: loads them beside those that serve, warms them up, and only then swaps.
#ifndef BAYESPFL_SERVER_MODELS_MODEL_STORE_H_
#define BAYESPFL_SERVER_MODELS_MODEL_STORE_H_

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "server/pipeline/replica.h"
#include "server/pipeline/served_model.h"

namespace bayespfl::server {

// Loads the package in a folder; may take long. Called by one thread at a time, a thread of its own that ends then.
using ModelLoader = std::function<absl::StatusOr<Replicas>(const std::string& package_dir)>;

struct ModelStoreOptions {
  std::string model = {};       // folder of a package that is loaded first and served under its own name; may be
                                // empty when there is a root
  std::string model_root = {};  // folder whose sub-folders may be loaded, each served under its folder's name; empty:
                                // none may
  std::vector<std::string> models = {};  // of model_root, loaded first
  std::string default_model = {};        // empty: the first that is loaded
  int max_batch = 1;                     // >= 1; batches up to this size are run before a model serves
  ModelLoader loader = {};

  // Called with the models that serve from now on, from the store's thread.
  std::function<void(const ModelSet&)> publish = {};
  // Called once, when the models that are loaded first serve, or with the reason why one of them does not. May be
  // empty.
  std::function<void(const absl::Status&)> on_started = {};
  // Called after every attempt to load a model, with how long loading and warm-up took. `name` is one that serves, that
  // model_root has, or that `models` names; empty for a package in `model` that could not be loaded. May be empty.
  std::function<void(const std::string& name, const absl::Status&, absl::Duration took)> on_load = {};
  // What the ServedModel of a model with so many replicas is made with, just before it serves. May be empty.
  std::function<std::shared_ptr<ModelNotes>(const std::string& name, size_t replicas)> notes_of = {};
};

enum class ModelState {
  kReady,    // serves
  kLoading,  // is loaded; the one before it, if there was one, serves meanwhile
  kFailed,   // could not be loaded, and there is none of that name
};

// What is known of one model.
struct ModelStatus {
  std::string name;
  ModelState state = ModelState::kLoading;
  bool is_default = false;
  std::optional<ModelInfo> info = std::nullopt;  // of the one that serves
  absl::Time loaded_at = absl::InfinitePast();   // when it began to serve
  absl::Status last_load = {};                   // how the last attempt to load it ended
};

// Changes happen one after the other, on a thread of the store's own. Thread-safe.
class ModelStore {
 public:
  using Done = std::function<void(const absl::Status&)>;

  explicit ModelStore(ModelStoreOptions options);
  ~ModelStore();  // Stop()
  ModelStore(const ModelStore&) = delete;
  ModelStore& operator=(const ModelStore&) = delete;

  // Begins to load what is loaded first: all of it serves at the same moment, or none. Call it once; changes that come
  // earlier wait for it.
  void Start();

  // Ends a warm-up after the batch under way and waits for it; the loading itself cannot be interrupted. Changes that
  // have not begun, and later ones, end with Unavailable. May be called again, but not from a callback.
  void Stop();

  // Each of these returns at once; `done` is called once, from the store's thread or, when too many changes wait
  // (ResourceExhausted) or the store has stopped, before the return.

  // Loads a model, or loads it anew. On any error the one that serves under that name goes on. InvalidArgument: no such
  // name can be. NotFound: the root has no such package. Else as the loader says.
  void Load(const std::string& name, Done done);
  // Loads anew every model that serves. The first error, after all were tried.
  void Reload(Done done);
  // InvalidArgument: no such name can be. NotFound: it does not serve. FailedPrecondition: it is the default.
  void Unload(const std::string& name, Done done);
  // InvalidArgument: no such name can be. NotFound: it does not serve.
  void SetDefault(const std::string& name, Done done);

  // By name.
  std::vector<ModelStatus> List() const;

 private:
  struct Task {
    std::function<absl::Status()> run;
    Done done;
  };

  struct NamedReplicas {
    std::string name;
    Replicas replicas;
    absl::Duration took;
  };

  void RunTasks();
  void Enqueue(std::function<absl::Status()> run, Done done);
  absl::Status LoadFirst();
  absl::Status LoadModel(const std::string& name);
  absl::StatusOr<NamedReplicas> LoadOwn();
  absl::StatusOr<NamedReplicas> LoadNamed(const std::string& name, const absl::StatusOr<std::string>& folder);
  absl::StatusOr<std::string> FolderOf(const std::string& name) const;
  absl::StatusOr<Replicas> LoadPackage(const std::string& folder) const;
  bool Serves() const;
  absl::StatusOr<Replicas> LoadAndWarmUp(const std::string& folder) const;
  void Serve(std::vector<NamedReplicas> models, const std::string& default_model);
  absl::Status UnloadModel(const std::string& name);
  absl::Status MakeDefault(const std::string& name);
  void NoteFailure(const std::string& name, const absl::Status& status);
  void TellLoad(const std::string& name, const absl::Status& status, absl::Duration took) const;
  void Publish() const;

  const ModelStoreOptions options_;
  std::string own_name_;  // of options_.model, once it was loaded; only the store's thread uses it

  mutable Mutex mu_;
  CondVar changed_;
  ModelSet serving_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, ModelStatus> states_ ABSL_GUARDED_BY(mu_);
  std::deque<Task> tasks_ ABSL_GUARDED_BY(mu_);
  std::atomic<bool> stop_{false};
  Mutex stop_mu_;       // held while Stop() joins
  std::thread thread_;  // last: it uses the rest
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_MODELS_MODEL_STORE_H_
