#include "server/telemetry/line_queue.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <deque>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "base/signals_blocked.h"

namespace bayespfl::server {
namespace {

constexpr size_t kBytesAround = 64;                    // what a line takes besides its text
constexpr int kPollMilliseconds = 50;                  // how soon the writer hears that nobody waits for it any more
constexpr std::chrono::milliseconds kLeaveTime(1000);  // for a writer that is told to leave

struct Line {
  int descriptor = -1;
  std::string text;
  uint64_t losses = 0;  // not 0: it tells of so many lines, and is none itself
};

size_t Weight(const Line& line) { return line.text.size() + kBytesAround; }

// What the writer writes at once: lines of one descriptor. A pipe takes PIPE_BUF bytes whole or not at all, and when it
// says that it takes something it takes as many without waiting.
struct Chunk {
  int descriptor = -1;
  std::string text;
  uint64_t lines = 0;   // all of them
  uint64_t losses = 0;  // that its lines tell of
  uint64_t tellers = 0;
  size_t weight = 0;
};

}  // namespace

struct LineQueue::State {
  explicit State(LineQueueOptions given) : options(std::move(given)) {}

  bool HasRoom(size_t weight, LineWeight class_of_line) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    const size_t limit = class_of_line == LineWeight::kImportant ? options.max_bytes : options.max_bytes / 4 * 3;
    return pending + weight <= limit;
  }

  void Append(Line line) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    pending += Weight(line);
    ++taken;
    lines.push_back(std::move(line));
  }

  // A line about those that were dropped since the last one. It may exceed the limit by itself.
  void AppendLoss() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    const uint64_t lost = std::exchange(untold, 0);
    if (lost == 0 || !options.loss_line) return;
    Append({.descriptor = loss_descriptor, .text = options.loss_line(lost), .losses = lost});
  }

  // `told_before` were told of in a line that is dropped itself.
  void Drop(uint64_t count, uint64_t told_before, int descriptor) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    dropped += count;
    untold += count + told_before;
    loss_descriptor = descriptor;
  }

  Chunk TakeChunk() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    Chunk chunk;
    chunk.descriptor = lines.front().descriptor;
    do {
      const Line& line = lines.front();
      chunk.weight += Weight(line);
      chunk.text += line.text;
      ++chunk.lines;
      chunk.losses += line.losses;
      if (line.losses > 0) ++chunk.tellers;
      lines.pop_front();
    } while (!lines.empty() && lines.front().descriptor == chunk.descriptor &&
             chunk.text.size() + lines.front().text.size() <= PIPE_BUF);
    return chunk;
  }

  // True: all of it was written. `cut` says whether the last text before, and this one, ended within a line.
  bool Write(int descriptor, absl::string_view text, bool& cut) const {
    const size_t whole = text.size();
    while (!text.empty()) {
      pollfd one = {.fd = descriptor, .events = POLLOUT, .revents = 0};
      const int ready = poll(&one, 1, kPollMilliseconds);
      if (abandoned) break;
      if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
      const ssize_t written = write(descriptor, text.data(), std::min<size_t>(text.size(), PIPE_BUF));
      if (written < 0 && errno != EINTR && errno != EAGAIN) break;
      if (written > 0) text.remove_prefix(static_cast<size_t>(written));
    }
    if (!text.empty() && text.size() < whole) cut = true;
    return text.empty();
  }

  const LineQueueOptions options;
  std::atomic<uint64_t> dropped{0};
  std::atomic<size_t> pending{0};      // changed under `mu`, read by anybody
  std::atomic<bool> abandoned{false};  // nobody waits for the writer any more

  Mutex mu;
  CondVar work;      // for the writer
  CondVar progress;  // for those who wait for the writer
  std::deque<Line> lines ABSL_GUARDED_BY(mu);
  uint64_t taken ABSL_GUARDED_BY(mu) = 0;     // lines, since the start
  uint64_t finished ABSL_GUARDED_BY(mu) = 0;  // of those: written, or dropped by the writer
  uint64_t untold ABSL_GUARDED_BY(mu) = 0;    // dropped since the last line about it
  int loss_descriptor ABSL_GUARDED_BY(mu) = STDERR_FILENO;
  bool broken ABSL_GUARDED_BY(mu) = false;  // the last write failed: a line about it waits until there is another
  bool idle ABSL_GUARDED_BY(mu) = false;    // the writer waits for work
  bool closing ABSL_GUARDED_BY(mu) = false;
  bool left ABSL_GUARDED_BY(mu) = false;  // the writer has ended
};

LineQueue::LineQueue(LineQueueOptions options) : state_(std::make_shared<State>(std::move(options))) {
  const SignalsBlocked blocked;  // a handler may wait for the lines
  thread_ = std::thread([state = state_] { Run(*state); });
}

LineQueue::~LineQueue() { Close(kClosePatience); }

void LineQueue::Push(int descriptor, std::string line, LineWeight weight) {
  State& state = *state_;
  Line one{.descriptor = descriptor, .text = std::move(line)};
  MutexLock lock(state.mu);
  if (state.closing || !state.HasRoom(Weight(one), weight)) return state.Drop(1, 0, descriptor);
  state.AppendLoss();
  state.Append(std::move(one));
  if (std::exchange(state.idle, false)) state.work.NotifyOne();
}

bool LineQueue::Flush(std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  State& state = *state_;
  MutexLock lock(state.mu);
  const uint64_t wanted = state.taken;
  while (state.finished < wanted && !state.left && state.progress.WaitUntil(state.mu, deadline)) {
  }
  return state.finished >= wanted;
}

bool LineQueue::Close(std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  State& state = *state_;
  bool joinable = false;
  bool complete = false;
  {
    MutexLock lock(state.mu);
    if (!thread_.joinable()) return state.left;
    state.closing = true;
    state.work.NotifyOne();
    while (!state.left && state.progress.WaitUntil(state.mu, deadline)) {
    }
    complete = state.left;
    state.abandoned = true;
    while (!state.left && state.progress.WaitUntil(state.mu, deadline + kLeaveTime)) {
    }
    joinable = state.left;
  }
  if (joinable) {
    thread_.join();
  } else {
    thread_.detach();
  }
  return complete;
}

uint64_t LineQueue::dropped() const { return state_->dropped; }

size_t LineQueue::pending_bytes() const { return state_->pending; }

void LineQueue::Run(State& state) {
  bool cut = false;  // what was written last ended within a line
  for (;;) {
    Chunk chunk;
    {
      MutexLock lock(state.mu);
      if (state.lines.empty() && !state.broken) state.AppendLoss();
      while (state.lines.empty() && !state.closing) {
        state.idle = true;
        state.work.Wait(state.mu);
      }
      state.idle = false;
      if (state.lines.empty() || state.abandoned) {
        state.dropped += state.lines.size();
        state.left = true;
        state.progress.NotifyAll();
        return;
      }
      chunk = state.TakeChunk();
    }
    if (std::exchange(cut, false)) chunk.text = absl::StrCat("\n", chunk.text);
    const bool written = state.Write(chunk.descriptor, chunk.text, cut);
    MutexLock lock(state.mu);
    state.pending -= chunk.weight;
    state.finished += chunk.lines;
    if (!written) state.Drop(chunk.lines - chunk.tellers, chunk.losses, chunk.descriptor);
    state.broken = !written;
    state.progress.NotifyAll();
  }
}

}  // namespace bayespfl::server
