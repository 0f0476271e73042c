// Why a method is not there, and what does its work instead.
#ifndef BAYESPFL_SERVER_API_UNSERVED_METHODS_H_
#define BAYESPFL_SERVER_API_UNSERVED_METHODS_H_

#include <string>

#include "absl/strings/string_view.h"

namespace bayespfl::server {

// For whoever called `path`, "/package.Service/Method", which the port of inspection does not serve: of the methods
// that Triton's GRPCInferenceService has besides those of ours by name, and with what to use instead. Text that the
// caller sent is not repeated. Thread-safe.
std::string WhyUnserved(absl::string_view path);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_UNSERVED_METHODS_H_
