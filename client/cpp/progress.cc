#include "client/cpp/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"

namespace bayespfl::client {
namespace {

constexpr size_t kBarCells = 24;
constexpr absl::Duration kRedraw = absl::Milliseconds(100);

}  // namespace

bool StandardErrorIsTerminal() {
  const char* const terminal = std::getenv("TERM");
  return isatty(STDERR_FILENO) == 1 && terminal != nullptr && absl::string_view(terminal) != "dumb";
}

Progress::Progress(std::ostream& stream, size_t total, bool visible)
    : stream_(stream), total_(std::max<size_t>(1, total)), visible_(visible), start_(absl::Now()) {}

std::string Progress::Line(absl::Time now) const {
  const size_t filled = kBarCells * std::min(done_, total_) / total_;
  const double seconds = std::max(1e-3, absl::ToDoubleSeconds(now - start_));
  return absl::StrFormat("[%s%s] %d/%d  %.1f frames/s", std::string(filled, '#'), std::string(kBarCells - filled, '.'),
                         done_, total_, static_cast<double>(done_) / seconds);
}

void Progress::Advance() {
  ++done_;
  if (!visible_) return;
  const absl::Time now = absl::Now();
  // After Clear the line is empty: draw at once, or the bar would flicker away with every row of the table.
  if (drawn_ && now - last_draw_ < kRedraw && done_ < total_) return;
  stream_ << "\r\x1b[K" << Line(now) << std::flush;
  drawn_ = true;
  last_draw_ = now;
}

void Progress::Clear() {
  if (drawn_) stream_ << "\r\x1b[K" << std::flush;
  drawn_ = false;
}

}  // namespace bayespfl::client
