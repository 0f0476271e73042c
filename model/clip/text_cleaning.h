// The clean-up that CLIP's tokeniser applies to a text before it is split into pieces.
#ifndef BAYESPFL_MODEL_CLIP_TEXT_CLEANING_H_
#define BAYESPFL_MODEL_CLIP_TEXT_CLEANING_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace bayespfl {

// Limits against hostile text: they keep the time linear in the text's length and are far from what anyone writes.
inline constexpr size_t kMaxTextBytes = 1'000'000;
inline constexpr int kMaxEscapeNesting = 64;     // "&amp;amp;amp;..." is unescaped level by level
inline constexpr int kMaxCombiningMarks = 1024;  // in a row; normalisation sorts each such run

// What the reference does with ftfy 6, html.unescape and str.lower, in the same order:
//   1. Line by line, repeated until nothing changes: strict HTML unescaping (not from the first line with a "<" on);
//      C1 controls read as Windows-1252; Latin ligatures taken apart; fullwidth and halfwidth forms in normal width;
//      curly quotes made straight; line breaks made "\n"; terminal escape sequences and control characters (also
//      the byte order mark) removed; Unicode normalisation form C.
//   2. Lenient HTML unescaping, twice. What comes out of it is not run through step 1 again.
//   3. White space stripped at both ends and every run of it made one space.
//   4. Lower case by Unicode's full mapping: the final sigma; "İ" becomes "i" and a combining dot.
//
// One step of ftfy is left out on purpose: text decoded with the wrong encoding ("cafÃ©") stays as it is.
//
// Returns UTF-8. InvalidArgument: not valid UTF-8 (the message names the byte), or beyond a limit above.
// Safe to call from any thread.
absl::StatusOr<std::string> CleanText(absl::string_view text);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_CLIP_TEXT_CLEANING_H_
