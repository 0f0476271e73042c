#include "model/clip/bundled_vocabulary.h"

#include <cstddef>

// Defined in bundled_vocabulary_data.S.
extern "C" {
extern const char bayespfl_vocabulary_begin[];
extern const char bayespfl_vocabulary_end[];
}

namespace bayespfl {

absl::string_view BundledVocabulary() {
  return {bayespfl_vocabulary_begin, static_cast<size_t>(bayespfl_vocabulary_end - bayespfl_vocabulary_begin)};
}

}  // namespace bayespfl
