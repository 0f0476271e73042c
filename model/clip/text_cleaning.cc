#include "model/clip/text_cleaning.h"

#include <unicode/locid.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "model/clip/html_entities.h"

namespace bayespfl {
namespace {

struct Ligature {
  char32_t character;
  std::u32string_view letters;
};

// Typographic ligatures and the digraphs that exist for old encodings only; "æ" and the like are letters.
constexpr std::array<Ligature, 22> kLigatures = {{
    {0x0132, U"IJ"},      {0x0133, U"ij"},      {0x0149, U"\u02BCn"},  // n preceded by an apostrophe letter
    {0x01C4, U"D\u017D"}, {0x01C5, U"D\u017E"}, {0x01C6, U"d\u017E"}, {0x01C7, U"LJ"}, {0x01C8, U"Lj"},
    {0x01C9, U"lj"},      {0x01CA, U"NJ"},      {0x01CB, U"Nj"},      {0x01CC, U"nj"}, {0x01F1, U"DZ"},
    {0x01F2, U"Dz"},      {0x01F3, U"dz"},      {0xFB00, U"ff"},      {0xFB01, U"fi"}, {0xFB02, U"fl"},
    {0xFB03, U"ffi"},     {0xFB04, U"ffl"},     {0xFB05, U"\u017Ft"},  // long s and t
    {0xFB06, U"st"},
}};

// Below this every string is in normalisation form C already.
constexpr char32_t kFirstCombiningMark = 0x0300;

// Reads the code point at `*position` and moves on; negative if the bytes there are not valid UTF-8.
UChar32 ReadCodePoint(absl::string_view text, int32_t* position) {
  UChar32 c = 0;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"  // inside ICU's macro
  // NOLINTNEXTLINE(bugprone-inc-dec-in-conditions): inside ICU's macro too
  U8_NEXT(text.data(), *position, static_cast<int32_t>(text.size()), c);
#pragma GCC diagnostic pop
  return c;
}

absl::StatusOr<std::u32string> DecodeUtf8(absl::string_view text) {
  std::u32string decoded;
  decoded.reserve(text.size());
  for (int32_t position = 0; position < static_cast<int32_t>(text.size());) {
    const int32_t begin = position;
    const UChar32 c = ReadCodePoint(text, &position);
    if (c < 0) return absl::InvalidArgumentError(absl::StrCat("the text is not valid UTF-8 at byte ", begin));
    decoded.push_back(static_cast<char32_t>(c));
  }
  return decoded;
}

icu::UnicodeString ToIcu(std::u32string_view text) {
  icu::UnicodeString converted(static_cast<int32_t>(text.size()), 0, 0);
  for (char32_t c : text) converted.append(static_cast<UChar32>(c));
  return converted;
}

void AppendIcu(const icu::UnicodeString& text, std::u32string* out) {
  for (int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1)) {
    out->push_back(static_cast<char32_t>(text.char32At(i)));
  }
}

absl::Status CheckIcu(UErrorCode code, absl::string_view what) {
  if (U_SUCCESS(code)) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("ICU cannot ", what, ": ", u_errorName(code)));
}

// Fullwidth and halfwidth forms have their normal width as compatibility decomposition.
void AppendInNormalWidth(char32_t c, const icu::Normalizer2& nfkc, std::u32string* out) {
  constexpr char32_t kFirstForm = 0xFF01;
  constexpr char32_t kLastForm = 0xFFEF;
  constexpr char32_t kIdeographicSpace = 0x3000;
  icu::UnicodeString decomposition;
  if (c == kIdeographicSpace) {
    out->push_back(U' ');
  } else if (c >= kFirstForm && c <= kLastForm && nfkc.getDecomposition(static_cast<UChar32>(c), decomposition)) {
    AppendIcu(decomposition, out);
  } else {
    out->push_back(c);
  }
}

char32_t StraightenQuote(char32_t c) {
  if (c == 0x02BC || (c >= 0x2018 && c <= 0x201B)) return U'\'';
  if (c >= 0x201C && c <= 0x201F) return U'"';
  return c;
}

char32_t FixLineBreak(char32_t c) { return c == U'\r' || c == 0x2028 || c == 0x2029 || c == 0x85 ? U'\n' : c; }

// C1 controls, ligatures, widths, quotes and line breaks, character by character. ("\r\n" becomes two line breaks,
// not one: runs of white space collapse later.)
std::u32string FoldCharacters(std::u32string_view text, const icu::Normalizer2& nfkc) {
  std::u32string folded;
  folded.reserve(text.size());
  for (char32_t raw : text) {
    const char32_t c = ReadC1AsWindows1252(raw);
    const auto* ligature = std::find_if(kLigatures.begin(), kLigatures.end(),
                                        [c](const Ligature& candidate) { return candidate.character == c; });
    if (ligature != kLigatures.end()) {
      folded.append(ligature->letters);
    } else {
      AppendInNormalWidth(c, nfkc, &folded);
    }
  }
  for (char32_t& c : folded) c = FixLineBreak(StraightenQuote(c));
  return folded;
}

// The position after the escape sequence "ESC [ digits and semicolons, letter" at `position`, or `position`.
size_t SkipTerminalEscape(std::u32string_view text, size_t position) {
  constexpr char32_t kEscape = 0x1B;
  if (text[position] != kEscape || position + 1 >= text.size() || text[position + 1] != U'[') return position;
  size_t end = position + 2;
  while (end < text.size() && (text[end] == U';' || u_isdigit(static_cast<UChar32>(text[end])))) ++end;
  const bool has_letter =
      end < text.size() && ((text[end] >= U'a' && text[end] <= U'z') || (text[end] >= U'A' && text[end] <= U'Z'));
  return has_letter ? end + 1 : position;
}

