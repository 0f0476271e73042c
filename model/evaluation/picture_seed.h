// Seeds of their own for the pictures of an evaluation.
#ifndef BAYESPFL_MODEL_EVALUATION_PICTURE_SEED_H_
#define BAYESPFL_MODEL_EVALUATION_PICTURE_SEED_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace bayespfl {

// The seed that a picture gets of a run's `seed`: the first 64 bits of the SHA-256 over "SEED:DIGEST", the seed in
// decimal and the SHA-256 of the picture's file in hexadecimal. So it hangs on the file's content and on nothing else
// of the data set: names, order and other pictures do not matter, and copies are drawn alike. Thread-safe.
uint64_t PictureSeed(uint64_t seed, absl::string_view picture_bytes);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_EVALUATION_PICTURE_SEED_H_
