// Requests of the Open Inference Protocol, put together as clients do.
#ifndef BAYESPFL_TESTS_SERVER_KSERVE_REQUESTS_H_
#define BAYESPFL_TESTS_SERVER_KSERVE_REQUESTS_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "inference/grpc_service.pb.h"

namespace bayespfl::server {

// The raw elements of a BYTES tensor.
inline std::string PackBytes(const std::vector<std::string>& elements) {
  std::string packed;
  for (const std::string& element : elements) {
    for (size_t byte = 0; byte < 4; ++byte) packed.push_back(static_cast<char>((element.size() >> (8 * byte)) & 0xFFU));
    packed += element;
  }
  return packed;
}

// An input without elements.
inline inference::ModelInferRequest::InferInputTensor& AddInput(inference::ModelInferRequest& request,
                                                                const std::string& name, const std::string& datatype,
                                                                const std::vector<int64_t>& shape) {
  inference::ModelInferRequest::InferInputTensor& input = *request.add_inputs();
  input.set_name(name);
  input.set_datatype(datatype);
  input.mutable_shape()->Add(shape.begin(), shape.end());
  return input;
}

// Encoded pictures and categories in raw contents, as `tritonclient` sends them.
inline inference::ModelInferRequest MakeKserveRequest(const std::vector<std::string>& pictures,
                                                      const std::vector<std::string>& categories = {"metal nut"}) {
  inference::ModelInferRequest request;
  request.set_model_name("fake");
  AddInput(request, "image", "BYTES", {static_cast<int64_t>(pictures.size())});
  AddInput(request, "category", "BYTES", {static_cast<int64_t>(categories.size())});
  request.add_raw_input_contents(PackBytes(pictures));
  request.add_raw_input_contents(PackBytes(categories));
  return request;
}

// RGB pixels of value 7 and a category in raw contents. The number of pixels follows from the shape.
inline inference::ModelInferRequest MakePixelRequest(const std::vector<int64_t>& shape) {
  inference::ModelInferRequest request;
  request.set_model_name("fake");
  AddInput(request, "image", "UINT8", shape);
  AddInput(request, "category", "BYTES", {1});
  size_t size = 1;
  for (const int64_t side : shape) size *= static_cast<size_t>(side);
  request.add_raw_input_contents(std::string(size, '\x07'));
  request.add_raw_input_contents(PackBytes({"metal nut"}));
  return request;
}

inline void WantOutputs(inference::ModelInferRequest& request, std::initializer_list<const char*> names) {
  for (const char* name : names) request.add_outputs()->set_name(name);
}

inline void SetSeed(inference::ModelInferRequest& request, int64_t seed) {
  (*request.mutable_parameters())["seed"].set_int64_param(seed);
}

}  // namespace bayespfl::server

#endif  // BAYESPFL_TESTS_SERVER_KSERVE_REQUESTS_H_
