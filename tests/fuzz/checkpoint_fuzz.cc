// Checkpoints of strangers: the first byte says whether the rest is a pickle or a whole PyTorch file.
#include <vector>

#include "model/checkpoint/checkpoint.h"
#include "model/checkpoint/pickle.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  if (data[0] == 'p') {
    (void)bayespfl::Pickle::Parse({data + 1, size - 1});
    return 0;
  }
  const bayespfl::fuzz::MemoryFile file(data + 1, size - 1);
  const auto checkpoint = bayespfl::Checkpoint::Open(file.path());
  if (!checkpoint.ok()) return 0;
  std::vector<uint8_t> bytes;
  for (const auto& [name, info] : (*checkpoint)->tensors()) {
    if (!(*checkpoint)->Read(name, bytes).ok()) continue;
    size_t expected = bayespfl::DTypeSize(info.dtype);
    for (const int64_t length : info.shape) expected *= static_cast<size_t>(length);
    bayespfl::fuzz::Check(bytes.size() == expected, "a tensor of another size than its shape");
    bayespfl::fuzz::Check(bytes.size() <= size, "a tensor larger than the file");
  }
  return 0;
}
