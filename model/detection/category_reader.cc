#include "model/detection/category_reader.h"

#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "model/detection/detection.h"

namespace bayespfl {
namespace {

// start and "X" stand before the category's own tokens.
constexpr int64_t kTokensBefore = 2;

absl::Status About(const absl::Status& status) {
  return absl::InvalidArgumentError(absl::StrCat("category: ", status.message()));
}

}  // namespace

absl::StatusOr<CategoryReader> CategoryReader::Create(const std::string& vocabulary_path, const ModelConfig& config) {
  auto tokenizer = Tokenizer::Load(vocabulary_path);
  if (!tokenizer.ok()) return tokenizer.status();
  return CategoryReader(*std::move(tokenizer), config);
}

CategoryReader::CategoryReader(std::unique_ptr<const Tokenizer> tokenizer, const ModelConfig& config)
    : tokenizer_(std::move(tokenizer)),
      names_(config.category_names),
      context_length_(config.context_length),
      last_end_(config.context_length - config.context_rows - config.state_rows) {}

absl::StatusOr<ReadCategory> CategoryReader::Read(absl::string_view category) const {
  if (absl::StripAsciiWhitespace(category).empty()) return absl::InvalidArgumentError("category is empty");
  if (category.size() > static_cast<size_t>(kMaxCategoryBytes)) {
    return absl::InvalidArgumentError(
        absl::StrCat("category has ", category.size(), " bytes; the limit is ", kMaxCategoryBytes));
  }
  const absl::StatusOr<bool> special = tokenizer_->ContainsSpecialToken(category);
  if (!special.ok()) return About(special.status());
  if (*special)
    return absl::InvalidArgumentError("category contains a special token of the tokeniser such as <|endoftext|>");

  const auto named = names_.find(std::string(category));
  const std::string words = named == names_.end() ? std::string(category) : named->second;
  absl::StatusOr<std::vector<int32_t>> ids = tokenizer_->Encode(absl::StrCat("X ", words));
  if (!ids.ok()) return About(ids.status());
  const auto end_position = static_cast<int64_t>(ids->size()) - 1;
  if (end_position == kTokensBefore) return absl::InvalidArgumentError("category is empty after clean-up");
  if (end_position > last_end_) {
    return absl::InvalidArgumentError(absl::StrCat("category has ", end_position - kTokensBefore,
                                                   " tokens; the model's context of ", context_length_,
                                                   " leaves room for ", last_end_ - kTokensBefore));
  }
  absl::StatusOr<std::string> key = KeyOf(words);
  if (!key.ok()) return About(key.status());
  return ReadCategory{*std::move(key), *std::move(ids)};
}

absl::StatusOr<std::string> CategoryReader::KeyOf(const std::string& words) const {
  // One pass may leave text that another would change ("&amp;amp;lt;"); a key must be its own key, so that a
  // calibration file can be checked. A pass that changes such text takes bytes away.
  std::string key = words;
  for (int pass = 0; pass < kMaxCategoryBytes; ++pass) {
    const absl::StatusOr<std::string> cleaned = tokenizer_->Clean(absl::StrCat("X ", key));
    if (!cleaned.ok()) return cleaned.status();
    const std::string next(absl::StripPrefix(*cleaned, "x "));
    if (next == key) return key;
    key = next;
  }
  return absl::InvalidArgumentError("its clean-up comes to no end");
}

}  // namespace bayespfl
