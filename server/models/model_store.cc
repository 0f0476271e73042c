#include "server/models/model_store.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/models/work_thread.h"
#include "server/pipeline/warm_up.h"

namespace bayespfl::server {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxTasks = 16;
constexpr size_t kMaxFailures = 64;  // names that never served and are remembered for their error

absl::Status Stopping() { return absl::UnavailableError("the server is stopping"); }

absl::Status NotServed(const std::string& name) {
  if (absl::Status impossible = CheckModelName(name); !impossible.ok()) return impossible;
  return absl::NotFoundError(absl::StrCat("no model \"", name, "\" is loaded"));
}

}  // namespace

ModelStore::ModelStore(ModelStoreOptions options) : options_(std::move(options)) {}

ModelStore::~ModelStore() { Stop(); }

void ModelStore::Start() {
  thread_ = std::thread([this] {
    const absl::Status started = LoadFirst();
    if (options_.on_started) options_.on_started(started);
    RunTasks();
  });
}

void ModelStore::Stop() {
  {
    MutexLock lock(mu_);
    stop_ = true;
    changed_.NotifyAll();
  }
  MutexLock lock(stop_mu_);
  if (thread_.joinable()) thread_.join();
  RunTasks();  // answers what came before a start that never was
}

void ModelStore::RunTasks() {
  for (;;) {
    Task task;
    {
      MutexLock lock(mu_);
      while (tasks_.empty() && !stop_) changed_.Wait(mu_);
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    const absl::Status end = stop_ ? Stopping() : task.run();
    task.done(absl::IsCancelled(end) ? Stopping() : end);  // only a stop cancels a change
  }
}

void ModelStore::Enqueue(std::function<absl::Status()> run, Done done) {
  {
    MutexLock lock(mu_);
    if (tasks_.size() < kMaxTasks && !stop_) {
      tasks_.push_back({std::move(run), std::move(done)});
      changed_.NotifyAll();
      return;
    }
  }
  done(stop_ ? Stopping()
             : absl::ResourceExhaustedError(absl::StrCat(kMaxTasks, " changes of models are waiting already")));
}

void ModelStore::Load(const std::string& name, Done done) {
  Enqueue([this, name] { return LoadModel(name); }, std::move(done));
}

void ModelStore::Reload(Done done) {
  Enqueue(
      [this] {
        std::vector<std::string> names;
        {
          MutexLock lock(mu_);
          for (const auto& [name, model] : serving_.models) names.push_back(name);
        }
        absl::Status first;
        for (const std::string& name : names) first.Update(LoadModel(name));
        return first;
      },
      std::move(done));
}

void ModelStore::Unload(const std::string& name, Done done) {
  Enqueue([this, name] { return UnloadModel(name); }, std::move(done));
}

void ModelStore::SetDefault(const std::string& name, Done done) {
  Enqueue([this, name] { return MakeDefault(name); }, std::move(done));
}

std::vector<ModelStatus> ModelStore::List() const {
  MutexLock lock(mu_);
  std::vector<ModelStatus> models;
  for (const auto& [name, state] : states_) {
    models.push_back(state);
    models.back().is_default = name == serving_.default_model;
  }
  return models;
}

// All of them serve at the same moment, so that none answers for one that is still being loaded.
absl::Status ModelStore::LoadFirst() {
  std::vector<NamedReplicas> first;
  if (!options_.model.empty() || options_.model_root.empty()) {
    absl::StatusOr<NamedReplicas> own = LoadOwn();
    if (!own.ok()) return own.status();
    own_name_ = own->name;
    first.push_back(*std::move(own));
  }
  for (const std::string& name : options_.models) {
    if (name == own_name_) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", name, "\" is the name of the package in `model` and one of `models` too"));
    }
    const absl::StatusOr<std::string> folder = FolderOf(name);
    if (!folder.ok()) TellLoad(name, folder.status(), absl::ZeroDuration());
    absl::StatusOr<NamedReplicas> one = folder.ok() ? LoadNamed(name, folder) : folder.status();
    if (!one.ok()) {
      return absl::Status(one.status().code(), absl::StrCat("model \"", name, "\": ", one.status().message()));
    }
    first.push_back(*std::move(one));
  }
  const std::string& usual = options_.default_model;
  if (!usual.empty() && std::none_of(first.begin(), first.end(), [&](const auto& one) { return one.name == usual; })) {
    return NotServed(usual);
  }
  Serve(std::move(first), usual);
  return absl::OkStatus();
}

// Its name stands in the package.
absl::StatusOr<ModelStore::NamedReplicas> ModelStore::LoadOwn() {
  const absl::Time start = absl::Now();
  absl::StatusOr<Replicas> replicas = LoadPackage(options_.model);
  if (!replicas.ok()) {
    TellLoad("", replicas.status(), absl::Now() - start);
    return replicas.status();
  }
  std::string name = replicas->front()->info().name;
  return NamedReplicas{.name = std::move(name), .replicas = *std::move(replicas), .took = absl::Now() - start};
}

absl::Status ModelStore::LoadModel(const std::string& name) {
  const absl::StatusOr<std::string> folder = FolderOf(name);
  {
    MutexLock lock(mu_);
    // A made-up name leaves no trace; that a model which serves has lost its package is a failed load like any other.
    if (!folder.ok() && !serving_.models.contains(name)) return folder.status();
  }
  absl::StatusOr<NamedReplicas> loaded = LoadNamed(name, folder);
  if (!loaded.ok()) return loaded.status();
  std::vector<NamedReplicas> one;
  one.push_back(*std::move(loaded));
  Serve(std::move(one), /*default_model=*/"");
  return absl::OkStatus();
}

