// The chunks that a PNG file is made of.
#ifndef BAYESPFL_MODEL_IMAGE_PNG_CHUNKS_H_
#define BAYESPFL_MODEL_IMAGE_PNG_CHUNKS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace bayespfl::image_internal {

// A PNG file with what its pixels need alone.
struct CriticalPngChunks {
  std::vector<uint8_t> file;  // signature, critical chunks, end chunk
  bool is_cut = false;        // the source lacked its end chunk; one was added
};

// Copies signature and critical chunks of `encoded`, which starts with the signature. A file that ends in front of its
// end chunk or inside one that is not critical may still hold every pixel: whoever decodes them will see. Errors, all
// InvalidArgument: the file ends inside a critical chunk, a wrong checksum of such a chunk, a critical chunk that PNG's
// standard does not know (refused by name: the picture cannot be understood without it).
absl::StatusOr<CriticalPngChunks> KeepCriticalChunks(absl::Span<const uint8_t> encoded);

}  // namespace bayespfl::image_internal

#endif  // BAYESPFL_MODEL_IMAGE_PNG_CHUNKS_H_
