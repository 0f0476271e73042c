// Bounds on what a model package may hold. No real model comes near; what lies above is refused when it is read.
#ifndef BAYESPFL_MODEL_PACKAGE_LIMITS_H_
#define BAYESPFL_MODEL_PACKAGE_LIMITS_H_

#include <cstddef>
#include <cstdint>

namespace bayespfl {

// Of a width or a number of rows, as config.json gives it or a tensor's shape shows it. The product of any three stays
// inside 64 bits.
inline constexpr int64_t kMaxDimension = int64_t{1} << 20;

// Of the vocabulary, CLIP's merges file: of the file as it lies there, and of its text when that is compressed.
inline constexpr size_t kMaxVocabularyBytes = size_t{64} << 20;

// Of config.json.
inline constexpr size_t kMaxConfigBytes = size_t{1} << 20;

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_PACKAGE_LIMITS_H_
