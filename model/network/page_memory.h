// Host memory for large tensors that come and go while a model is loaded.
#ifndef BAYESPFL_MODEL_NETWORK_PAGE_MEMORY_H_
#define BAYESPFL_MODEL_NETWORK_PAGE_MEMORY_H_

#include "model/libtorch.h"

namespace bayespfl {

// A contiguous tensor on the CPU, of no content yet. A large one has pages of its own, which are the system's again as
// soon as it goes. malloc() would keep them: of a weight that is read as floats and packed narrower the holes stay
// behind that the next ones do not always fit into, so that the process might hold half as much again as its weights;
// and malloc_trim() would hold up everybody who allocates meanwhile, such as a server that serves another model.
// Throws c10::Error when there is no memory. Thread-safe.
torch::Tensor EmptyWeight(at::IntArrayRef shape, torch::ScalarType type);

// `tensor` as numbers of this type: itself if it has them; on the CPU in memory as above.
torch::Tensor ConvertWeight(const torch::Tensor& tensor, torch::ScalarType type);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_PAGE_MEMORY_H_
