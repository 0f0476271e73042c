// Addresses that a server binds to: how they are written, and whether other machines can reach them.
#ifndef BAYESPFL_BASE_LOOPBACK_HOST_H_
#define BAYESPFL_BASE_LOOPBACK_HOST_H_

#include <string>

#include "absl/strings/string_view.h"

namespace bayespfl {

// An IPv6 address without the brackets that keep it apart from a port: "::1" for "[::1]". Everything else as it is.
// Thread-safe.
absl::string_view WithoutBrackets(absl::string_view host);

// Whether it can be a host at all: not empty, and where it has a colon or brackets an IPv6 address, with brackets
// around it or without, perhaps with a zone ("fe80::1%eth0"). "127.0.0.1:80" is none: it names a port too. Names are
// not looked up. Thread-safe.
bool IsHost(absl::string_view host);

// True for 127.0.0.0/8, ::1 with or without brackets, and localhost in any case. Thread-safe.
bool IsLoopbackHost(const std::string& host);

}  // namespace bayespfl

#endif  // BAYESPFL_BASE_LOOPBACK_HOST_H_
