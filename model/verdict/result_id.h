// Names for results: UUIDs of version 7.
#ifndef BAYESPFL_MODEL_VERDICT_RESULT_ID_H_
#define BAYESPFL_MODEL_VERDICT_RESULT_ID_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace bayespfl {

// A UUIDv7 (RFC 9562, section 5.7) in lower case: 48 bits of milliseconds since 1970, 12 bits of the rest of the
// millisecond (method 3 of section 6.2), 62 random bits. So ids sort by time to a quarter of a microsecond. Times
// before 1970 count as 1970. Thread-safe.
std::string NewResultId(absl::Time now);

// The same with the random bits given (two are not used), for tests.
std::string ResultId(absl::Time now, uint64_t random);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_VERDICT_RESULT_ID_H_
