#include "base/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"

namespace bayespfl {
namespace {

constexpr int64_t kBarCells = 24;
constexpr int64_t kSteps = 20;  // lines where there is no terminal
constexpr absl::Duration kRedraw = absl::Milliseconds(100);

Progress::Options WithDefaults(Progress::Options options) {
  options.total = std::max<int64_t>(1, options.total);
  if (!options.now) options.now = absl::Now;
  return options;
}

// "0:07", "12:30", "1:05:00".
std::string Clock(double seconds) {
  const auto whole = static_cast<int64_t>(std::ceil(seconds));
  const int64_t hours = whole / 3600;
  if (hours > 0) return absl::StrFormat("%d:%02d:%02d", hours, whole / 60 % 60, whole % 60);
  return absl::StrFormat("%d:%02d", whole / 60, whole % 60);
}

}  // namespace

bool StandardErrorIsTerminal() {
  const char* const terminal = std::getenv("TERM");
  return isatty(STDERR_FILENO) == 1 && terminal != nullptr && absl::string_view(terminal) != "dumb";
}

Progress::Progress(std::ostream& stream, Options options)
    : stream_(stream), options_(WithDefaults(std::move(options))), start_(options_.now()) {}

std::string Progress::Speed(absl::Time now) const {
  if (fresh_ == 0) return "";
  const double seconds = std::max(1e-3, absl::ToDoubleSeconds(now - start_));
  const double speed = static_cast<double>(fresh_) / seconds;
  const std::string left = Clock(static_cast<double>(options_.total - done_) / speed);
  return absl::StrFormat("  %.*f/s  %s left", speed < 10 ? 2 : 0, speed, left);
}

void Progress::DrawBar(absl::Time now) {
  // After Clear() the line is empty: draw at once, or the bar would flicker away with every message.
  if (drawn_ && now - last_draw_ < kRedraw && done_ < options_.total) return;
  const auto filled = static_cast<size_t>(kBarCells * std::min(done_, options_.total) / options_.total);
  stream_ << "\r\x1b[K"
          << absl::StrFormat("%s [%s%s] %d/%d%s", options_.what, std::string(filled, '#'),
                             std::string(static_cast<size_t>(kBarCells) - filled, '.'), done_, options_.total,
                             Speed(now))
          << std::flush;
  drawn_ = true;
  last_draw_ = now;
}

void Progress::PrintLine(absl::Time now) {
  const int64_t steps = kSteps * done_ / options_.total;
  if (steps <= printed_steps_) return;
  printed_steps_ = steps;
  stream_ << absl::StrFormat("%s %d/%d (%d %%)%s\n", options_.what, done_, options_.total, 100 * done_ / options_.total,
                             Speed(now))
          << std::flush;
}

void Progress::Advance(bool fresh) {
  ++done_;
  if (fresh) ++fresh_;
  if (options_.terminal) {
    DrawBar(options_.now());
  } else if (!options_.only_on_terminal) {
    PrintLine(options_.now());
  }
}

void Progress::Clear() {
  if (drawn_) stream_ << "\r\x1b[K" << std::flush;
  drawn_ = false;
}

}  // namespace bayespfl
