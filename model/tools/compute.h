// What the commands compute on.
#ifndef BAYESPFL_MODEL_TOOLS_COMPUTE_H_
#define BAYESPFL_MODEL_TOOLS_COMPUTE_H_

#include <optional>

#include "model/detection/detection.h"
#include "model/package/precision.h"

namespace CLI {
class App;
}  // namespace CLI

namespace bayespfl {

// Lets LibTorch have `threads` threads, or with 0 the processors that this process may use: a container that is granted
// two of 64 gains nothing from 64 threads but the time that they wait for each other. Call before the model is loaded.
void UseThreads(int threads = 0);

// Adds --precision, which sets `precision`: a name, or "package" for nullopt. `usual` says what is taken without it.
// `precision` must outlive the parsing.
void AddPrecision(CLI::App& command, std::optional<Precision>& precision, absl::string_view usual = "the package's");

// Says on stderr what it computes on, "computes on cpu: ...", and in what where that is not fp32.
void SayDevice(const ModelInfo& model);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TOOLS_COMPUTE_H_
