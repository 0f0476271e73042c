// Weight files: the header and every view must lie inside the file.
#include <unistd.h>

#include <string>

#include "model/package/safetensors.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const bayespfl::fuzz::MemoryFile file(data, size);
  const auto opened = bayespfl::SafetensorsFile::Open(file.path());
  if (!opened.ok()) return 0;
  const auto bytes = (*opened)->bytes();
  for (const auto& [name, view] : (*opened)->tensors()) {
    size_t expected = bayespfl::DTypeSize(view.dtype);
    for (const int64_t length : view.shape) expected *= static_cast<size_t>(length);
    bayespfl::fuzz::Check(view.data.size() == expected, "a view of another size than its shape");
    bayespfl::fuzz::Check(view.data.empty() || (view.data.data() >= bytes.data() &&
                                                view.data.data() + view.data.size() <= bytes.data() + bytes.size()),
                          "a view outside the file");
  }
  return 0;
}
