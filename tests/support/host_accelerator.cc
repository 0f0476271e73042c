#include "tests/support/host_accelerator.h"

#include <ATen/EmptyTensor.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <ATen/native/CPUFallback.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/view_native.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <utility>

namespace bayespfl::testing {
namespace {

constexpr c10::DeviceType kType = c10::DeviceType::PrivateUse1;
const c10::Device kDevice(kType, 0);

// Of one thread: the test's.
struct State {
  Traffic traffic;
  bool in_operator = false;                      // copies within are the imitation's own
  c10::StreamId stream = kDefaultStream;         // the current one
  c10::StreamId last_stream = 0;                 // made
  std::vector<std::function<void()>> downloads;  // that are still to be done
  int64_t marks = 0;                             // events that were recorded
  int64_t passed = 0;                            // of these, those that were waited for
  std::map<const char*, size_t> pinned;          // host memory: where and how long
  bool is_noting = false;
  bool cannot_note = false;  // what came since
  Noted noted;
};
State state;

void Wait() {
  ++state.traffic.waits;
  state.cannot_note = true;
  for (const auto& download : std::exchange(state.downloads, {})) download();
  state.passed = state.marks;
}

// --- memory ---

class DeviceMemory final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    void* const data = std::malloc(bytes);
    return {data, data, &std::free, kDevice};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &std::free; }
  void copy_data(void* to, const void* from, size_t bytes) const override { default_copy_data(to, from, bytes); }
};

void FreePinned(void* data) {
  state.pinned.erase(static_cast<const char*>(data));
  std::free(data);
}

class PinnedMemory final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    void* const data = std::malloc(bytes);
    state.pinned[static_cast<const char*>(data)] = bytes;
    return {data, data, &FreePinned, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &FreePinned; }
  void copy_data(void* to, const void* from, size_t bytes) const override { default_copy_data(to, from, bytes); }
};

DeviceMemory device_memory;
PinnedMemory pinned_memory;

bool IsPinned(const void* data) {
  const auto* const byte = static_cast<const char*>(data);
  auto after = state.pinned.upper_bound(byte);
  if (after == state.pinned.begin()) return false;
  --after;
  return byte < after->first + after->second;
}

struct Hooks final : at::PrivateUse1HooksInterface {
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex /*index*/) const override { return true; }
  bool isPinnedPtr(const void* data) const override { return IsPinned(data); }
  c10::Allocator* getPinnedMemoryAllocator() const override { return &pinned_memory; }
  c10::Device getDeviceFromPtr(void* /*data*/) const override { return kDevice; }
};

// --- streams and events ---

struct Event {
  int64_t mark = 0;
  std::chrono::steady_clock::time_point time;
};

c10::Stream StreamOf(c10::StreamId id) { return c10::Stream(c10::Stream::UNSAFE, kDevice, id); }

struct Guard final : c10::impl::DeviceGuardImplInterface {
  c10::DeviceType type() const override { return kType; }
  c10::Device exchangeDevice(c10::Device /*device*/) const override { return kDevice; }
  c10::Device getDevice() const override { return kDevice; }
  void setDevice(c10::Device /*device*/) const override {}
  void uncheckedSetDevice(c10::Device /*device*/) const noexcept override {}
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }

  c10::Stream getStream(c10::Device /*device*/) const override { return StreamOf(state.stream); }
  c10::Stream getDefaultStream(c10::Device /*device*/) const override { return StreamOf(kDefaultStream); }
  c10::Stream getNewStream(c10::Device /*device*/, int /*priority*/) const override {
    return StreamOf(++state.last_stream);
  }
  c10::Stream exchangeStream(c10::Stream stream) const override {
    return StreamOf(std::exchange(state.stream, stream.id()));
  }
  bool queryStream(const c10::Stream& /*stream*/) const override { return state.passed == state.marks; }
  void synchronizeStream(const c10::Stream& /*stream*/) const override { Wait(); }

  void record(void** event, const c10::Stream& /*stream*/, c10::DeviceIndex /*index*/,
              c10::EventFlag /*flag*/) const override {
    if (*event == nullptr) *event = new Event;
    *static_cast<Event*>(*event) = {.mark = ++state.marks, .time = std::chrono::steady_clock::now()};
  }
  void block(void* /*event*/, const c10::Stream& /*stream*/) const override {}
  bool queryEvent(void* event) const override { return static_cast<Event*>(event)->mark <= state.passed; }
  void synchronizeEvent(void* /*event*/) const override { Wait(); }
  void destroyEvent(void* event, c10::DeviceIndex /*index*/) const noexcept override {
    delete static_cast<Event*>(event);
  }
  double elapsedTime(void* from, void* to, c10::DeviceIndex /*index*/) const override {
    const auto time = static_cast<Event*>(to)->time - static_cast<Event*>(from)->time;
    return std::chrono::duration<double, std::milli>(time).count();
  }
};

