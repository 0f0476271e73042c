// An object's name as the model reads it: the tokens of its prompt.
#ifndef BAYESPFL_MODEL_DETECTION_OBJECT_READER_H_
#define BAYESPFL_MODEL_DETECTION_OBJECT_READER_H_

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

// Immutable after Create(); thread-safe.
class ObjectReader {
 public:
  // Loads the vocabulary. Errors as Tokenizer::Load().
  static absl::StatusOr<ObjectReader> Create(const std::string& vocabulary_path, const ModelConfig& config);

  // Token ids of "X <words>": start .. end of text, "X" at position 1; no padding. The words are the object's, or those
  // that the package has for a data set's name ("pcb1"). InvalidArgument, beginning with "object": empty, longer than
  // kMaxCategoryBytes, not UTF-8, holds a special token, or too many tokens for the package's context length.
  absl::StatusOr<std::vector<int32_t>> Read(absl::string_view object) const;

 private:
  ObjectReader(std::unique_ptr<const Tokenizer> tokenizer, const ModelConfig& config);

  std::unique_ptr<const Tokenizer> tokenizer_;
  std::map<std::string, std::string> names_;  // of data sets -> words
  int64_t context_length_;
  int64_t last_end_;  // where the end of text may stand at most
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_DETECTION_OBJECT_READER_H_
