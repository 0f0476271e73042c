#include "model/detection/object_reader.h"

#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/verdict/categories.h"

namespace bayespfl {
namespace {

// start and "X" stand before the object's own tokens.
constexpr int64_t kTokensBefore = 2;

absl::Status About(const absl::Status& status) {
  return absl::InvalidArgumentError(absl::StrCat("object: ", status.message()));
}

}  // namespace

absl::StatusOr<ObjectReader> ObjectReader::Create(const std::string& vocabulary_path, const ModelConfig& config) {
  auto tokenizer = Tokenizer::Load(vocabulary_path);
  if (!tokenizer.ok()) return tokenizer.status();
  return ObjectReader(*std::move(tokenizer), config);
}

ObjectReader::ObjectReader(std::unique_ptr<const Tokenizer> tokenizer, const ModelConfig& config)
    : tokenizer_(std::move(tokenizer)),
      names_(config.category_names),
      context_length_(config.context_length),
      last_end_(config.context_length - config.context_rows - config.state_rows) {}

absl::StatusOr<std::vector<int32_t>> ObjectReader::Read(absl::string_view object) const {
  const absl::StatusOr<std::string> name = CategoryKey(object, "object");
  if (!name.ok()) return name.status();
  const absl::StatusOr<bool> special = tokenizer_->ContainsSpecialToken(*name);
  if (!special.ok()) return About(special.status());
  if (*special)
    return absl::InvalidArgumentError("object contains a special token of the tokeniser such as <|endoftext|>");

  const auto named = names_.find(*name);
  absl::StatusOr<std::vector<int32_t>> ids =
      tokenizer_->Encode(absl::StrCat("X ", named == names_.end() ? *name : named->second));
  if (!ids.ok()) return About(ids.status());
  const auto end_position = static_cast<int64_t>(ids->size()) - 1;
  if (end_position == kTokensBefore) return absl::InvalidArgumentError("object is empty after clean-up");
  if (end_position > last_end_) {
    return absl::InvalidArgumentError(absl::StrCat("object has ", end_position - kTokensBefore,
                                                   " tokens; the model's context of ", context_length_,
                                                   " leaves room for ", last_end_ - kTokensBefore));
  }
  return ids;
}

}  // namespace bayespfl