C10_REGISTER_GUARD_IMPL(PrivateUse1, Guard)

// --- operators ---

torch::Tensor Empty(at::IntArrayRef size, std::optional<at::ScalarType> type, std::optional<at::Layout> /*layout*/,
                    std::optional<at::Device> /*device*/, std::optional<bool> /*pin*/,
                    std::optional<at::MemoryFormat> format) {
  return at::detail::empty_generic(size, &device_memory, c10::DispatchKeySet(c10::DispatchKey::PrivateUse1),
                                   c10::dtype_or_default(type), format);
}

torch::Tensor EmptyStrided(at::IntArrayRef size, at::IntArrayRef stride, std::optional<at::ScalarType> type,
                           std::optional<at::Layout> /*layout*/, std::optional<at::Device> /*device*/,
                           std::optional<bool> /*pin*/) {
  return at::detail::empty_strided_generic(
      size, stride, &device_memory, c10::DispatchKeySet(c10::DispatchKey::PrivateUse1), c10::dtype_or_default(type));
}

// The same memory as a tensor of the CPU.
torch::Tensor OnHost(const torch::Tensor& tensor) {
  return tensor.is_cpu() ? tensor
                         : torch::from_blob(tensor.data_ptr(), tensor.sizes(), tensor.strides(), tensor.scalar_type());
}

torch::Tensor CopyFrom(const torch::Tensor& from, const torch::Tensor& to, bool non_blocking) {
  const bool upload = from.is_cpu() && !to.is_cpu();
  const bool download = !from.is_cpu() && to.is_cpu();
  if (state.in_operator || (!upload && !download)) {
    OnHost(to).copy_(OnHost(from));
    if (!state.in_operator && state.is_noting) {
      state.noted.emplace_back([from, to] { OnHost(to).copy_(OnHost(from)); });
    }
    return to;
  }
  state.cannot_note = true;
  ++(upload ? state.traffic.uploads : state.traffic.downloads);
  if (!non_blocking || !IsPinned((upload ? from : to).data_ptr())) Wait();
  if (download && non_blocking && IsPinned(to.data_ptr())) {
    to.fill_(std::numeric_limits<double>::quiet_NaN());
    state.downloads.emplace_back([from, to] { torch::Tensor(to).copy_(OnHost(from)); });
  } else {
    OnHost(to).copy_(OnHost(from));
  }
  return to;
}

torch::Tensor CopyFromAndResize(const torch::Tensor& from, const torch::Tensor& to) {
  TORCH_CHECK(from.sizes() == to.sizes(), "the imitation does not resize");
  return CopyFrom(from, to, /*non_blocking=*/false);
}

at::Scalar Number(const torch::Tensor& tensor) {
  if (!state.in_operator) Wait();
  return OnHost(tensor).item();
}

torch::Tensor View(const torch::Tensor& self, at::IntArrayRef size) { return at::native::view(self, size); }

torch::Tensor AsStrided(const torch::Tensor& self, at::IntArrayRef size, at::IntArrayRef stride,
                        std::optional<int64_t> offset) {
  return at::native::as_strided_tensorimpl(self, size, stride, offset);
}

torch::Tensor ReshapeAlias(const torch::Tensor& self, at::IntArrayRef size, at::IntArrayRef stride) {
  return at::native::_reshape_alias(self, size, stride);
}

bool IsMixture(const torch::jit::Stack& stack, size_t arguments) {
  for (size_t i = stack.size() - arguments; i < stack.size(); ++i) {
    if (stack[i].isTensor()) {
      const torch::Tensor& tensor = stack[i].toTensor();
      if (tensor.defined() && tensor.is_cpu() && tensor.dim() > 0) return true;
    } else if (stack[i].isTensorList()) {
      for (const torch::Tensor& tensor : stack[i].toTensorVector()) {
        if (tensor.defined() && tensor.is_cpu() && tensor.dim() > 0) return true;
      }
    }
  }
  return false;
}

void ForEachTensor(const c10::IValue& value, const std::function<void(const torch::Tensor&)>& call) {
  if (value.isTensor() && value.toTensor().defined()) call(value.toTensor());
  if (value.isTensorList()) {
    for (const torch::Tensor& tensor : value.toTensorVector()) call(tensor);
  }
}