// ASCII controls but those that are white space, deprecated Arabic controls, byte order mark, annotation marks.
bool IsRemovedControl(char32_t c) {
  const bool kept_space = c == U'\t' || c == U'\n' || c == U'\f' || c == U'\r';
  return (c < 0x20 && !kept_space) || c == 0x7F || (c >= 0x206A && c <= 0x206F) || c == 0xFEFF ||
         (c >= 0xFFF9 && c <= 0xFFFC);
}

std::u32string RemoveControls(std::u32string_view text) {
  std::u32string kept;
  kept.reserve(text.size());
  for (size_t position = 0; position < text.size();) {
    const size_t after_escape = SkipTerminalEscape(text, position);
    if (after_escape != position) {
      position = after_escape;
      continue;
    }
    if (!IsRemovedControl(text[position])) kept.push_back(text[position]);
    ++position;
  }
  return kept;
}

// ICU's normaliser sorts each run of combining marks by insertion, so one endless run would take quadratic time.
absl::Status CheckCombiningMarks(std::u32string_view text) {
  int run = 0;
  for (char32_t c : text) {
    const bool starts_anew = c < kFirstCombiningMark ||
                             u_getIntPropertyValue(static_cast<UChar32>(c), UCHAR_LEAD_CANONICAL_COMBINING_CLASS) == 0;
    run = starts_anew ? 0 : run + 1;
    if (run > kMaxCombiningMarks) {
      return absl::InvalidArgumentError(
          absl::StrCat("the text has more than ", kMaxCombiningMarks, " combining marks in a row"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::u32string> Compose(std::u32string text, const icu::Normalizer2& nfc) {
  if (std::all_of(text.begin(), text.end(), [](char32_t c) { return c < kFirstCombiningMark; })) return text;
  if (absl::Status status = CheckCombiningMarks(text); !status.ok()) return status;
  UErrorCode code = U_ZERO_ERROR;
  const icu::UnicodeString composed = nfc.normalize(ToIcu(text), code);
  if (absl::Status status = CheckIcu(code, "normalise the text"); !status.ok()) return status;
  std::u32string result;
  AppendIcu(composed, &result);
  return result;
}

struct Normalizers {
  const icu::Normalizer2* nfc = nullptr;
  const icu::Normalizer2* nfkc = nullptr;
};

// ICU's shared instances, which live as long as the process.
absl::StatusOr<Normalizers> GetNormalizers() {
  UErrorCode code = U_ZERO_ERROR;
  Normalizers normalizers;
  normalizers.nfc = icu::Normalizer2::getNFCInstance(code);
  normalizers.nfkc = icu::Normalizer2::getNFKCInstance(code);
  if (absl::Status status = CheckIcu(code, "load its normalisation data"); !status.ok()) return status;
  return normalizers;
}

// Step 1 for one line. Each pass can uncover work for the next: "&amp;lt;" becomes "&lt;" becomes "<".
absl::StatusOr<std::u32string> FixLine(std::u32string line, bool unescape, const Normalizers& normalizers) {
  for (int pass = 0; pass <= kMaxEscapeNesting; ++pass) {
    std::u32string fixed = unescape ? UnescapeHtmlStrictly(line) : line;
    fixed = RemoveControls(FoldCharacters(fixed, *normalizers.nfkc));
    absl::StatusOr<std::u32string> composed = Compose(std::move(fixed), *normalizers.nfc);
    if (!composed.ok() || *composed == line) return composed;
    line = *std::move(composed);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the text has HTML escapes nested more than ", kMaxEscapeNesting, " deep"));
}

absl::StatusOr<std::u32string> FixText(std::u32string_view text) {
  const absl::StatusOr<Normalizers> normalizers = GetNormalizers();
  if (!normalizers.ok()) return normalizers.status();
  std::u32string fixed;
  fixed.reserve(text.size());
  bool unescape = true;
  for (size_t begin = 0; begin < text.size();) {
    const size_t line_break = text.find(U'\n', begin);
    const size_t end = line_break == std::u32string_view::npos ? text.size() : line_break + 1;
    std::u32string line(text.substr(begin, end - begin));
    // A "<" hints at markup, whose escapes mean something.
    unescape = unescape && line.find(U'<') == std::u32string::npos;
    const absl::StatusOr<std::u32string> fixed_line = FixLine(std::move(line), unescape, *normalizers);
    if (!fixed_line.ok()) return fixed_line.status();
    fixed += *fixed_line;
    begin = end;
  }
  return fixed;
}

std::u32string CollapseWhiteSpace(std::u32string_view text) {
  std::u32string collapsed;
  collapsed.reserve(text.size());
  bool space_pending = false;
  for (char32_t c : text) {
    if (u_isUWhiteSpace(static_cast<UChar32>(c))) {
      space_pending = !collapsed.empty();
      continue;
    }
    if (space_pending) collapsed.push_back(U' ');
    space_pending = false;
    collapsed.push_back(c);
  }
  return collapsed;
}

std::string ToLowerUtf8(std::u32string_view text) {
  std::string lower;
  ToIcu(text).toLower(icu::Locale::getRoot()).toUTF8String(lower);
  return lower;
}

}  // namespace

absl::StatusOr<std::string> CleanText(absl::string_view text) {
  if (text.size() > kMaxTextBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the text has ", text.size(), " bytes, more than the limit of ", kMaxTextBytes));
  }
  const absl::StatusOr<std::u32string> decoded = DecodeUtf8(text);
  if (!decoded.ok()) return decoded.status();
  const absl::StatusOr<std::u32string> fixed = FixText(*decoded);
  if (!fixed.ok()) return fixed.status();
  return ToLowerUtf8(CollapseWhiteSpace(UnescapeHtml(UnescapeHtml(*fixed))));
}

}  // namespace bayespfl
