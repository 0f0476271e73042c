// Category names: any bytes.
#include <cstdlib>
#include <memory>
#include <string>

#include "model/clip/tokenizer.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/support/paths.h"

namespace {

const bayespfl::Tokenizer& TheTokenizer() {
  static const auto* const kTokenizer = [] {
    auto loaded = bayespfl::Tokenizer::Load(bayespfl::testing::Asset("demo/model/bpe_simple_vocab_16e6.txt.gz"));
    bayespfl::fuzz::Check(loaded.ok(), "the vocabulary cannot be loaded");
    return loaded->release();
  }();
  return *kTokenizer;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto ids = TheTokenizer().Encode(text);
  const auto special = TheTokenizer().ContainsSpecialToken(text);
  bayespfl::fuzz::Check(ids.ok() == special.ok(), "one call takes the text, the other does not");
  if (!ids.ok()) return 0;
  bayespfl::fuzz::Check(ids->size() >= 2 && ids->front() == bayespfl::Tokenizer::kStartOfText &&
                            ids->back() == bayespfl::Tokenizer::kEndOfText,
                        "no start or no end");
  for (size_t i = 0; i < ids->size(); ++i) {
    const int32_t id = (*ids)[i];
    bayespfl::fuzz::Check(id >= 0 && id <= bayespfl::Tokenizer::kClass, "an id outside the vocabulary");
    const bool inside = i > 0 && i + 1 < ids->size();
    bayespfl::fuzz::Check(*special || !inside || id < bayespfl::Tokenizer::kStartOfText, "a hidden special token");
  }
  return 0;
}
