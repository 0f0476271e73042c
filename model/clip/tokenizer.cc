#include "model/clip/tokenizer.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "model/clip/text_cleaning.h"

namespace bayespfl {
namespace {

constexpr int32_t kByteSymbols = 256;
constexpr int32_t kFirstMerge = 2 * kByteSymbols;  // the byte symbols come twice: inside a word and ending one
constexpr int32_t kMerges = Tokenizer::kStartOfText - kFirstMerge;
static_assert(kMerges == 48894);
constexpr absl::string_view kWordEnd = "</w>";
constexpr absl::string_view kHeaderMark = "#version:";

struct SpecialToken {
  absl::string_view text;
  int32_t id;
};
constexpr std::array<SpecialToken, 3> kSpecialTokens = {{{"<|startoftext|>", Tokenizer::kStartOfText},
                                                         {"<|endoftext|>", Tokenizer::kEndOfText},
                                                         {"<|class|>", Tokenizer::kClass}}};
constexpr std::array<absl::string_view, 7> kContractions = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};

using MergeTable = absl::flat_hash_map<uint64_t, int32_t>;  // PairKey -> id of the symbol the pair becomes

uint64_t PairKey(int32_t left, int32_t right) {
  return (static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32) | static_cast<uint32_t>(right);
}

// ---- The vocabulary file ----

// Reads a gzip-compressed or plain file of at most kMaxVocabularyBytes after decompression.
absl::StatusOr<std::string> ReadVocabularyFile(const std::string& path) {
  std::error_code error;
  const std::filesystem::file_status file = std::filesystem::status(path, error);
  if (file.type() == std::filesystem::file_type::not_found) {
    return absl::NotFoundError(absl::StrCat(path, ": no such vocabulary file"));
  }
  if (error) return absl::ErrnoToStatus(error.value(), path);
  if (file.type() != std::filesystem::file_type::regular) {
    return absl::DataLossError(absl::StrCat(path, ": not a regular file"));
  }
  errno = 0;
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> stream(gzopen(path.c_str(), "rb"), gzclose);
  if (stream == nullptr) return absl::ErrnoToStatus(errno != 0 ? errno : ENOMEM, absl::StrCat("cannot open ", path));
  std::string content;
  std::vector<char> chunk(size_t{1} << 16);
  int count = 0;
  while ((count = gzread(stream.get(), chunk.data(), static_cast<unsigned>(chunk.size()))) > 0) {
    content.append(chunk.data(), static_cast<size_t>(count));
    if (content.size() > kMaxVocabularyBytes) {
      return absl::DataLossError(absl::StrCat(path, ": more than ", kMaxVocabularyBytes, " bytes when decompressed"));
    }
  }
  int code = Z_OK;  // a file that stops early ends like a good one, with Z_BUF_ERROR here
  const char* message = gzerror(stream.get(), &code);
  if (count < 0 || code != Z_OK) {
    return absl::DataLossError(absl::StrCat(path, ": damaged or truncated gzip file (", message, ")"));
  }
  return content;
}

// Takes the text up to the next "\n" off the front; false at the end of the text.
bool TakeLine(absl::string_view* text, absl::string_view* line) {
  if (text->empty()) return false;
  const size_t end = std::min(text->find('\n'), text->size());
  *line = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return true;
}

// The code point by which the vocabulary writes each byte: printable Latin-1 stands for itself, the rest follows from
// U+0100 on. Ordered by the id of the byte's symbol.
struct ByteSymbol {
  uint8_t byte;
  char32_t character;
};

std::array<ByteSymbol, kByteSymbols> ByteAlphabet() {
  const auto printable = [](int byte) {
    return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  };
  std::array<ByteSymbol, kByteSymbols> alphabet = {};
  size_t id = 0;
  for (int byte = 0; byte < kByteSymbols; ++byte) {
    if (printable(byte)) alphabet[id++] = {static_cast<uint8_t>(byte), static_cast<char32_t>(byte)};
  }
  char32_t next = 0x100;
  for (int byte = 0; byte < kByteSymbols; ++byte) {
    if (!printable(byte)) alphabet[id++] = {static_cast<uint8_t>(byte), next++};
  }
  return alphabet;
}

std::string ToUtf8(char32_t character) {
  std::array<char, U8_MAX_LENGTH> bytes = {};
  size_t length = 0;
  U8_APPEND_UNSAFE(bytes.data(), length, static_cast<UChar32>(character));
  return std::string(bytes.data(), length);
}

// Reads the merges in order of rank. Every symbol must be known before the line that uses it and every merge must
// make a new one: that is what lets MergeSymbols go by the lowest id alone.
class MergeReader {
 public:
  MergeReader() {
    int32_t id = 0;
    for (const ByteSymbol& symbol : ByteAlphabet()) {
      const std::string text = ToUtf8(symbol.character);
      symbols_[absl::StrCat(text, kWordEnd)] = id + kByteSymbols;
      symbols_[text] = id++;
    }
    merges_.reserve(kMerges);
  }

