#include "model/clip/html_entities.h"

#include <unicode/locid.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include "absl/strings/ascii.h"

namespace bayespfl {
namespace {

struct Entity {
  std::string_view name;
  char32_t first;
  char32_t second;          // 0: the reference stands for one code point
  bool semicolon_optional;  // one of the 106 names that HTML 4 allowed without ";"
};

constexpr Entity kEntities[] = {
#include "model/clip/html_entities.inc"
};

constexpr bool NameLess(const Entity& a, const Entity& b) { return a.name < b.name; }
static_assert(std::is_sorted(std::begin(kEntities), std::end(kEntities), NameLess), "FindEntity searches by halves");

// What 0x80..0x9F mean in Windows-1252, as in HTML; the five holes stay control characters.
constexpr std::array<char32_t, 32> kWindows1252 = {0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
                                                   0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x008D, 0x017D, 0x008F,
                                                   0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                                   0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x009D, 0x017E, 0x0178};

constexpr char32_t kReplacement = 0xFFFD;
constexpr char32_t kBeyondUnicode = 0x110000;
constexpr size_t kMaxLenientName = 32;
constexpr size_t kMaxStrictName = 24;

bool IsDigit(char32_t c) { return c >= U'0' && c <= U'9'; }
bool IsHexDigit(char32_t c) { return IsDigit(c) || (c >= U'a' && c <= U'f') || (c >= U'A' && c <= U'F'); }
bool IsAlphanumeric(char32_t c) { return IsDigit(c) || (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z'); }

// What cannot be part of a reference's name in the lenient reading.
bool EndsName(char32_t c) {
  return c == U'\t' || c == U'\n' || c == U'\f' || c == U' ' || c == U'<' || c == U'&' || c == U'#' || c == U';';
}

const Entity* FindEntity(std::string_view name) {
  const Entity* found = std::lower_bound(std::begin(kEntities), std::end(kEntities), name,
                                         [](const Entity& entity, std::string_view n) { return entity.name < n; });
  return found != std::end(kEntities) && found->name == name ? found : nullptr;
}

// The longest beginning of `name` that HTML reads even without ";", or null.
const Entity* FindLongestPrefix(std::string_view name) {
  constexpr size_t kShortestName = 2;
  for (size_t length = name.size(); length >= kShortestName; --length) {
    const Entity* entity = FindEntity(name.substr(0, length));
    if (entity != nullptr && entity->semicolon_optional) return entity;
  }
  return nullptr;
}

void AppendEntity(const Entity& entity, std::u32string* out) {
  out->push_back(entity.first);
  if (entity.second != 0) out->push_back(entity.second);
}

bool IsDroppedNumber(char32_t number) {
  if (number < 0x20) return number != U'\t' && number != U'\n' && number != U'\f' && number != U'\r';
  const bool noncharacter = (number & 0xFFFE) == 0xFFFE || (number >= 0xFDD0 && number <= 0xFDEF);
  return number == 0x7F || noncharacter;
}

void AppendNumber(char32_t number, std::u32string* out) {
  if (number == 0 || number >= kBeyondUnicode || (number >= 0xD800 && number <= 0xDFFF)) {
    out->push_back(kReplacement);
  } else if (!IsDroppedNumber(number)) {
    out->push_back(ReadC1AsWindows1252(number));
  }
}

struct Number {
  char32_t value = 0;  // stops growing at kBeyondUnicode
  size_t end = 0;      // position after the last digit; 0: there is no digit
};

// Reads the digits of "#65" or "#x41"; `position` is that of "#".
Number ReadNumber(std::u32string_view text, size_t position) {
  size_t at = position + 1;
  const bool hexadecimal = at < text.size() && (text[at] == U'x' || text[at] == U'X');
  if (hexadecimal) ++at;
  const size_t begin = at;
  Number number;
  for (; at < text.size() && (hexadecimal ? IsHexDigit(text[at]) : IsDigit(text[at])); ++at) {
    const uint32_t digit = IsDigit(text[at]) ? text[at] - U'0' : (text[at] | 0x20) - U'a' + 10;
    const uint32_t value = number.value * (hexadecimal ? 16 : 10) + digit;
    number.value = std::min(kBeyondUnicode, static_cast<char32_t>(value));
  }
  number.end = at > begin ? at : 0;
  return number;
}

// The ASCII characters from `begin` on, as bytes; no name has others.
std::string AsciiPrefix(std::u32string_view text) {
  std::string ascii;
  for (char32_t c : text) {
    if (c > 0x7F) break;
    ascii.push_back(static_cast<char>(c));
  }
  return ascii;
}

// Reads the reference whose "&" is at `position`, appends what it stands for and returns the position after it;
// returns `position` if there is none.
size_t ReadLeniently(std::u32string_view text, size_t position, std::u32string* out) {
  const size_t begin = position + 1;
  if (begin < text.size() && text[begin] == U'#') {
    const Number number = ReadNumber(text, begin);
    if (number.end == 0) return position;
    AppendNumber(number.value, out);
    return number.end < text.size() && text[number.end] == U';' ? number.end + 1 : number.end;
  }
  size_t end = begin;
  while (end < text.size() && end - begin < kMaxLenientName && !EndsName(text[end])) ++end;
  const std::string name = AsciiPrefix(text.substr(begin, end - begin));
  if (name.size() == end - begin && end < text.size() && text[end] == U';') {
    if (const Entity* entity = FindEntity(name); entity != nullptr) {
      AppendEntity(*entity, out);
      return end + 1;
    }
  }
  const Entity* entity = FindLongestPrefix(name);
  if (entity == nullptr) return position;
  AppendEntity(*entity, out);
  return begin + entity->name.size();
}

// "&EACUTE;": the capitals of what "&eacute;" stands for. False if the name is not such a one.
bool AppendCapitalised(std::string_view name, std::u32string* out) {
  if (std::any_of(name.begin(), name.end(), absl::ascii_islower)) return false;
  const Entity* entity = FindEntity(absl::AsciiStrToLower({name.data(), name.size()}));
  if (entity == nullptr || FindLongestPrefix(name) != nullptr) return false;
  icu::UnicodeString value(static_cast<UChar32>(entity->first));
  if (entity->second != 0) value.append(static_cast<UChar32>(entity->second));
  value.toUpper(icu::Locale::getRoot());
  for (int32_t i = 0; i < value.length(); i = value.moveIndex32(i, 1)) {
    out->push_back(static_cast<char32_t>(value.char32At(i)));
  }
  return true;
}

// As ReadLeniently, for the strict reading.
size_t ReadStrictly(std::u32string_view text, size_t position, std::u32string* out) {
  const size_t mark = position + 1;
  const bool numeric = mark < text.size() && text[mark] == U'#';
  const size_t begin = numeric ? mark + 1 : mark;
  size_t end = begin;
  while (end < text.size() && end - begin < kMaxStrictName && IsAlphanumeric(text[end])) ++end;
  if (end == begin || end == text.size() || text[end] != U';') return position;
  if (numeric) {
    const Number number = ReadNumber(text, mark);
    // The reference takes a ";" in the result for a reference decoded halfway, so it leaves "&#59;" alone, too.
    if (number.end != end || number.value == U';') return position;
    AppendNumber(number.value, out);
    return end + 1;
  }
  const std::string name = AsciiPrefix(text.substr(begin, end - begin));
  if (const Entity* entity = FindEntity(name); entity != nullptr) {
    AppendEntity(*entity, out);
    return end + 1;
  }
  return AppendCapitalised(name, out) ? end + 1 : position;
}

template <typename Read>
std::u32string ReplaceReferences(std::u32string_view text, Read read) {
  std::u32string out;
  out.reserve(text.size());
  for (size_t position = 0; position < text.size();) {
    const size_t next = text[position] == U'&' ? read(text, position, &out) : position;
    if (next == position) {
      out.push_back(text[position++]);
    } else {
      position = next;
    }
  }
  return out;
}

}  // namespace

char32_t ReadC1AsWindows1252(char32_t character) {
  return character >= 0x80 && character <= 0x9F ? kWindows1252[character - 0x80] : character;
}

std::u32string UnescapeHtml(std::u32string_view text) { return ReplaceReferences(text, ReadLeniently); }

std::u32string UnescapeHtmlStrictly(std::u32string_view text) { return ReplaceReferences(text, ReadStrictly); }

}  // namespace bayespfl
