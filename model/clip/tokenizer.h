// CLIP's byte-pair-encoding tokeniser (Radford et al. 2021; vocabulary bpe_simple_vocab_16e6).
//
// A text is cleaned (text_cleaning.h), split into words, numerals and punctuation, and each piece's UTF-8 bytes are
// merged pair by pair in the order of the vocabulary. Encoding takes microseconds for a category's name and
// O(n log n) for a text of n bytes, whatever it holds.
#ifndef BAYESPFL_MODEL_CLIP_TOKENIZER_H_
#define BAYESPFL_MODEL_CLIP_TOKENIZER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/package/limits.h"

namespace bayespfl {

// Immutable after construction; every const method may be called from any thread.
class Tokenizer {
 public:
  static constexpr int32_t kStartOfText = 49406;
  static constexpr int32_t kEndOfText = 49407;
  static constexpr int32_t kClass = 49408;  // the reference's extra "<|class|>" token

  // Loads a merges file, gzip-compressed or plain ("bpe_simple_vocab_16e6.txt[.gz]").
  // The file's header and its first 48894 merges are used; a larger vocabulary's further lines are ignored.
  // NotFound: no such file. DataLoss: damaged or truncated gzip data, more than kMaxVocabularyBytes when decompressed,
  // or not a CLIP merges file (no header, too few merges, malformed line, unknown or repeated symbol; the message names
  // the line).
  // A file that cannot be opened gives the code of its errno (PermissionDenied ...).
  static absl::StatusOr<std::unique_ptr<const Tokenizer>> Load(const std::string& path);

  ~Tokenizer();
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  // The text after clean-up, in lower case; see CleanText in text_cleaning.h for the steps.
  // InvalidArgument, here and below: not valid UTF-8, or beyond a limit of text_cleaning.h (a million bytes).
  absl::StatusOr<std::string> Clean(absl::string_view text) const;

  // [start] + ids + [end], no padding and no limit on the number of ids. Special tokens written in the text are
  // recognised, also in capitals or with their brackets as HTML entities.
  absl::StatusOr<std::vector<int32_t>> Encode(absl::string_view text) const;

  // True when the text contains a special token ("<|startoftext|>", "<|endoftext|>", "<|class|>"), in any case, after
  // clean-up: such a category would move the end-of-text position and is refused by callers.
  absl::StatusOr<bool> ContainsSpecialToken(absl::string_view text) const;

 private:
  struct Impl;
  explicit Tokenizer(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_CLIP_TOKENIZER_H_
