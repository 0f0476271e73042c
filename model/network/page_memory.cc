#include "model/network/page_memory.h"

#include <ATen/EmptyTensor.h>
#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace bayespfl {
namespace {

// Below it a mapping's rounding up to whole pages, and the calls for it, would count.
constexpr int64_t kLargeBytes = int64_t{1} << 20;

struct Mapping {
  void* pages = nullptr;
  size_t bytes = 0;
};

void Unmap(void* context) {
  const auto* const mapping = static_cast<Mapping*>(context);
  munmap(mapping->pages, mapping->bytes);
  delete mapping;
}

class PageAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    void* const pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    // Worded as LibTorch's own for the host: what makes errors of exceptions knows it.
    TORCH_CHECK(pages != MAP_FAILED, "DefaultCPUAllocator: can't allocate memory: you tried to allocate ", bytes,
                " bytes.");
    return {pages, new Mapping{pages, bytes}, &Unmap, c10::Device(c10::DeviceType::CPU)};
  }
  // A context of its own: the bare pointer does not say how long the mapping is.
  c10::DeleterFnPtr raw_deleter() const override { return nullptr; }
  void copy_data(void* to, const void* from, size_t bytes) const override { default_copy_data(to, from, bytes); }
};

}  // namespace

torch::Tensor EmptyWeight(at::IntArrayRef shape, torch::ScalarType type) {
  static PageAllocator* const allocator = new PageAllocator;  // tensors may go after the program's last statics
  const int64_t bytes = c10::multiply_integers(shape) * static_cast<int64_t>(c10::elementSize(type));
  if (bytes < kLargeBytes) return torch::empty(shape, type);
  return at::detail::empty_generic(shape, allocator, c10::DispatchKeySet(c10::DispatchKey::CPU), type, std::nullopt);
}

torch::Tensor ConvertWeight(const torch::Tensor& tensor, torch::ScalarType type) {
  if (!tensor.is_cpu() || tensor.scalar_type() == type) return tensor.to(type);
  return EmptyWeight(tensor.sizes(), type).copy_(tensor);
}

}  // namespace bayespfl
