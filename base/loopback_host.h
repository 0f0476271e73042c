// Whether an address can be reached from other machines.
#ifndef BAYESPFL_BASE_LOOPBACK_HOST_H_
#define BAYESPFL_BASE_LOOPBACK_HOST_H_

#include <string>

namespace bayespfl {

// True for 127.0.0.0/8, ::1, [::1] and localhost. Thread-safe.
bool IsLoopbackHost(const std::string& host);

}  // namespace bayespfl

#endif  // BAYESPFL_BASE_LOOPBACK_HOST_H_
