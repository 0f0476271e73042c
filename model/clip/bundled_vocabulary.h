// CLIP's merges file (bpe_simple_vocab_16e6.txt.gz, OpenAI CLIP, MIT licence), compiled into the program, so that a
// package can be made anywhere.
#ifndef BAYESPFL_MODEL_CLIP_BUNDLED_VOCABULARY_H_
#define BAYESPFL_MODEL_CLIP_BUNDLED_VOCABULARY_H_

#include "absl/strings/string_view.h"

namespace bayespfl {

inline constexpr absl::string_view kBundledVocabularyFile = "bpe_simple_vocab_16e6.txt.gz";

// The file's content, gzip-compressed; lives as long as the program. Thread-safe.
absl::string_view BundledVocabulary();

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_CLIP_BUNDLED_VOCABULARY_H_
