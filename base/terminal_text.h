// Text for terminals and tables. Strings come from file names and from servers: whatever they hold, what is printed
// moves no cursor and sends no escape sequence. EscapeControls() of utf8.h shows what was there; here it only gives
// way.
#ifndef BAYESPFL_BASE_TERMINAL_TEXT_H_
#define BAYESPFL_BASE_TERMINAL_TEXT_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace bayespfl {

// `text` on one line: runs of white space become one blank, other control characters and what is not UTF-8 '?'.
std::string OneLine(absl::string_view text);

// Number of characters (code points) of well-formed UTF-8.
size_t Columns(absl::string_view text);

// The last `columns` (>= 1) characters, the first of them replaced by an ellipsis when some are missing.
std::string KeepEnd(absl::string_view text, size_t columns);

// `text` with blanks appended to `columns` characters.
std::string PadRight(absl::string_view text, size_t columns);

}  // namespace bayespfl

#endif  // BAYESPFL_BASE_TERMINAL_TEXT_H_
