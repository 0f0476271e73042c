#include "server/api/kserve_tensor.h"

#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"

namespace bayespfl::server {
namespace {

using inference::ModelInferRequest;

absl::Status Invalid(absl::string_view name, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("input ", name, what));
}

std::string Range(const TogetherLimit& most) { return absl::StrCat("1 to ", most.frames, ": ", most.setting); }

// Four bytes, least significant first.
uint32_t LittleEndian32(absl::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value |= uint32_t{static_cast<uint8_t>(bytes[i])} << (8 * i);
  return value;
}

absl::Status CheckCount(const InputTensor& input, int64_t count, int64_t expected, absl::string_view what) {
  if (count == expected) return absl::OkStatus();
  return Invalid(input.name, absl::StrCat(" has ", count, " ", what, "; its shape has ", expected));
}

absl::Status AddInput(const ModelInferRequest& request, int index, InputTensors& inputs) {
  const ModelInferRequest::InferInputTensor& tensor = request.inputs(index);
  InputTensor& input = tensor.name() == kImageInput ? inputs.image : inputs.category;
  if (tensor.name() != kImageInput && tensor.name() != kCategoryInput) {
    return absl::InvalidArgumentError(
        absl::StrCat("inputs[", index, "] is neither ", kImageInput, " nor ", kCategoryInput));
  }
  if (input.tensor != nullptr) return Invalid(input.name, " is given twice");
  input.name = tensor.name() == kImageInput ? kImageInput : kCategoryInput;
  if (tensor.parameters_size() > 0) {
    return Invalid(input.name, " has parameters; none are served, so there is no shared memory");
  }
  input.tensor = &tensor;
  if (request.raw_input_contents_size() == 0) return absl::OkStatus();
  if (tensor.has_contents()) return Invalid(input.name, " has contents besides raw_input_contents");
  input.raw = &request.raw_input_contents(index);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<absl::string_view>> SplitRawBytes(const InputTensor& input, int64_t count) {
  std::vector<absl::string_view> elements;
  absl::string_view rest = *input.raw;
  for (int64_t i = 0; i < count; ++i) {
    if (rest.size() < 4) {
      return Invalid(input.name, absl::StrCat(": the raw contents end before the length of element ", i));
    }
    const size_t length = LittleEndian32(rest);
    rest.remove_prefix(4);
    if (length > rest.size()) {
      return Invalid(input.name, absl::StrCat(": element ", i, " has ", length, " bytes by its length, but ",
                                              rest.size(), " are left in the raw contents"));
    }
    elements.push_back(rest.substr(0, length));
    rest.remove_prefix(length);
  }
  if (rest.empty()) return elements;
  return Invalid(input.name,
                 absl::StrCat(": ", rest.size(), " bytes follow element ", count - 1, ", the last of its shape"));
}

// Bytes of the whole tensor. Its product cannot overflow: a side above `available` is refused before it is multiplied.
absl::StatusOr<int64_t> BytesOfShape(const InputTensor& input, int64_t available) {
  int64_t product = 1;
  for (const int64_t side : input.tensor->shape()) {
    if (side < 1) return Invalid(input.name, absl::StrCat(".shape has a side of ", side));
    if (side > available / product) {
      return Invalid(input.name, absl::StrCat(" has ", available, " elements, fewer than its shape"));
    }
    product *= side;
  }
  return product;
}

absl::StatusOr<std::shared_ptr<const std::string>> PackTypedPixels(const InputTensor& input) {
  auto pixels = std::make_shared<std::string>();
  pixels->reserve(static_cast<size_t>(input.tensor->contents().uint_contents_size()));
  for (const uint32_t value : input.tensor->contents().uint_contents()) {
    if (value > 255) return Invalid(input.name, absl::StrCat(" has the element ", value, "; UINT8 ends at 255"));
    pixels->push_back(static_cast<char>(value));
  }
  return pixels;
}

absl::StatusOr<PixelTensor> PixelShape(const InputTensor& input, const TogetherLimit& most) {
  const auto& shape = input.tensor->shape();
  const int rank = shape.size();
  if (rank != 3 && rank != 4) {
    return Invalid(input.name, absl::StrCat(" of UINT8 has ", rank, " dimensions; expected [H, W, 3] or [N, H, W, 3]"));
  }
  if (shape[rank - 1] != 3) {
    return Invalid(input.name, absl::StrCat(" of UINT8 has ", shape[rank - 1], " channels; expected 3, RGB, last"));
  }
  PixelTensor pixels;
  pixels.count = rank == 4 ? shape[0] : 1;
  pixels.height = shape[rank - 3];
  pixels.width = shape[rank - 2];
  if (pixels.count < 1 || pixels.count > most.frames) {
    return Invalid(input.name, absl::StrCat(" has ", pixels.count, " pictures; expected ", Range(most)));
  }
  return pixels;
}

}  // namespace

absl::StatusOr<InputTensors> FindInputs(const ModelInferRequest& request) {
  const int raw = request.raw_input_contents_size();
  if (raw != 0 && raw != request.inputs_size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("raw_input_contents has ", raw, " entries for ", request.inputs_size(), " inputs"));
  }
  InputTensors inputs;
  for (int i = 0; i < request.inputs_size(); ++i) {
    const absl::Status added = AddInput(request, i, inputs);
    if (!added.ok()) return added;
  }
  if (inputs.image.tensor == nullptr) return Invalid(kImageInput, " is not given");
  if (inputs.category.tensor == nullptr) return Invalid(kCategoryInput, " is not given");
  return inputs;
}

