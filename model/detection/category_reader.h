// A category's name as the model reads it: its words, its tokens, and the key that spellings of one category share.
#ifndef BAYESPFL_MODEL_DETECTION_CATEGORY_READER_H_
#define BAYESPFL_MODEL_DETECTION_CATEGORY_READER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/clip/tokenizer.h"
#include "model/package/model_config.h"

namespace bayespfl {

// A category that the model can take.
struct ReadCategory {
  std::string key;                 // see Detector::CategoryKey
  std::vector<int32_t> token_ids;  // of "X <words>": start .. end of text, "X" at position 1; no padding
};

// Immutable after Create(); thread-safe.
class CategoryReader {
 public:
  // Loads the vocabulary. Errors as Tokenizer::Load().
  static absl::StatusOr<CategoryReader> Create(const std::string& vocabulary_path, const ModelConfig& config);

  // InvalidArgument, beginning with "category": empty, longer than kMaxCategoryBytes, not UTF-8, holds a special token,
  // or too many tokens for the package's context length.
  absl::StatusOr<ReadCategory> Read(absl::string_view category) const;

  // The key of words: what the tokeniser's clean-up makes of them, repeated until it changes nothing. InvalidArgument:
  // they cannot be cleaned.
  absl::StatusOr<std::string> KeyOf(const std::string& words) const;

 private:
  CategoryReader(std::unique_ptr<const Tokenizer> tokenizer, const ModelConfig& config);

  std::unique_ptr<const Tokenizer> tokenizer_;
  std::map<std::string, std::string> names_;  // of data sets -> words
  int64_t context_length_;
  int64_t last_end_;  // where the end of text may stand at most
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_DETECTION_CATEGORY_READER_H_
