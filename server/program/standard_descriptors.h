// Standard input, output and error of a process that may have been started without them.
#ifndef BAYESPFL_SERVER_PROGRAM_STANDARD_DESCRIPTORS_H_
#define BAYESPFL_SERVER_PROGRAM_STANDARD_DESCRIPTORS_H_

#include "absl/status/status.h"

namespace bayespfl::server {

// Those that are closed lead to /dev/null from now on. Else the next file or socket, a client's say, would get their
// numbers, and with them every line that anybody prints. Call it before anything is opened. Errors are the system's.
absl::Status KeepStandardDescriptors();

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PROGRAM_STANDARD_DESCRIPTORS_H_
