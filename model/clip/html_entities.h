// HTML character references ("&amp;", "&#x41;", "&lt") turned into the characters they stand for.
//
// Two readings exist because the reference's clean-up uses two: the strict one (ftfy) only touches what was certainly
// meant as a reference, the lenient one is the HTML standard's as in Python's html.unescape.
//
// Both decode once ("&amp;amp;" gives "&amp;"), take time linear in the text, accept any code points and are safe to
// call from any thread.
#ifndef BAYESPFL_MODEL_CLIP_HTML_ENTITIES_H_
#define BAYESPFL_MODEL_CLIP_HTML_ENTITIES_H_

#include <string>
#include <string_view>

namespace bayespfl {

// Lenient: named references with or without ";" where HTML allows that, the longest name winning ("&notit;" is "¬it;"
// while "&notin;" is "∉"), decimal and hexadecimal numbers with or without ";". Numbers 0x80..0x9F mean Windows-1252
// ("&#x80;" is "€"), surrogates and numbers above 0x10FFFF become U+FFFD, control characters and noncharacters vanish.
std::u32string UnescapeHtml(std::u32string_view text);

// Strict: only references that end in ";" and have at most 24 letters or digits. Names of lower-case letters are also
// known in capitals ("&EACUTE;" is "É", in capitals like its name) unless HTML reads the capitals differently.
std::u32string UnescapeHtmlStrictly(std::u32string_view text);

// The character that a C1 control (U+0080..U+009F) stands for when it is read as Windows-1252; the five bytes that
// Windows-1252 leaves free, and all other characters, stay as they are.
char32_t ReadC1AsWindows1252(char32_t character);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_CLIP_HTML_ENTITIES_H_
