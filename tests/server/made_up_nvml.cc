// A made-up libnvidia-ml.so.1 with two devices, in one build for each fault of MADE_UP_NVML_FAULT:
//   none           everything works
//   init           nvmlInit_v2 fails, as with a driver that does not fit
//   count          nvmlDeviceGetCount_v2 fails
//   calls          there are handles, and every call about them fails
//   utilization    no device has a utilization, as with MIG
//   device         the first device has no handle: it fell off the bus
//   full           the first device has no memory left while the file that MADE_UP_NVML_FULL names is there
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string_view>

namespace {

constexpr int kSuccess = 0;
constexpr int kNotSupported = 3;
constexpr int kGpuIsLost = 15;
constexpr int kUnknownError = 999;
constexpr unsigned long long kKibibyte = 1024;

constexpr bool Has(std::string_view fault) { return fault == MADE_UP_NVML_FAULT; }

struct Device {
  const char* uuid;
  unsigned long long used;
  unsigned long long total;
  unsigned int percent;
};
std::array<Device, 2> devices = {Device{"GPU-aaaa0000-1111", 3 * kKibibyte, 8 * kKibibyte, 25},
                                 Device{"GPU-bbbb0000-2222", 1 * kKibibyte, 4 * kKibibyte, 100}};

// Asked anew each time, so that the memory of a server that runs can fill up and be free again.
bool IsFull(const Device& device) {
  const char* const file = std::getenv("MADE_UP_NVML_FULL");
  return Has("full") && &device == devices.data() && file != nullptr && std::filesystem::exists(file);
}

}  // namespace

extern "C" {

int nvmlInit_v2() { return Has("init") ? kUnknownError : kSuccess; }

int nvmlShutdown() { return kSuccess; }

int nvmlDeviceGetCount_v2(unsigned int* count) {
  *count = static_cast<unsigned int>(devices.size());
  return Has("count") ? kUnknownError : kSuccess;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void** device) {
  if (Has("device") && index == 0) return kGpuIsLost;
  *device = &devices.at(index);
  return kSuccess;
}

int nvmlDeviceGetUUID(void* device, char* uuid, unsigned int length) {
  if (Has("calls")) return kGpuIsLost;
  std::snprintf(uuid, length, "%s", static_cast<Device*>(device)->uuid);
  return kSuccess;
}

int nvmlDeviceGetMemoryInfo(void* device, unsigned long long* total_free_used) {
  if (Has("calls")) return kGpuIsLost;
  const Device& of = *static_cast<Device*>(device);
  const unsigned long long used = IsFull(of) ? of.total : of.used;
  total_free_used[0] = of.total;
  total_free_used[1] = of.total - used;
  total_free_used[2] = used;
  return kSuccess;
}

int nvmlDeviceGetUtilizationRates(void* device, unsigned int* gpu_memory) {
  if (Has("calls")) return kGpuIsLost;
  if (Has("utilization")) return kNotSupported;
  gpu_memory[0] = static_cast<Device*>(device)->percent;
  gpu_memory[1] = 0;
  return kSuccess;
}

}  // extern "C"
