#include "tests/model/training/tiny_training.h"

#include "model/clip/tokenizer.h"
#include "tests/support/demo_model.h"
#include "tests/support/safetensors_fixture.h"

namespace bayespfl::testing {

TensorMap LoadTensors(const std::string& path) {
  TensorMap tensors;
  for (const auto& [name, fixture] : LoadSafetensors(path)) {
    tensors.emplace(name, torch::tensor(fixture.values, torch::kFloat32).view(fixture.shape));
  }
  return tensors;
}

std::vector<int32_t> TokensOf(const std::string& prompt) {
  static const auto* const tokenizer = Tokenizer::Load(kDemoModel + "/bpe_simple_vocab_16e6.txt.gz").value().release();
  return tokenizer->Encode(prompt).value();
}

}  // namespace bayespfl::testing
