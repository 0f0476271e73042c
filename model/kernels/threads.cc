#include "model/kernels/threads.h"

#include <exception>
#include <mutex>

namespace bayespfl {

void RunOnThreads(absl::FunctionRef<void()> work) {
  std::mutex mutex;
  std::exception_ptr failure;
  // Clang builds are without it (CMakeLists.txt).
#ifdef _OPENMP
#pragma omp parallel
#endif
  {
    try {
      work();
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex);
      failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace bayespfl
