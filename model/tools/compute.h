// What the commands compute on.
#ifndef BAYESPFL_MODEL_TOOLS_COMPUTE_H_
#define BAYESPFL_MODEL_TOOLS_COMPUTE_H_

#include "model/detection/detection.h"

namespace bayespfl {

// Lets LibTorch have `threads` threads, or with 0 the processors that this process may use: a container that is granted
// two of 64 gains nothing from 64 threads but the time that they wait for each other. Call before the model is loaded.
void UseThreads(int threads = 0);

// Says on stderr what it computes on: "computes on cpu, ...".
void SayDevice(const ModelInfo& model);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TOOLS_COMPUTE_H_
