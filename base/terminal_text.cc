#include "base/terminal_text.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/utf8.h"

namespace bayespfl {
namespace {

unsigned char Byte(absl::string_view text, size_t i) { return static_cast<unsigned char>(text[i]); }

bool IsContinuation(unsigned char byte) { return (byte & 0xC0U) == 0x80U; }

}  // namespace

std::string OneLine(absl::string_view text) {
  std::string line;
  while (!text.empty()) {
    const size_t bytes = Utf8CharacterBytes(text);
    const absl::string_view character = text.substr(0, bytes);
    if (bytes == 1 && absl::ascii_isspace(Byte(text, 0))) {
      if (!line.empty() && line.back() != ' ') line.push_back(' ');
    } else if (bytes == 0 || IsControl(character)) {
      line.push_back('?');
    } else {
      absl::StrAppend(&line, character);
    }
    text.remove_prefix(bytes == 0 ? 1 : bytes);
  }
  absl::StripTrailingAsciiWhitespace(&line);
  return line;
}

size_t Columns(absl::string_view text) {
  size_t columns = 0;
  for (const char c : text) columns += IsContinuation(static_cast<unsigned char>(c)) ? 0 : 1;
  return columns;
}

std::string KeepEnd(absl::string_view text, size_t columns) {
  size_t surplus = Columns(text);
  if (surplus <= columns) return std::string(text);
  surplus -= columns - 1;
  size_t start = 0;
  for (; surplus > 0; --surplus) {
    do {
      ++start;
    } while (start < text.size() && IsContinuation(Byte(text, start)));
  }
  return absl::StrCat("\xE2\x80\xA6", text.substr(start));
}

std::string PadRight(absl::string_view text, size_t columns) {
  const size_t used = Columns(text);
  return absl::StrCat(text, std::string(used < columns ? columns - used : 0, ' '));
}

}  // namespace bayespfl
