#include "model/synthetic/synthetic_pictures.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace bayespfl::synthetic {

SyntheticPictures::SyntheticPictures(SetOptions options, ModelConfig config)
    : options_(std::move(options)), config_(std::move(config)) {
  if (!options_.families.empty()) return;
  for (const Family& family : Families()) options_.families.push_back(&family);
}

int64_t SyntheticPictures::size() const {
  return static_cast<int64_t>(options_.families.size()) * (options_.good + options_.anomalous);
}

const Family& SyntheticPictures::FamilyOf(int64_t index) const {
  return *options_.families[static_cast<size_t>(index) % options_.families.size()];
}

absl::StatusOr<Scene> SyntheticPictures::GetScene(int64_t index, uint64_t epoch) const {
  if (index < 0 || index >= size()) {
    return absl::OutOfRangeError(absl::StrCat("there is no picture ", index, " among ", size()));
  }
  const Family& family = FamilyOf(index);
  const int64_t number = index / static_cast<int64_t>(options_.families.size());
  return MakeScene(family, number >= options_.good, options_.scene,
                   SceneDraws(options_.seed, family, epoch, static_cast<uint64_t>(number)));
}

absl::StatusOr<PreparedPicture> SyntheticPictures::Get(int64_t index, uint64_t epoch) const {
  const absl::StatusOr<Scene> scene = GetScene(index, epoch);
  if (!scene.ok()) return scene.status();
  PreparedPicture prepared = Prepare(scene->labelled, config_);
  prepared.object = WordsOf(FamilyOf(index));
  prepared.category = std::string(FamilyOf(index).name);
  return prepared;
}

std::string WordsOf(const Family& family) { return absl::StrReplaceAll(family.name, {{"_", " "}}); }

}  // namespace bayespfl::synthetic
