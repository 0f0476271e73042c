// Ids that nobody else makes: of calls and of frames.
#ifndef BAYESPFL_CLIENT_CPP_RANDOM_ID_H_
#define BAYESPFL_CLIENT_CPP_RANDOM_ID_H_

#include <string>

namespace bayespfl::client {

// 32 hexadecimal digits, drawn. Thread-safe.
std::string RandomId();

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_RANDOM_ID_H_
