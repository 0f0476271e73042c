// What this project uses of LibTorch everywhere: tensors, their operations, their gradients. torch/torch.h brings
// modules, optimizers, data loaders and serialization besides, and costs every file three times as long to compile.
#ifndef BAYESPFL_MODEL_LIBTORCH_H_
#define BAYESPFL_MODEL_LIBTORCH_H_

// IWYU pragma: begin_exports
#include "torch/csrc/autograd/autograd.h"
#include "torch/types.h"
#include "torch/utils.h"
// IWYU pragma: end_exports

#endif  // BAYESPFL_MODEL_LIBTORCH_H_