absl::StatusOr<ModelStore::NamedReplicas> ModelStore::LoadNamed(const std::string& name,
                                                                const absl::StatusOr<std::string>& folder) {
  const absl::Time start = absl::Now();
  {
    MutexLock lock(mu_);
    ModelStatus& state = states_[name];
    state.name = name;
    state.state = ModelState::kLoading;
  }
  absl::StatusOr<Replicas> replicas = folder.ok() ? LoadPackage(*folder) : folder.status();
  const absl::Duration took = absl::Now() - start;
  if (replicas.ok()) return NamedReplicas{.name = name, .replicas = *std::move(replicas), .took = took};
  NoteFailure(name, replicas.status());
  TellLoad(name, replicas.status(), took);
  return replicas.status();
}

void ModelStore::TellLoad(const std::string& name, const absl::Status& status, absl::Duration took) const {
  if (options_.on_load) options_.on_load(name, status, took);
}

// Only what lies directly below the root can be named, wherever links lead.
absl::StatusOr<std::string> ModelStore::FolderOf(const std::string& name) const {
  if (!own_name_.empty() && name == own_name_) return options_.model;
  const absl::Status valid = CheckModelName(name);
  if (!valid.ok()) return valid;
  const auto none = [&name] { return absl::NotFoundError(absl::StrCat("model_root has no package \"", name, "\"")); };
  if (options_.model_root.empty()) return none();
  std::error_code error;
  const fs::path root = fs::canonical(options_.model_root, error);
  if (error) return absl::NotFoundError(absl::StrCat("model_root cannot be read: ", error.message()));
  const fs::path folder = fs::canonical(root / name, error);
  if (error || !fs::is_directory(folder, error)) return none();
  const auto [end, rest] = std::mismatch(root.begin(), root.end(), folder.begin(), folder.end());
  if (end != root.end() || rest == folder.end()) {
    return absl::NotFoundError(absl::StrCat("the package \"", name, "\" leads out of model_root"));
  }
  return folder.string();
}

// At low priority beside models that serve; at the start nobody has to wait for anything else.
absl::StatusOr<Replicas> ModelStore::LoadPackage(const std::string& folder) const {
  absl::StatusOr<Replicas> replicas = absl::UnknownError("not loaded");
  RunOnOwnThread(Serves() ? WorkPriority::kLow : WorkPriority::kNormal, [&] { replicas = LoadAndWarmUp(folder); });
  return replicas;
}

bool ModelStore::Serves() const {
  MutexLock lock(mu_);
  return !serving_.models.empty();
}

absl::StatusOr<Replicas> ModelStore::LoadAndWarmUp(const std::string& folder) const {
  absl::StatusOr<Replicas> replicas = options_.loader(folder);
  if (!replicas.ok()) return replicas;
  for (const std::shared_ptr<Replica>& replica : *replicas) {
    const absl::Status warm = WarmUp(*replica->detector(), options_.max_batch, stop_);
    if (!warm.ok()) return absl::Status(warm.code(), absl::StrCat("the warm-up failed: ", warm.message()));
  }
  return replicas;
}

void ModelStore::Serve(std::vector<NamedReplicas> models, const std::string& default_model) {
  std::vector<std::shared_ptr<ModelNotes>> notes;
  for (const NamedReplicas& one : models) {
    notes.push_back(options_.notes_of ? options_.notes_of(one.name, one.replicas.size()) : nullptr);
  }
  {
    MutexLock lock(mu_);
    for (size_t i = 0; i < models.size(); ++i) {
      NamedReplicas& one = models[i];
      auto model = std::make_shared<ServedModel>(one.name, std::move(one.replicas), std::move(notes[i]));
      states_[one.name] = {.name = one.name,
                           .state = ModelState::kReady,
                           .info = model->info(),
                           .loaded_at = absl::Now(),
                           .last_load = absl::OkStatus()};
      serving_.models[one.name] = std::move(model);
      if (serving_.default_model.empty()) serving_.default_model = one.name;
    }
    if (!default_model.empty()) serving_.default_model = default_model;
  }
  Publish();
  for (const NamedReplicas& one : models) TellLoad(one.name, absl::OkStatus(), one.took);
}

absl::Status ModelStore::UnloadModel(const std::string& name) {
  {
    MutexLock lock(mu_);
    if (!serving_.models.contains(name)) return NotServed(name);
    if (serving_.default_model == name) {
      return absl::FailedPreconditionError(
          absl::StrCat("\"", name, "\" is the default model; make another one the default first"));
    }
    serving_.models.erase(name);
    states_.erase(name);
  }
  Publish();
  return absl::OkStatus();
}

absl::Status ModelStore::MakeDefault(const std::string& name) {
  {
    MutexLock lock(mu_);
    if (!serving_.models.contains(name)) return NotServed(name);
    serving_.default_model = name;
  }
  Publish();
  return absl::OkStatus();
}

void ModelStore::NoteFailure(const std::string& name, const absl::Status& status) {
  MutexLock lock(mu_);
  ModelStatus& state = states_[name];
  state.last_load = status;
  state.state = serving_.models.contains(name) ? ModelState::kReady : ModelState::kFailed;
  // Whoever tries many names must not fill the memory with them.
  const auto failures = std::count_if(states_.begin(), states_.end(),
                                      [](const auto& entry) { return entry.second.state == ModelState::kFailed; });
  if (static_cast<size_t>(failures) <= kMaxFailures) return;
  const auto another = std::find_if(states_.begin(), states_.end(), [&name](const auto& entry) {
    return entry.second.state == ModelState::kFailed && entry.first != name;
  });
  states_.erase(another);
}

void ModelStore::Publish() const {
  ModelSet models;
  {
    MutexLock lock(mu_);
    models = serving_;
  }
  options_.publish(models);
}

}  // namespace bayespfl::server
