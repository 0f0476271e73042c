// A progress bar for people who watch.
#ifndef BAYESPFL_CLIENT_CPP_PROGRESS_H_
#define BAYESPFL_CLIENT_CPP_PROGRESS_H_

#include <cstddef>
#include <ostream>
#include <string>

#include "absl/time/time.h"

namespace bayespfl::client {

// Whether standard error is a terminal that can redraw a line.
bool StandardErrorIsTerminal();

// "[#######.............] 12/34  3.1 frames/s", redrawn in place at most every 100 ms. Not thread-safe.
class Progress final {
 public:
  // Draws on `stream` when `visible`; otherwise every call does nothing, so that redirected output stays clean. The
  // stream must outlive this object.
  Progress(std::ostream& stream, size_t total, bool visible);
  // Takes the bar away.
  ~Progress() { Clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // One more is done.
  void Advance();
  // Takes the bar away, so that other output can go there; the next Advance draws it again.
  void Clear();

 private:
  std::string Line(absl::Time now) const;

  std::ostream& stream_;
  const size_t total_;
  const bool visible_;
  const absl::Time start_;
  size_t done_ = 0;
  bool drawn_ = false;
  absl::Time last_draw_ = absl::InfinitePast();
};

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_PROGRESS_H_
