#include "model/training/training_state.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/files.h"
#include "model/package/staged_folder.h"
#include "model/training/tensor_file.h"
#include "model/training/training_state_json.h"

namespace bayespfl {

namespace fs = std::filesystem;

namespace {

constexpr absl::string_view kPrefix = "step-";
constexpr char kWeights[] = "weights.safetensors";
constexpr char kOptimiser[] = "optimiser.safetensors";
constexpr char kBest[] = "best.safetensors";
constexpr char kStateFile[] = "state.json";
constexpr size_t kMaxStateBytes = 16U << 20;

// Digits enough that names sort as numbers do. The state after an epoch's last step has another name than the one after
// its validation: so no state is ever replaced, which not every file system does in one step.
std::string NameOf(const TrainingState& state) {
  return absl::StrFormat("%s%012d%s", kPrefix, state.step, state.batch == 0 ? ".validated" : "");
}

// Names of the folders below `folder` that begin with `prefix`, sorted.
std::vector<std::string> Folders(const std::string& folder, absl::string_view prefix) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (absl::StartsWith(name, prefix) && entry->is_directory(error)) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status Remove(const std::string& folder) {
  std::error_code error;
  fs::remove_all(folder, error);
  return error ? FileError("remove", folder, error.value()) : absl::OkStatus();
}

absl::Status WriteFiles(const TrainingState& state, const RunIdentity& identity, StagedFolder& folder) {
  TrainingStateText text = {.identity = identity, .digests = {}, .state = state};
  for (const auto& [file, tensors] :
       {std::pair(kWeights, &state.weights), std::pair(kOptimiser, &state.optimiser), std::pair(kBest, &state.best)}) {
    if (tensors->empty() && absl::string_view(file) == kBest) continue;
    absl::StatusOr<std::string> digest = WriteTensors(folder.Path(file), *tensors);
    if (!digest.ok()) return digest.status();
    text.digests.emplace(file, *std::move(digest));
  }
  return folder.Write(kStateFile, FormatTrainingState(text));
}

absl::Status ReadFiles(const std::string& folder, TrainingStateText& text) {
  for (const auto& [file, tensors] :
       {std::pair(kWeights, &text.state.weights), std::pair(kOptimiser, &text.state.optimiser),
        std::pair(kBest, &text.state.best)}) {
    const auto digest = text.digests.find(file);
    if (digest == text.digests.end()) {
      if (absl::string_view(file) == kBest) continue;
      return absl::DataLossError(absl::StrCat(folder, "/", kStateFile, " does not name ", file));
    }
    absl::StatusOr<TensorMap> read = ReadTensors(absl::StrCat(folder, "/", file), digest->second);
    if (!read.ok()) return absl::DataLossError(read.status().message());
    *tensors = *std::move(read);
  }
  return absl::OkStatus();
}

// What of `was` is otherwise in `is`, for people; empty: nothing.
std::string Differences(const RunIdentity& was, const RunIdentity& is) {
  const auto value = [](const RunIdentity& facts, const std::string& name) {
    const auto found = facts.find(name);
    return found == facts.end() ? std::string("nothing") : found->second;
  };
  RunIdentity both = was;
  both.insert(is.begin(), is.end());
  std::vector<std::string> differences;
  for (const auto& [name, unused] : both) {
    const std::string before = value(was, name);
    const std::string now = value(is, name);
    if (before != now) differences.push_back(absl::StrCat(name, " was ", before, " and is ", now));
  }
  return absl::StrJoin(differences, "; ");
}

}  // namespace

absl::StatusOr<std::unique_ptr<TrainingStateFolder>> TrainingStateFolder::Open(const std::string& folder,
                                                                               RunIdentity identity, int keep) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return FileError("make the folder", folder, error.value());
  const std::string lock_file = folder + "/lock";
  const int lock = open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock < 0) return FileError("open", lock_file, errno);
  std::unique_ptr<TrainingStateFolder> result(new TrainingStateFolder(folder, std::move(identity), keep, lock));
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return FileError("lock", lock_file, errno);
    return absl::FailedPreconditionError(absl::StrCat(folder, " is in use by another training run"));
  }
  // StagedFolder's temporary names.
  for (const std::string& name : Folders(folder, absl::StrCat(".", kPrefix))) {
    if (absl::Status status = Remove(absl::StrCat(folder, "/", name)); !status.ok()) return status;
  }
  return result;
}

TrainingStateFolder::~TrainingStateFolder() { close(lock_); }

absl::Status TrainingStateFolder::Save(const TrainingState& state) {
  auto staged = StagedFolder::Create(absl::StrCat(folder_, "/", NameOf(state)), /*replace=*/true);
  if (!staged.ok()) return staged.status();
  if (absl::Status status = WriteFiles(state, identity_, **staged); !status.ok()) return status;
  if (absl::Status status = (*staged)->Commit(); !status.ok()) return status;
  return RemoveOld();
}

absl::Status TrainingStateFolder::RemoveOld() const {
  std::vector<std::string> names = Folders(folder_, kPrefix);
  const auto kept = static_cast<size_t>(keep_);
  for (size_t i = 0; i + kept < names.size(); ++i) {
    // An interrupted removal leaves a part of an old state, never of the newest one.
    if (absl::Status status = Remove(absl::StrCat(folder_, "/", names[i])); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<TrainingState> TrainingStateFolder::LoadFrom(const std::string& state) const {
  const std::string file = absl::StrCat(state, "/", kStateFile);
  const absl::StatusOr<std::string> json = ReadFile(file, kMaxStateBytes);
  if (!json.ok()) return absl::DataLossError(json.status().message());
  absl::StatusOr<TrainingStateText> text = ParseTrainingState(*json, file);
  if (!text.ok()) return absl::DataLossError(text.status().message());
  if (const std::string differences = Differences(text->identity, identity_); !differences.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(state, " is of another run: ", differences, "; set that back, or train into another folder"));
  }
  if (absl::Status status = ReadFiles(state, *text); !status.ok()) return status;
  return std::move(text->state);
}

absl::StatusOr<std::optional<TrainingState>> TrainingStateFolder::Load() const {
  const std::vector<std::string> names = Folders(folder_, kPrefix);
  if (names.empty()) return std::nullopt;
  const std::string newest = absl::StrCat(folder_, "/", names.back());
  absl::StatusOr<TrainingState> state = LoadFrom(newest);
  if (state.ok()) return *std::move(state);
  if (!absl::IsDataLoss(state.status()) || names.size() == 1) return state.status();
  // Not by itself: people should know that the disk fails.
  return absl::DataLossError(absl::StrCat(state.status().message(), ": this state is damaged; remove ", newest,
                                          " to go on from ", names[names.size() - 2], " with the same results"));
}

}  // namespace bayespfl