  // Adds the next merge, "left right"; an error says what is wrong with the line.
  absl::Status Add(absl::string_view line) {
    const size_t space = line.find(' ');
    if (space == absl::string_view::npos || line.find(' ', space + 1) != absl::string_view::npos) {
      return absl::DataLossError("expected two symbols separated by one space");
    }
    const auto left = symbols_.find(line.substr(0, space));
    const auto right = symbols_.find(line.substr(space + 1));
    if (left == symbols_.end() || right == symbols_.end()) {
      return absl::DataLossError("a symbol is neither a byte nor made by an earlier line");
    }
    const int32_t id = kFirstMerge + static_cast<int32_t>(merges_.size());
    merges_[PairKey(left->second, right->second)] = id;
    if (!symbols_.emplace(absl::StrCat(left->first, right->first), id).second) {
      return absl::DataLossError("the merged symbol exists already");
    }
    return absl::OkStatus();
  }

  MergeTable Take() && { return std::move(merges_); }

 private:
  absl::flat_hash_map<std::string, int32_t> symbols_;  // text -> id
  MergeTable merges_;
};

absl::StatusOr<MergeTable> ParseMerges(absl::string_view text) {
  absl::string_view line;
  if (!TakeLine(&text, &line) || !absl::StrContains(line, kHeaderMark)) {
    return absl::DataLossError(absl::StrCat("line 1: not the header of a merges file (no \"", kHeaderMark, "\")"));
  }
  MergeReader reader;
  for (int number = 2; number < kMerges + 2; ++number) {
    if (!TakeLine(&text, &line)) {
      return absl::DataLossError(
          absl::StrCat("line ", number, ": the file ends here, but ", kMerges, " merges are expected"));
    }
    if (absl::Status status = reader.Add(line); !status.ok()) {
      return absl::DataLossError(absl::StrCat("line ", number, ": ", status.message()));
    }
  }
  return std::move(reader).Take();  // CLIP ignores the file's further lines
}

// ---- Splitting ----

// True when `text` begins with `literal` in the sense of the reference's case-insensitive pattern. The text is in lower
// case already, but the long s (U+017F) is a lower-case letter that equals "s" there. `length` is set to the match's
// bytes.
bool MatchesPrefix(absl::string_view text, absl::string_view literal, size_t* length) {
  constexpr absl::string_view kLongS = "\xC5\xBF";
  size_t at = 0;
  for (char c : literal) {
    if (at < text.size() && text[at] == c) {
      ++at;
    } else if (c == 's' && absl::StartsWith(text.substr(at), kLongS)) {
      at += kLongS.size();
    } else {
      return false;
    }
  }
  *length = at;
  return true;
}

enum class CharacterClass { kSpace, kLetter, kNumber, kOther };

// Reads the character at `*position` of valid UTF-8 and moves on to the next.
CharacterClass ReadClass(absl::string_view text, size_t* position) {
  UChar32 c = 0;
  U8_NEXT_UNSAFE(text.data(), *position, c);
  if (u_isUWhiteSpace(c)) return CharacterClass::kSpace;
  const uint32_t category = U_GET_GC_MASK(c);
  if ((category & U_GC_L_MASK) != 0) return CharacterClass::kLetter;
  return (category & U_GC_N_MASK) != 0 ? CharacterClass::kNumber : CharacterClass::kOther;
}

// The length in bytes of the special token or contraction that `text` begins with, or 0.
size_t MatchFixedPiece(absl::string_view text) {
  size_t length = 0;
  for (const SpecialToken& token : kSpecialTokens) {
    if (MatchesPrefix(text, token.text, &length)) return length;
  }
  for (absl::string_view contraction : kContractions) {
    if (MatchesPrefix(text, contraction, &length)) return length;
  }
  return 0;
}

// The length in bytes of the run of letters, the single number character or the run of others that `text` begins with.
size_t MatchRun(absl::string_view text) {
  size_t length = 0;
  const CharacterClass first = ReadClass(text, &length);
  if (first == CharacterClass::kNumber) return length;
  for (size_t next = length; length < text.size() && ReadClass(text, &next) == first; length = next) {
  }
  return length;
}

// Takes the next piece off the front of cleaned text, whose only white space is single spaces; empty at the end.
absl::string_view TakePiece(absl::string_view* text) {
  if (absl::StartsWith(*text, " ")) text->remove_prefix(1);
  if (text->empty()) return {};
  const size_t fixed_length = MatchFixedPiece(*text);
  const absl::string_view piece = text->substr(0, fixed_length != 0 ? fixed_length : MatchRun(*text));
  text->remove_prefix(piece.size());
  return piece;
}

// ---- Merging ----

// The symbols of one piece as a doubly linked list in an array; a merge keeps the left node and unlinks the right one.
struct Node {
  int32_t symbol;
  int32_t previous;  // -1: none
  int32_t next;      // -1: none
};
constexpr int32_t kUnlinked = -1;  // the symbol of an unlinked node

// A merge that was possible when it was queued.
struct Candidate {
  int32_t merged;
  int32_t node;  // the left one
  int32_t left;
  int32_t right;

