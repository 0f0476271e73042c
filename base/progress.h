// How far a long piece of work has come, for people.
#ifndef BAYESPFL_BASE_PROGRESS_H_
#define BAYESPFL_BASE_PROGRESS_H_

#include <cstdint>
#include <functional>
#include <ostream>
#include <string>

#include "absl/time/time.h"

namespace bayespfl {

// Whether standard error is a terminal that can redraw a line.
bool StandardErrorIsTerminal();

// On a terminal one line, redrawn in place at most every 100 ms:
//   pictures [########................] 12/34  3.1/s  0:07 left
// elsewhere a line of text for every 5 %, or nothing where every line says the same for itself:
//   pictures 12/34 (35 %)  3.1/s  0:07 left
// Speed and time left count only fresh parts, and are left out before the first. Not thread-safe.
class Progress final {
 public:
  struct Options {
    std::string what;  // of what there are `total` parts
    int64_t total = 0;
    bool terminal = false;                 // the stream is one that can redraw a line
    bool only_on_terminal = false;         // write nothing elsewhere
    std::function<absl::Time()> now = {};  // empty: the system's clock
  };

  // The stream must outlive this object.
  Progress(std::ostream& stream, Options options);
  // Takes the bar away.
  ~Progress() { Clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // One more part is done. `fresh`: it took work now, not in an earlier run.
  void Advance(bool fresh = true);
  // Takes the bar away, so that other output can go there; the next Advance() draws it again.
  void Clear();

 private:
  [[nodiscard]] std::string Speed(absl::Time now) const;
  void DrawBar(absl::Time now);
  void PrintLine(absl::Time now);

  std::ostream& stream_;
  const Options options_;
  const absl::Time start_;
  int64_t done_ = 0;
  int64_t fresh_ = 0;
  int64_t printed_steps_ = 0;  // of 5 %
  bool drawn_ = false;
  absl::Time last_draw_ = absl::InfinitePast();
};

}  // namespace bayespfl

#endif  // BAYESPFL_BASE_PROGRESS_H_
