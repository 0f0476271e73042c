// CRC-32C, the checksum of RFC 3720 (iSCSI), appendix B.4: polynomial 0x1EDC6F41 reflected, start and end inverted.
#ifndef BAYESPFL_MODEL_TRAINING_LOG_CRC32C_H_
#define BAYESPFL_MODEL_TRAINING_LOG_CRC32C_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace bayespfl {

// Any thread.
uint32_t Crc32c(absl::string_view bytes);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_LOG_CRC32C_H_