// The same memory in the same shape, whatever shape the tensor is given later (squeeze_() and its like).
torch::Tensor Snapshot(const torch::Tensor& tensor) {
  if (!tensor.defined() || tensor.is_cpu()) return tensor;
  return tensor.as_strided(tensor.sizes(), tensor.strides(), tensor.storage_offset());
}

torch::jit::Stack SnapshotOf(torch::jit::Stack values) {
  for (c10::IValue& value : values) {
    if (value.isTensor()) {
      value = Snapshot(value.toTensor());
    } else if (value.isTensorList()) {
      c10::List<torch::Tensor> tensors;
      for (const torch::Tensor& tensor : value.toTensorVector()) tensors.push_back(Snapshot(tensor));
      value = tensors;
    }
  }
  return values;
}

// Puts what an operator gives now where it gave it when it was noted.
void Replace(const c10::IValue& before, const c10::IValue& now) {
  std::vector<torch::Tensor> values;
  ForEachTensor(now, [&](const torch::Tensor& tensor) { values.push_back(OnHost(tensor)); });
  size_t next = 0;
  ForEachTensor(before, [&](const torch::Tensor& tensor) { OnHost(tensor).copy_(values[next++]); });
}

// The operator's results stand at the stack's end.
void Note(const c10::OperatorHandle& operation, const torch::jit::Stack& arguments, const torch::jit::Stack& stack) {
  const auto returned = static_cast<std::ptrdiff_t>(operation.schema().returns().size());
  const torch::jit::Stack results = SnapshotOf({stack.end() - returned, stack.end()});
  for (const c10::IValue& result : results) {
    ForEachTensor(result, [](const torch::Tensor& tensor) {
      if (tensor.is_floating_point()) OnHost(tensor).fill_(std::numeric_limits<double>::quiet_NaN());
    });
  }
  state.noted.emplace_back([operation, arguments, results] {
    torch::jit::Stack again = arguments;
    const bool before = std::exchange(state.in_operator, true);
    at::native::cpu_fallback(operation, &again);
    for (size_t i = 0; i < results.size(); ++i) Replace(results[i], again[again.size() - results.size() + i]);
    state.in_operator = before;
  });
}

void Operate(const c10::OperatorHandle& operation, torch::jit::Stack* stack) {
  state.traffic.streams.insert(state.stream);
  if (IsMixture(*stack, operation.schema().arguments().size())) {
    state.traffic.mixtures.push_back(operation.schema().name());
  }
  const auto count = static_cast<std::ptrdiff_t>(operation.schema().arguments().size());
  torch::jit::Stack arguments;
  if (state.is_noting) arguments = SnapshotOf({stack->end() - count, stack->end()});
  const bool before = std::exchange(state.in_operator, true);
  at::native::cpu_fallback(operation, stack);
  state.in_operator = before;
  if (state.is_noting) Note(operation, arguments, *stack);
}

TORCH_LIBRARY_IMPL(_, PrivateUse1, library) { library.fallback(torch::CppFunction::makeFromBoxedFunction<&Operate>()); }

TORCH_LIBRARY_IMPL(aten, PrivateUse1, library) {
  library.impl("empty.memory_format", Empty);
  library.impl("empty_strided", EmptyStrided);
  library.impl("_copy_from", CopyFrom);
  library.impl("_copy_from_and_resize", CopyFromAndResize);
  library.impl("_local_scalar_dense", Number);
  library.impl("view", View);
  library.impl("as_strided", AsStrided);
  library.impl("_reshape_alias", ReshapeAlias);
}

}  // namespace

torch::Device HostAccelerator() {
  static const bool registered = [] {
    static Hooks hooks;
    c10::SetAllocator(kType, &device_memory);
    at::RegisterPrivateUse1HooksInterface(&hooks);
    c10::register_privateuse1_backend("imitation");
    return true;
  }();
  TORCH_CHECK(registered);
  return kDevice;
}

const Traffic& DeviceTraffic() { return state.traffic; }

void ForgetTraffic() { state.traffic = {}; }

void BeginNoting() {
  state.noted.clear();
  state.cannot_note = false;
  state.is_noting = true;
}

std::optional<Noted> EndNoting() {
  state.is_noting = false;
  Noted noted = std::exchange(state.noted, {});
  if (state.cannot_note) return std::nullopt;
  return noted;
}

}  // namespace bayespfl::testing
