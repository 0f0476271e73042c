// What libraries write to standard error and standard output past the log, taken line by line: so that a log of JSON
// objects holds nothing else.
//
//   const int original = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);   // where the log goes on
//   auto capture = OutputCapture::Start({STDOUT_FILENO, STDERR_FILENO}, [&](absl::string_view line) { ... });
#ifndef BAYESPFL_SERVER_TELEMETRY_OUTPUT_CAPTURE_H_
#define BAYESPFL_SERVER_TELEMETRY_OUTPUT_CAPTURE_H_

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace bayespfl::server {

// Longer lines are taken in pieces of this.
inline constexpr size_t kMaxCapturedLineBytes = 4096;

// Thread-safe, but for the destructor.
class OutputCapture {
 public:
  // From now on the descriptors lead into a pipe, and `on_line` gets each line that comes out of it, without its line
  // feed, in a thread of its own; it must not wait, or those who write do. Empty lines are left out. Errors are those
  // of the system.
  static absl::StatusOr<std::unique_ptr<OutputCapture>> Start(const std::vector<int>& descriptors,
                                                              std::function<void(absl::string_view line)> on_line);
  ~OutputCapture();  // the descriptors lead where they led; what is in the pipe is handed over before
  OutputCapture(const OutputCapture&) = delete;
  OutputCapture& operator=(const OutputCapture&) = delete;

 private:
  explicit OutputCapture(std::function<void(absl::string_view line)> on_line) : on_line_(std::move(on_line)) {}
  void Run();
  bool Read(std::string& text) const;

  const std::function<void(absl::string_view line)> on_line_;
  std::vector<std::pair<int, int>> originals_;  // a descriptor, and a copy of it from before
  int pipe_ = -1;                               // its end that is read
  int stop_ = -1;                               // an eventfd that ends the thread
  std::thread thread_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_OUTPUT_CAPTURE_H_