  // Lowest rank first, then from left to right.
  bool operator>(const Candidate& other) const {
    return merged != other.merged ? merged > other.merged : node > other.node;
  }
};
using CandidateQueue = std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>>;

// Merges until no pair is left, in O(n log n) for n nodes. Equal to merging all occurrences of the lowest-ranked pair
// at a time: a pair that contains a new symbol always ranks after the merge that made it.
void MergeSymbols(const MergeTable& merges, std::vector<Node>* nodes) {
  CandidateQueue queue;
  const auto consider = [&](int32_t index) {
    if (index < 0 || (*nodes)[static_cast<size_t>(index)].next < 0) return;
    const Node& left = (*nodes)[static_cast<size_t>(index)];
    const Node& right = (*nodes)[static_cast<size_t>(left.next)];
    const auto merge = merges.find(PairKey(left.symbol, right.symbol));
    if (merge != merges.end()) queue.push({merge->second, index, left.symbol, right.symbol});
  };
  for (int32_t index = 0; index < static_cast<int32_t>(nodes->size()); ++index) consider(index);
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Node& left = (*nodes)[static_cast<size_t>(best.node)];
    if (left.symbol != best.left || left.next < 0) continue;
    Node& right = (*nodes)[static_cast<size_t>(left.next)];
    if (right.symbol != best.right) continue;
    left.symbol = best.merged;
    right.symbol = kUnlinked;
    left.next = right.next;
    if (left.next >= 0) (*nodes)[static_cast<size_t>(left.next)].previous = best.node;
    consider(left.previous);
    consider(best.node);
  }
}

}  // namespace

struct Tokenizer::Impl {
  MergeTable merges;
  std::array<int32_t, kByteSymbols> byte_ids;  // symbol id of each byte inside a word; + kByteSymbols ends the word

  void AppendPiece(absl::string_view piece, std::vector<int32_t>* ids) const;
};

void Tokenizer::Impl::AppendPiece(absl::string_view piece, std::vector<int32_t>* ids) const {
  for (const SpecialToken& token : kSpecialTokens) {
    if (piece == token.text) {
      ids->push_back(token.id);
      return;
    }
  }
  std::vector<Node> nodes;
  nodes.reserve(piece.size());
  for (char byte : piece) {
    const int32_t index = static_cast<int32_t>(nodes.size());
    nodes.push_back({byte_ids[static_cast<uint8_t>(byte)], index - 1, index + 1});
  }
  nodes.back().symbol += kByteSymbols;
  nodes.back().next = -1;
  MergeSymbols(merges, &nodes);
  for (const Node& node : nodes) {
    if (node.symbol != kUnlinked) ids->push_back(node.symbol);
  }
}

Tokenizer::Tokenizer(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::~Tokenizer() = default;

absl::StatusOr<std::unique_ptr<const Tokenizer>> Tokenizer::Load(const std::string& path) {
  const absl::StatusOr<std::string> content = ReadVocabularyFile(path);
  if (!content.ok()) return content.status();
  absl::StatusOr<MergeTable> merges = ParseMerges(*content);
  if (!merges.ok()) return absl::Status(merges.status().code(), absl::StrCat(path, ": ", merges.status().message()));
  auto impl = std::make_unique<Impl>();
  impl->merges = *std::move(merges);
  int32_t id = 0;
  for (const ByteSymbol& symbol : ByteAlphabet()) impl->byte_ids[symbol.byte] = id++;
  return std::unique_ptr<const Tokenizer>(new Tokenizer(std::move(impl)));
}

absl::StatusOr<std::string> Tokenizer::Clean(absl::string_view text) const { return CleanText(text); }

absl::StatusOr<std::vector<int32_t>> Tokenizer::Encode(absl::string_view text) const {
  const absl::StatusOr<std::string> cleaned = CleanText(text);
  if (!cleaned.ok()) return cleaned.status();
  std::vector<int32_t> ids = {kStartOfText};
  absl::string_view rest = *cleaned;
  for (absl::string_view piece = TakePiece(&rest); !piece.empty(); piece = TakePiece(&rest)) {
    impl_->AppendPiece(piece, &ids);
  }
  ids.push_back(kEndOfText);
  return ids;
}

absl::StatusOr<bool> Tokenizer::ContainsSpecialToken(absl::string_view text) const {
  const absl::StatusOr<std::string> cleaned = CleanText(text);
  if (!cleaned.ok()) return cleaned.status();
  return std::any_of(kSpecialTokens.begin(), kSpecialTokens.end(),
                     [&](const SpecialToken& token) { return absl::StrContains(*cleaned, token.text); });
}

}  // namespace bayespfl
