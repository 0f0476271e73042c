#include "model/synthetic/write_set.h"

#include <atomic>
#include <numeric>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

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

// A category, and how its scenes are made.
struct Category {
  std::string name;
  std::function<absl::StatusOr<Scene>(int64_t number)> make;
};

absl::Status WriteScene(const fs::path& folder, absl::string_view name, int64_t number, const Scene& scene) {
  const LabelledPicture& labelled = scene.labelled;
  const fs::path category = folder / std::string(name);
  const std::string kind = scene.defect.empty() ? "good" : scene.defect;
  const std::string file = absl::StrFormat("%03d", number);
  const absl::StatusOr<std::string> picture = EncodePng(labelled.picture);
  if (!picture.ok()) return picture.status();
  if (absl::Status status = WriteFile(category / "test" / kind / (file + ".png"), *picture); !status.ok())
    return status;
  if (scene.defect.empty()) return absl::OkStatus();
  const absl::StatusOr<std::string> mask =
      EncodePng(PngSamples::kGray8, labelled.picture.width, labelled.picture.height, labelled.mask);
  if (!mask.ok()) return mask.status();
  return WriteFile(category / "ground_truth" / kind / (file + "_mask.png"), *mask);
}

absl::Status MakeAndWrite(const fs::path& folder, const Category& category, int64_t number) {
  const absl::StatusOr<Scene> scene = category.make(number);
  if (!scene.ok()) {
    return absl::Status(scene.status().code(), absl::StrCat("picture ", number, ": ", scene.status().message()));
  }
  return WriteScene(folder, category.name, number, *scene);
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

absl::Status WriteCategories(const fs::path& folder, const std::vector<Category>& categories, const SetOptions& options,
                             const WritingObserver& observer) {
  if (absl::Status status = RequireEmpty(folder); !status.ok()) return status;
  const int64_t each = options.good + options.anomalous;
  const int64_t total = each * static_cast<int64_t>(categories.size());
  std::atomic<int64_t> next = 0;
  Tally tally(total, observer);
  const auto work = [&] {
    for (int64_t i = next++; i < total; i = next++) {
      const Category& category = categories[static_cast<size_t>(i / each)];
      if (!tally.Note(MakeAndWrite(folder, category, i % each))) return;
    }
  };
  std::vector<std::jthread> helpers;
  for (int thread = 1; thread < options.threads; ++thread) helpers.emplace_back(work);
  work();
  helpers.clear();
  return tally.first_error();
}

// A key has room for two words: what is named becomes the first 64 bits of its digest.
uint64_t WordOf(absl::string_view text) {
  const std::string digest = Sha256Hex(text);
  uint64_t word = 0;
  for (const char digit : digest.substr(0, 16)) {
    word = word << 4 | static_cast<uint64_t>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
  }
  return word;
}

}  // namespace

Draws SceneDraws(uint64_t seed, const Family& family, uint64_t epoch, uint64_t number) {
  return {seed, PictureDraw::kScene, WordOf(absl::StrCat(family.name, " ", epoch)), number};
}

Draws PhotographDraws(uint64_t seed, absl::string_view category, uint64_t number) {
  return {seed, PictureDraw::kPhotograph, WordOf(absl::StrCat("scene ", category)), number};
}

std::vector<size_t> PhotographOrder(uint64_t seed, absl::string_view category, size_t count) {
  Draws draws(seed, PictureDraw::kPhotograph, WordOf(absl::StrCat("order ", category)), 0);
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  for (size_t i = count; i > 1; --i) {
    std::swap(order[i - 1], order[static_cast<size_t>(draws.Below(static_cast<int64_t>(i)))]);
  }
  return order;
}

absl::Status WriteSet(const fs::path& folder, const SetOptions& options, const WritingObserver& observer) {
  std::vector<const Family*> families = options.families;
  if (families.empty()) {
    for (const Family& family : Families()) families.push_back(&family);
  }
  std::vector<Category> categories;
  for (const Family* family : families) {
    categories.push_back({std::string(family->name), [family, &options](int64_t number) {
                            return MakeScene(*family, number >= options.good, options.scene,
                                             SceneDraws(options.seed, *family, 0, static_cast<uint64_t>(number)));
                          }});
  }
  return WriteCategories(folder, categories, options, observer);
}

absl::Status WritePhotographSet(const fs::path& folder, const Photographs& photographs, const SetOptions& options,
                                const WritingObserver& observer) {
  std::vector<Category> categories;
  for (const PhotographCategory& category : photographs.categories) {
    const std::vector<size_t> order = PhotographOrder(options.seed, category.name, category.files.size());
    categories.push_back(
        {category.name, [&category, &photographs, &options, order](int64_t number) -> absl::StatusOr<Scene> {
           const PictureFile& file = category.files[order[static_cast<size_t>(number) % order.size()]];
           const absl::StatusOr<RgbImage> photograph = ReadPhotograph(file, photographs.reading);
           if (!photograph.ok()) return photograph.status();
           absl::StatusOr<Scene> scene =
               MakePhotographScene(*photograph, number >= options.good, options.scene,
                                   PhotographDraws(options.seed, category.name, static_cast<uint64_t>(number)));
           if (scene.ok()) return scene;
           return absl::Status(scene.status().code(), absl::StrCat(file.name, ": ", scene.status().message()));
         }});
  }
  return WriteCategories(folder, categories, options, observer);
}

}  // namespace bayespfl::synthetic
