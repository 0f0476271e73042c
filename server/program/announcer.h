// What the server's process says of its own life: that it listens, is ready, stops, and why it ends.
#ifndef BAYESPFL_SERVER_PROGRAM_ANNOUNCER_H_
#define BAYESPFL_SERVER_PROGRAM_ANNOUNCER_H_

#include <chrono>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/telemetry/line_queue.h"
#include "server/telemetry/log.h"

namespace bayespfl::server {

inline constexpr std::chrono::milliseconds kFlushPatience{1000};      // for lines, at an end in order
inline constexpr std::chrono::milliseconds kLastLinesPatience{1000};  // at every other

// With log_format text: in words on standard output, and on standard error why the process ends. With json: in lines of
// the log. Never waits for who reads it, but for the destructor and Leave(), which are patient within bounds.
//
// Thread-safe, but for the destructor.
class Announcer {
 public:
  explicit Announcer(Logger logger);
  ~Announcer();
  Announcer(const Announcer&) = delete;
  Announcer& operator=(const Announcer&) = delete;

  // `words` for people, `message` and `fields` for the log.
  void Tell(const std::string& words, absl::string_view message, const LogFields& fields = {});

  // A port, "gRPC" say, is open at an address.
  void Listening(const std::string& port, const std::string& address);

  // Why the process ends; returns its exit code.
  int Fail(const absl::Status& status) const;

  // The same with a phrase for the log.
  void LastWords(absl::string_view message, const absl::Status& status) const;

  // Ends the process without an end in order.
  [[noreturn]] void Leave(int exit_code);

 private:
  const Logger logger_;
  LineQueue words_;  // apart from the log, whose reader may have stopped
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PROGRAM_ANNOUNCER_H_
