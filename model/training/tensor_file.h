// Tensors in a safetensors file, to the bit and back.
#ifndef BAYESPFL_MODEL_TRAINING_TENSOR_FILE_H_
#define BAYESPFL_MODEL_TRAINING_TENSOR_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "model/network/weights.h"

namespace bayespfl {

// Writes fp32, fp16 and int64 tensors from whatever device to a file that must not exist; returns its SHA-256. Flushed
// when it returns. InvalidArgument: another type. Else as SafetensorsWriter.
absl::StatusOr<std::string> WriteTensors(const std::string& path, const TensorMap& tensors);

// On the CPU, fp32 and int64 ones alone. `sha256`: what WriteTensors() returned. NotFound: no such file. DataLoss: it
// is damaged, or not the one that was written.
absl::StatusOr<TensorMap> ReadTensors(const std::string& path, const std::string& sha256);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_TENSOR_FILE_H_
