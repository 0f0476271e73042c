// The kinds of good parts and surfaces that can be made. Each call draws another one of its kind: other sizes, colours,
// materials, positions.
#ifndef BAYESPFL_MODEL_SYNTHETIC_FAMILIES_H_
#define BAYESPFL_MODEL_SYNTHETIC_FAMILIES_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/synthetic/part.h"
#include "model/training_data/draws.h"

namespace bayespfl::synthetic {

struct Family {
  absl::string_view name;  // of a category: "brushed_metal"
  bool object;             // a part on a background; else a surface
  // Draws one onto a fresh Part, whose size is the picture's.
  void (*build)(Draws& draws, Part& part);
};

// All families, surfaces first. Names are unique, and keep their meaning.
absl::Span<const Family> Families();

// Null: there is none of this name.
const Family* FindFamily(absl::string_view name);

// The two halves of Families().
absl::Span<const Family> SurfaceFamilies();
absl::Span<const Family> ObjectFamilies();

}  // namespace bayespfl::synthetic

#endif  // BAYESPFL_MODEL_SYNTHETIC_FAMILIES_H_
