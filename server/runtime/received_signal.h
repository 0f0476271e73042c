// A signal that somebody sent to the process.
#ifndef BAYESPFL_SERVER_RUNTIME_RECEIVED_SIGNAL_H_
#define BAYESPFL_SERVER_RUNTIME_RECEIVED_SIGNAL_H_

#include <string>

namespace bayespfl::server {

struct ReceivedSignal {
  std::string name;    // "SIGHUP"
  std::string sender;  // "pid:123 uid:0"; empty: not known
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_RECEIVED_SIGNAL_H_
