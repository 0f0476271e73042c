// Threads for the kernels: OpenMP's, which are LibTorch's too where the program has it, so that the two do not compete.
#ifndef BAYESPFL_MODEL_KERNELS_THREADS_H_
#define BAYESPFL_MODEL_KERNELS_THREADS_H_

#include "absl/functional/function_ref.h"

namespace bayespfl {

// Calls `work` once in each of as many threads as OpenMP has for the caller, at the same time, the caller's among them;
// in the caller's alone within such a call. Throws what one of them throws, when all are done.
//
// LibTorch's own at::parallel_for() is compiled into whoever calls it, and is a plain loop there unless that is
// compiled for OpenMP: this is.
void RunOnThreads(absl::FunctionRef<void()> work);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_KERNELS_THREADS_H_
