#include "server/telemetry/nvml.h"

#include <dlfcn.h>

#include <array>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace bayespfl::server {
namespace {

// What the library's interface looks like, as far as it is used here (NVML's reference manual).
constexpr int kSuccess = 0;        // NVML_SUCCESS
constexpr size_t kUuidBytes = 96;  // NVML_DEVICE_UUID_V2_BUFFER_SIZE

struct MemoryInfo {  // nvmlMemory_t
  unsigned long long total;
  unsigned long long free;
  unsigned long long used;
};

struct Utilization {  // nvmlUtilization_t, percent
  unsigned int gpu;
  unsigned int memory;
};

template <typename Function>
bool Find(void* library, const char* name, Function*& function) {
  function = reinterpret_cast<Function*>(dlsym(library, name));
  return function != nullptr;
}

}  // namespace

struct Nvml::Library {
  explicit Library(void* opened) : handle(opened) {}
  ~Library() {
    if (initialized) (void)shutdown();
    dlclose(handle);
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  bool FindFunctions() {
    return Find(handle, "nvmlInit_v2", init) && Find(handle, "nvmlShutdown", shutdown) &&
           Find(handle, "nvmlDeviceGetCount_v2", device_count) &&
           Find(handle, "nvmlDeviceGetHandleByIndex_v2", device_handle) &&
           Find(handle, "nvmlDeviceGetUUID", device_uuid) && Find(handle, "nvmlDeviceGetMemoryInfo", memory_info) &&
           Find(handle, "nvmlDeviceGetUtilizationRates", utilization_rates);
  }

  void* const handle;
  bool initialized = false;
  int (*init)() = nullptr;
  int (*shutdown)() = nullptr;
  int (*device_count)(unsigned int* count) = nullptr;
  int (*device_handle)(unsigned int index, void** device) = nullptr;
  int (*device_uuid)(void* device, char* uuid, unsigned int length) = nullptr;
  int (*memory_info)(void* device, MemoryInfo* memory) = nullptr;
  int (*utilization_rates)(void* device, Utilization* utilization) = nullptr;
};

absl::StatusOr<std::unique_ptr<Nvml>> Nvml::Load(const std::string& library) {
  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return absl::NotFoundError(absl::StrCat("there is no library ", library));
  auto loaded = std::make_unique<Library>(handle);
  if (!loaded->FindFunctions()) {
    return absl::UnavailableError(absl::StrCat(library, " lacks a function of NVML"));
  }
  int code = loaded->init();
  if (code != kSuccess) return absl::UnavailableError(absl::StrCat("nvmlInit_v2 of ", library, " returns ", code));
  loaded->initialized = true;
  unsigned int count = 0;
  code = loaded->device_count(&count);
  if (code != kSuccess) {
    return absl::UnavailableError(absl::StrCat("nvmlDeviceGetCount_v2 of ", library, " returns ", code));
  }
  return std::unique_ptr<Nvml>(new Nvml(std::move(loaded), count));
}

Nvml::Nvml(std::unique_ptr<Library> library, unsigned int devices) : library_(std::move(library)) {
  for (unsigned int i = 0; i < devices; ++i) {
    void* device = nullptr;
    std::array<char, kUuidBytes> uuid{};
    const bool known = library_->device_handle(i, &device) == kSuccess;
    const bool named =
        known && library_->device_uuid(device, uuid.data(), static_cast<unsigned int>(uuid.size() - 1)) == kSuccess;
    devices_.push_back(known ? device : nullptr);
    uuids_.emplace_back(named ? uuid.data() : "");
  }
}

Nvml::~Nvml() = default;

DeviceReading Nvml::Read(size_t device) const {
  constexpr double kPercent = 100;
  DeviceReading reading;
  void* const handle = devices_[device];
  if (handle == nullptr) return reading;
  MemoryInfo memory{};
  if (library_->memory_info(handle, &memory) == kSuccess) {
    reading.memory = {.used_bytes = memory.used, .total_bytes = memory.total};
  }
  Utilization utilization{};
  if (library_->utilization_rates(handle, &utilization) == kSuccess) reading.utilization = utilization.gpu / kPercent;
  return reading;
}

}  // namespace bayespfl::server
