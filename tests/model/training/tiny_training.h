// The tiny model of tests/data/tiny as training needs it.
#ifndef BAYESPFL_TESTS_MODEL_TRAINING_TINY_TRAINING_H_
#define BAYESPFL_TESTS_MODEL_TRAINING_TINY_TRAINING_H_

#include <cstdint>
#include <string>
#include <vector>

#include "model/libtorch.h"
#include "model/network/weights.h"

namespace bayespfl::testing {

// The tensors of a safetensors file as floats; throws, which fails the test, when there is none.
TensorMap LoadTensors(const std::string& path);

// Ids of a prompt ("X metal nut"), start and end of text included, without padding.
std::vector<int32_t> TokensOf(const std::string& prompt);

}  // namespace bayespfl::testing

#endif  // BAYESPFL_TESTS_MODEL_TRAINING_TINY_TRAINING_H_
