#include "model/clip/bundled_vocabulary.h"

#include <cstddef>

// Defined in bundled_vocabulary_data.S.
extern "C" {
extern const char bayespfl_vocabulary_data[];
extern const size_t bayespfl_vocabulary_size;
}

namespace bayespfl {

absl::string_view BundledVocabulary() { return {bayespfl_vocabulary_data, bayespfl_vocabulary_size}; }

}  // namespace bayespfl