absl::StatusOr<std::vector<absl::string_view>> BytesElements(const InputTensor& input, const TogetherLimit& most) {
  if (input.tensor->datatype() != "BYTES") return Invalid(input.name, ".datatype is not BYTES");
  if (input.tensor->shape_size() != 1) {
    return Invalid(input.name, absl::StrCat(" of BYTES has ", input.tensor->shape_size(), " dimensions; expected [N]"));
  }
  const int64_t count = input.tensor->shape(0);
  if (count < 1 || count > most.frames) {
    return Invalid(input.name, absl::StrCat(" has ", count, " elements by its shape; expected ", Range(most)));
  }
  if (input.raw != nullptr) return SplitRawBytes(input, count);
  const auto& typed = input.tensor->contents().bytes_contents();
  const absl::Status checked = CheckCount(input, typed.size(), count, "elements in bytes_contents");
  if (!checked.ok()) return checked;
  return std::vector<absl::string_view>(typed.begin(), typed.end());
}

absl::StatusOr<PixelTensor> PixelElements(const std::shared_ptr<const ModelInferRequest>& request,
                                          const InputTensor& input, const TogetherLimit& most) {
  if (input.tensor->datatype() != "UINT8") return Invalid(input.name, ".datatype is not UINT8");
  absl::StatusOr<PixelTensor> pixels = PixelShape(input, most);
  if (!pixels.ok()) return pixels;
  const std::string* bytes = input.raw;
  pixels->owner = request;
  if (bytes == nullptr) {
    absl::StatusOr<std::shared_ptr<const std::string>> packed = PackTypedPixels(input);
    if (!packed.ok()) return packed.status();
    bytes = packed->get();
    pixels->owner = *std::move(packed);
  }
  const auto available = static_cast<int64_t>(bytes->size());
  const absl::StatusOr<int64_t> expected = BytesOfShape(input, available);
  if (!expected.ok()) return expected.status();
  const absl::Status checked = CheckCount(input, available, *expected, "elements");
  if (!checked.ok()) return checked;
  pixels->data = {reinterpret_cast<const uint8_t*>(bytes->data()), bytes->size()};
  return pixels;
}

}  // namespace bayespfl::server
