// The input tensors of the Open Inference Protocol: which datatype and shape they may have, and where their elements
// are. Elements come in the request's `raw_input_contents` (all tensors) or in each tensor's `contents`.
//
// Every error is InvalidArgument and names the tensor, the size or count at hand and the one expected, with the setting
// that says so where there is one; none repeats
// text that the client sent. All functions are thread-safe.
#ifndef BAYESPFL_SERVER_API_KSERVE_TENSOR_H_
#define BAYESPFL_SERVER_API_KSERVE_TENSOR_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "inference/grpc_service.pb.h"
#include "server/pipeline/slots.h"

namespace bayespfl::server {

inline constexpr absl::string_view kImageInput = "image";
inline constexpr absl::string_view kCategoryInput = "category";

// An input and its elements, borrowed from the request.
struct InputTensor {
  absl::string_view name;  // kImageInput or kCategoryInput
  const inference::ModelInferRequest::InferInputTensor* tensor = nullptr;
  const std::string* raw = nullptr;  // null: the elements are in tensor->contents()
};

struct InputTensors {
  InputTensor image;
  InputTensor category;
};

// Exactly one `image` and one `category`, without parameters (shared memory is not served), with all elements in raw
// contents or none.
absl::StatusOr<InputTensors> FindInputs(const inference::ModelInferRequest& request);

// The elements of a BYTES tensor of shape [n], 1 <= n <= most.frames, in order; borrowed from the request.
absl::StatusOr<std::vector<absl::string_view>> BytesElements(const InputTensor& input, const TogetherLimit& most);

// Pictures of one size, each row-major RGB without padding, one after the other.
struct PixelTensor {
  int64_t count = 0;
  int64_t height = 0;  // pixels
  int64_t width = 0;   // pixels
  absl::Span<const uint8_t> data;
  std::shared_ptr<const void> owner;  // of `data`

  int64_t bytes_per_picture() const { return height * width * 3; }
};

// A UINT8 tensor of shape [H, W, 3] or [N, H, W, 3], 1 <= N <= most.frames, with exactly the shape's number of
// elements. `request` owns `input` and shares the ownership of raw elements; typed ones are copied.
absl::StatusOr<PixelTensor> PixelElements(const std::shared_ptr<const inference::ModelInferRequest>& request,
                                          const InputTensor& input, const TogetherLimit& most);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_KSERVE_TENSOR_H_
