// Exit codes of bayespfl-client, for scripts; --help prints them.
#ifndef BAYESPFL_CLIENT_CPP_EXIT_CODES_H_
#define BAYESPFL_CLIENT_CPP_EXIT_CODES_H_

namespace bayespfl::client {

enum ExitCode : int {
  kExitOk = 0,
  kExitLocal = 1,        // wrong usage, an unreadable manifest, results that could not be written
  kExitExceeded = 2,     // --fail-above: a score was higher
  kExitUnreachable = 3,  // the server cannot be reached, or is not serving
  kExitFrames = 4,       // some frames failed, or had no calibrated threshold for --fail-above calibrated
};

inline constexpr char kExitCodeHelp[] =
    "Exit codes: 0 all is well; 1 wrong usage or a local error; 2 a score is over --fail-above; 3 the server cannot "
    "be\n"
    "reached or is not serving; 4 some frames failed, or had no threshold for --fail-above calibrated. When several\n"
    "apply: 1 before 3 before 4 before 2.";

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_EXIT_CODES_H_
