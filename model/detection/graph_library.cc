#include "model/detection/graph_library.h"

#include <dlfcn.h>

#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;

absl::Status Refuse(const fs::path& path, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat(path.string(), " ", why));
}

}  // namespace

fs::path GraphLibraryPath() {
  std::error_code error;
  const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  const fs::path beside = folder / kGraphLibraryName;
  return fs::exists(beside, error) ? beside : folder / "../libexec" / kGraphLibraryName;
}

absl::StatusOr<const BayesPflGraphModule*> OpenGraphLibrary(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return Refuse(path, "is not there");
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* const reason = dlerror();
    return Refuse(path, absl::StrCat("cannot be opened: ", reason == nullptr ? "unknown" : reason));
  }
  const auto graphs = reinterpret_cast<decltype(&BayesPflGraphs)>(dlsym(library, kBayesPflGraphSymbol));
  if (graphs == nullptr) return Refuse(path, absl::StrCat("has no ", kBayesPflGraphSymbol));
  const BayesPflGraphModule* const module = graphs();
  if (module->version != kBayesPflGraphVersion) {
    return Refuse(path, absl::StrCat("has version ", module->version, " of its interface; this program needs ",
                                     static_cast<int>(kBayesPflGraphVersion)));
  }
  if (module->DeviceCount() == 0) return Refuse(path, "sees no CUDA device");
  return module;
}

}  // namespace bayespfl
