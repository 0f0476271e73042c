#include "server/telemetry/output_capture.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>

#include "absl/status/status.h"
#include "base/signals_blocked.h"

namespace bayespfl::server {
namespace {

// Hands over the whole lines of `text`, and what is too long for one; keeps the rest.
void TakeLines(std::string& text, const std::function<void(absl::string_view)>& on_line) {
  absl::string_view rest = text;
  for (;;) {
    const size_t end = rest.find('\n');
    if (end == absl::string_view::npos && rest.size() < kMaxCapturedLineBytes) break;
    const absl::string_view line = rest.substr(0, std::min(end, kMaxCapturedLineBytes));
    if (!line.empty()) on_line(line);
    rest.remove_prefix(line.size() == end ? end + 1 : line.size());
  }
  text = std::string(rest);
}

}  // namespace

absl::StatusOr<std::unique_ptr<OutputCapture>> OutputCapture::Start(const std::vector<int>& descriptors,
                                                                    std::function<void(absl::string_view)> on_line) {
  auto capture = std::unique_ptr<OutputCapture>(new OutputCapture(std::move(on_line)));
  std::array<int, 2> ends = {-1, -1};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "cannot make a pipe");
  capture->pipe_ = ends[0];
  const int writing = ends[1];
  capture->stop_ = eventfd(0, EFD_CLOEXEC);
  // Reading must not wait: who writes may be another thread that is in the middle of it when the capture ends.
  bool failed = capture->stop_ < 0 || fcntl(capture->pipe_, F_SETFL, O_NONBLOCK) != 0;
  for (const int descriptor : descriptors) {
    const int copy = failed ? -1 : fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    failed = failed || copy < 0;
    if (failed) break;
    capture->originals_.emplace_back(descriptor, copy);
    failed = dup2(writing, descriptor) < 0;
  }
  const int error = errno;
  close(writing);
  if (failed) return absl::ErrnoToStatus(error, "cannot take what is written to standard output and standard error");
  const SignalsBlocked blocked;  // a handler may wait for what was printed
  capture->thread_ = std::thread([raw = capture.get()] { raw->Run(); });
  return capture;
}

OutputCapture::~OutputCapture() {
  for (const auto& [descriptor, original] : originals_) {
    dup2(original, descriptor);
    close(original);
  }
  if (thread_.joinable()) {
    (void)!eventfd_write(stop_, 1);
    thread_.join();
  }
  if (stop_ >= 0) close(stop_);
  if (pipe_ >= 0) close(pipe_);
}

// Appends what is in the pipe. False: there is nothing now.
bool OutputCapture::Read(std::string& text) const {
  std::array<char, kMaxCapturedLineBytes> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by read()
  const ssize_t bytes = read(pipe_, buffer.data(), buffer.size());
  if (bytes > 0) text.append(buffer.data(), static_cast<size_t>(bytes));
  return bytes > 0 || (bytes < 0 && errno == EINTR);
}

void OutputCapture::Run() {
  std::string text;
  bool stopping = false;
  while (!stopping) {
    std::array<pollfd, 2> both = {
        {{.fd = pipe_, .events = POLLIN, .revents = 0}, {.fd = stop_, .events = POLLIN, .revents = 0}}};
    if (poll(both.data(), both.size(), -1) < 0 && errno != EINTR) break;
    stopping = both[1].revents != 0;
    while (Read(text)) TakeLines(text, on_line_);
  }
  if (!text.empty()) on_line_(text);
}

}  // namespace bayespfl::server
