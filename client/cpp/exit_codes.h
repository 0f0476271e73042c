// Exit codes of bayespfl-client, for scripts; --help prints them.
#ifndef BAYESPFL_CLIENT_CPP_EXIT_CODES_H_
#define BAYESPFL_CLIENT_CPP_EXIT_CODES_H_

namespace bayespfl::client {

enum ExitCode : int {
  kExitOk = 0,
  kExitLocal = 1,        // wrong usage, an unreadable manifest, results that could not be written, a refusal
  kExitExceeded = 2,     // a verdict or score was over --fail-on or --fail-above; a replayed answer is different
  kExitUnreachable = 3,  // the server cannot be reached, or is not serving
  kExitFrames = 4,       // some frames failed, or had no verdict for --fail-on
};

inline constexpr char kExitCodeHelp[] =
    "Exit codes: 0 all is well; 1 wrong usage, a local error or a refusal; 2 a verdict is at least --fail-on or a "
    "score\n"
    "over --fail-above, or a replayed answer is different; 3 the server cannot be reached or is not serving; 4 some\n"
    "frames failed, or had no verdict for --fail-on. When several apply: 1 before 3 before 4 before 2.";

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_EXIT_CODES_H_
