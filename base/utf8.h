// Text in UTF-8, without regard to what it says.
#ifndef BAYESPFL_BASE_UTF8_H_
#define BAYESPFL_BASE_UTF8_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace bayespfl {

// Whether `text` is well-formed UTF-8: no overlong forms, no surrogates, at most U+10FFFF. Thread-safe.
bool IsUtf8(absl::string_view text);

// Bytes (1..4) of the well-formed character that `text`, which is not empty, begins with; 0: it begins with none.
// Thread-safe.
size_t Utf8CharacterBytes(absl::string_view text);

// Whether `character`, a single well-formed one, is a control character: U+0000..U+001F, U+007F..U+009F. Thread-safe.
bool IsControl(absl::string_view character);

// For a terminal or a line of a file, when `text` may hold anything: control characters, and bytes that are not UTF-8,
// become \xNN for each of their bytes; all else stays. Meant for people: a text that holds "\x1b" itself looks the
// same. Thread-safe.
std::string EscapeControls(absl::string_view text);

}  // namespace bayespfl

#endif  // BAYESPFL_BASE_UTF8_H_
