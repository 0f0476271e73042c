#include "model/evaluation/shortcomings.h"

#include <cstdint>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"

namespace bayespfl {
namespace {

constexpr int64_t kSkippedShare = 10;  // more than one in so many is too many

// Names of categories by what they lack.
struct Lacking {
  std::vector<std::string> normal;
  std::vector<std::string> anomalous;
  std::vector<std::string> marks;
};

Lacking WhatIsLacking(const Evaluation& evaluation) {
  // Also categories without one usable picture, which have no row.
  std::map<std::string, const CategoryResult*> categories;
  for (const PictureResult& picture : evaluation.pictures) categories.emplace(picture.item.category, nullptr);
  for (const CategoryResult& category : evaluation.categories) categories[category.name] = &category;
  Lacking lacking;
  for (const auto& [name, category] : categories) {
    if (category == nullptr || category->normal == 0) lacking.normal.push_back(name);
    if (category == nullptr || category->anomalous == 0) {
      lacking.anomalous.push_back(name);
    } else if (!evaluation.image_only && category->server.pixel.positive_pixels == 0) {
      lacking.marks.push_back(name);
    }
  }
  return lacking;
}

void Add(absl::string_view what, const std::vector<std::string>& names, absl::string_view advice,
         std::vector<std::string>& sentences) {
  if (!names.empty()) sentences.push_back(absl::StrCat(what, " of ", absl::StrJoin(names, ", "), advice));
}

}  // namespace

std::vector<std::string> Shortcomings(const Evaluation& evaluation) {
  const Lacking lacking = WhatIsLacking(evaluation);
  const bool folders = evaluation.layout == DatasetLayout::kMvtec;
  std::vector<std::string> sentences;
  Add("no normal picture counts", lacking.normal,
      folders ? "; folders of normal pictures are called good, ok or normal" : "", sentences);
  Add("no defective picture counts", lacking.anomalous, "", sentences);
  Add("no mask marks a pixel", lacking.marks, "; a marked pixel has a sample that is not 0", sentences);
  int64_t skipped = 0;
  for (const PictureResult& picture : evaluation.pictures) skipped += picture.counts() ? 0 : 1;
  const auto total = static_cast<int64_t>(evaluation.pictures.size());
  if (kSkippedShare * skipped > total) {
    sentences.push_back(absl::StrCat(skipped, " of ", total, " pictures are skipped, more than a tenth"));
  }
  return sentences;
}

}  // namespace bayespfl
