#include "client/cpp/text.h"

#include <array>
#include <charconv>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace bayespfl::client {
namespace {

unsigned char Byte(absl::string_view text, size_t i) { return static_cast<unsigned char>(text[i]); }

bool IsContinuation(unsigned char byte) { return (byte & 0xC0U) == 0x80U; }

// Bytes of the character at the front of a text that is not empty; 0 when it is ill-formed.
size_t CharacterBytes(absl::string_view text) {
  const unsigned char lead = Byte(text, 0);
  if (lead < 0x80) return 1;
  const size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < bytes) return 0;
  uint32_t code = lead & (0xFFU >> (bytes + 1));
  for (size_t i = 1; i < bytes; ++i) {
    if (!IsContinuation(Byte(text, i))) return 0;
    code = (code << 6U) | (Byte(text, i) & 0x3FU);
  }
  const bool overlong = (bytes == 3 && code < 0x800) || (bytes == 4 && code < 0x10000);
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  return overlong || surrogate || code > 0x10FFFF ? 0 : bytes;
}

}  // namespace

bool IsUtf8(absl::string_view text) {
  while (!text.empty()) {
    const size_t bytes = CharacterBytes(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

std::string OneLine(absl::string_view text) {
  std::string line;
  while (!text.empty()) {
    const size_t bytes = CharacterBytes(text);
    // U+0080..U+009F are control characters too, in the two bytes C2 80..C2 9F.
    const bool c1_control = bytes == 2 && Byte(text, 0) == 0xC2 && Byte(text, 1) < 0xA0;
    if (bytes == 1 && absl::ascii_isspace(Byte(text, 0))) {
      if (!line.empty() && line.back() != ' ') line.push_back(' ');
    } else if (bytes == 0 || c1_control || (bytes == 1 && absl::ascii_iscntrl(Byte(text, 0)))) {
      line.push_back('?');
    } else {
      absl::StrAppend(&line, text.substr(0, bytes));
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

double ShortestDecimal(float value) {
  std::array<char, 32> digits{};
  const std::to_chars_result written = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  double shortest = value;
  std::from_chars(digits.data(), written.ptr, shortest);
  return shortest;
}

std::string PadRight(absl::string_view text, size_t columns) {
  const size_t used = Columns(text);
  return absl::StrCat(text, std::string(used < columns ? columns - used : 0, ' '));
}

}  // namespace bayespfl::client
