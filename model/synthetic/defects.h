// The kinds of defects that synthetic parts can have.
#ifndef BAYESPFL_MODEL_SYNTHETIC_DEFECTS_H_
#define BAYESPFL_MODEL_SYNTHETIC_DEFECTS_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/synthetic/field.h"
#include "model/synthetic/part.h"
#include "model/training_data/draws.h"

namespace bayespfl::synthetic {

struct Defect {
  absl::string_view name;  // "scratch"
  // Draws one of about `area` pixels onto the part, where the part is, and returns its footprint: 1 where it is, 0
  // elsewhere, between at its edge. Nothing, where the part cannot have it. What is beyond the part counts where the
  // defect is seen there.
  Field (*make)(float area, Draws& draws, Part& part);
  bool moves = false;  // what is there, and changes nothing else: seen only where people know how it should lie
};

// All kinds. Names are unique, and keep their meaning.
absl::Span<const Defect> Defects();

// Null: there is none of this name.
const Defect* FindDefect(absl::string_view name);

}  // namespace bayespfl::synthetic

#endif  // BAYESPFL_MODEL_SYNTHETIC_DEFECTS_H_
