#include "model/training_run/data_checks.h"

#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace bayespfl {
namespace {

// The names of categories without good or without defective pictures: nothing could be ranked there.
std::vector<std::string> Unjudgeable(const TrainingSet& set) {
  std::map<std::string, std::set<bool>> kinds;  // by category
  for (const TrainingItem& item : set.items) kinds[set.CategoryOf(item)].insert(item.item.anomalous);
  std::vector<std::string> names;
  for (const auto& [name, there_are] : kinds) {
    if (there_are.size() < 2) names.push_back(name);
  }
  return names;
}

// Whether the model can read the words of every category.
absl::Status CheckWords(const char* what, const TrainingSet& set, const ObjectReader& objects) {
  std::set<std::string> known;
  for (const TrainingItem& item : set.items) {
    if (!known.insert(item.item.category).second) continue;
    const auto read = objects.Read(item.item.category);
    if (read.ok()) continue;
    return absl::Status(read.status().code(), absl::StrCat(what, ": the category ", set.CategoryOf(item),
                                                           " is no object's name: ", read.status().message()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckData(const TrainingSet& learned, const TrainingSet& judged, const ObjectReader& objects) {
  if (const std::vector<std::string> without = Unjudgeable(judged); !without.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "validation: no usable pictures of both kinds, good and with a defect, in ", absl::StrJoin(without, ", "),
        ": an epoch is judged by every category; leave out what cannot be judged (\"categories\")"));
  }
  if (absl::Status status = CheckWords("training", learned, objects); !status.ok()) return status;
  return CheckWords("validation", judged, objects);
}

std::vector<std::string> DataWarnings(const TrainingSet& learned, const TrainingSet& judged) {
  std::vector<std::string> warnings;
  if (const int64_t shared = SharedPictures(judged, learned); shared > 0) {
    warnings.push_back(absl::StrCat(shared, " of ", judged.items.size(), " pictures of the validation ",
                                    shared == 1 ? "is" : "are", " also learned from: it says nothing of new ones"));
  }
  for (const auto& [what, set] : {std::pair("training", &learned), std::pair("validation", &judged)}) {
    if (const int64_t repeated = RepeatedPictures(*set); repeated > 0) {
      warnings.push_back(absl::StrCat(what, ": ", repeated, repeated == 1 ? " picture is" : " pictures are",
                                      " there more often than once"));
    }
  }
  return warnings;
}

}  // namespace bayespfl
