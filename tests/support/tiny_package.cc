#include "tests/support/tiny_package.h"

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/paths.h"
#include "tests/support/safetensors_fixture.h"

namespace bayespfl::testing {

ModelPackage TinyPackage() {
  const std::string folder = TestData("tiny/");
  const std::vector<uint8_t> text = ReadFileBytes(folder + "config.json");
  ModelPackage package;
  package.dir = folder;
  package.config = ParseModelConfig({reinterpret_cast<const char*>(text.data()), text.size()}).value();
  package.clip = SafetensorsFile::Open(folder + "clip.safetensors").value();
  package.bayespfl = SafetensorsFile::Open(folder + "bayespfl.safetensors").value();
  package.vocabulary_path = Asset("demo/model/bpe_simple_vocab_16e6.txt.gz");
  return package;
}

}  // namespace bayespfl::testing
