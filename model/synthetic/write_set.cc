#include "model/synthetic/write_set.h"

#include <atomic>
#include <string>
#include <system_error>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/files.h"
#include "base/mutex.h"
#include "base/sha256.h"
#include "model/image/encode.h"

namespace bayespfl::synthetic {
namespace {

namespace fs = std::filesystem;

absl::Status WriteScene(const fs::path& folder, const Family& family, int64_t number, const Scene& scene) {
  const LabelledPicture& labelled = scene.labelled;
  const fs::path category = folder / std::string(family.name);
  const std::string kind = scene.defect.empty() ? "good" : scene.defect;
  const std::string name = absl::StrFormat("%03d", number);
  const absl::StatusOr<std::string> picture = EncodePng(labelled.picture);
  if (!picture.ok()) return picture.status();
  if (absl::Status status = WriteFile(category / "test" / kind / (name + ".png"), *picture); !status.ok())
    return status;
  if (scene.defect.empty()) return absl::OkStatus();
  const absl::StatusOr<std::string> mask =
      EncodePng(PngSamples::kGray8, labelled.picture.width, labelled.picture.height, labelled.mask);
  if (!mask.ok()) return mask.status();
  return WriteFile(category / "ground_truth" / kind / (name + "_mask.png"), *mask);
}

absl::Status MakeAndWrite(const fs::path& folder, const Family& family, int64_t number, const SetOptions& options) {
  const absl::StatusOr<Scene> scene = MakeScene(family, number >= options.good, options.scene,
                                                SceneDraws(options.seed, family, 0, static_cast<uint64_t>(number)));
  if (!scene.ok()) {
    return absl::Status(scene.status().code(), absl::StrCat("picture ", number, ": ", scene.status().message()));
  }
  return WriteScene(folder, family, number, *scene);
}

absl::Status RequireEmpty(const fs::path& folder) {
  std::error_code error;
  const bool empty = !fs::exists(folder, error) || fs::is_empty(folder, error);
  if (error) return absl::UnknownError(absl::StrCat("cannot list ", folder.string(), ": ", error.message()));
  if (!empty) return absl::AlreadyExistsError(absl::StrCat(folder.string(), " is there and not empty"));
  return absl::OkStatus();
}

// What the threads have in common: how far they are, and the first error.
class Tally {
 public:
  Tally(int64_t total, const WritingObserver& observer) : total_(total), observer_(observer) {}

  // False: there is no use in going on.
  bool Note(const absl::Status& status) {
    const MutexLock lock(mu_);
    if (status.ok()) {
      ++done_;
      if (observer_) observer_(done_, total_);
    } else if (first_error_.ok()) {
      first_error_ = status;
    }
    return first_error_.ok();
  }
  absl::Status first_error() {
    const MutexLock lock(mu_);
    return first_error_;
  }

 private:
  const int64_t total_;
  const WritingObserver& observer_;
  Mutex mu_;
  int64_t done_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Status first_error_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

Draws SceneDraws(uint64_t seed, const Family& family, uint64_t epoch, uint64_t number) {
  // The family's name and the epoch become one 64-bit word, since a key has room for two.
  const std::string digest = Sha256Hex(absl::StrCat(family.name, " ", epoch));
  uint64_t word = 0;
  for (const char digit : digest.substr(0, 16)) {
    word = word << 4 | static_cast<uint64_t>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
  }
  return {seed, PictureDraw::kScene, word, number};
}

absl::Status WriteSet(const fs::path& folder, const SetOptions& options, const WritingObserver& observer) {
  if (absl::Status status = RequireEmpty(folder); !status.ok()) return status;
  std::vector<const Family*> families = options.families;
  if (families.empty()) {
    for (const Family& family : Families()) families.push_back(&family);
  }
  const int64_t each = options.good + options.anomalous;
  const int64_t total = each * static_cast<int64_t>(families.size());
  std::atomic<int64_t> next = 0;
  Tally tally(total, observer);
  const auto work = [&] {
    for (int64_t i = next++; i < total; i = next++) {
      const Family& family = *families[static_cast<size_t>(i / each)];
      if (!tally.Note(MakeAndWrite(folder, family, i % each, options))) return;
    }
  };
  std::vector<std::jthread> helpers;
  for (int thread = 1; thread < options.threads; ++thread) helpers.emplace_back(work);
  work();
  helpers.clear();
  return tally.first_error();
}

}  // namespace bayespfl::synthetic
