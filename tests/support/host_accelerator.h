// A device that LibTorch takes for an accelerator, as a GPU is one, and that computes in host memory with the CPU's
// operators: what a batch costs on its way to a GPU and back can be counted where there is none.
//
// It is a GPU in what a program may get wrong there: tensors on it are not the CPU's; operators whose operands lie on
// both are noted; a copy to the host that nobody waits for holds NaN until its stream was waited for; times between
// events can be asked for only then.
#ifndef BAYESPFL_TESTS_SUPPORT_HOST_ACCELERATOR_H_
#define BAYESPFL_TESTS_SUPPORT_HOST_ACCELERATOR_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/libtorch.h"

namespace bayespfl::testing {

// There is one, and LibTorch has it from the first call on, for the rest of the process.
torch::Device HostAccelerator();

inline constexpr int64_t kDefaultStream = 0;

// What became of the device since ForgetTraffic().
struct Traffic {
  int uploads = 0;                         // copies from the host
  int downloads = 0;                       // copies to the host
  int waits = 0;                           // for a stream, an event, a copy, or a number
  std::set<int64_t> streams = {};          // that operators were given to
  std::vector<std::string> mixtures = {};  // operators with operands on both; numbers without dimensions may be
};

const Traffic& DeviceTraffic();
void ForgetTraffic();

// What the device was told between these two, to be told it again with the same tensors, as a CUDA graph is: until then
// what it would have computed holds NaN. Nullopt: it was told something that a graph cannot hold: to copy from or to
// the host, or to wait.
using Noted = std::vector<std::function<void()>>;
void BeginNoting();
std::optional<Noted> EndNoting();

}  // namespace bayespfl::testing

#endif  // BAYESPFL_TESTS_SUPPORT_HOST_ACCELERATOR_H_
