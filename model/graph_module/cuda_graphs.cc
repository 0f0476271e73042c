// graph_module.h by CUDA graphs, as LibTorch records and replays them. Its own class is used and not CUDA's functions
// alone: LibTorch's allocator must know of a recording, so that the memory that is written at each replay is given to
// nobody else, and that needs functions of LibTorch which have no C interface.
#include <ATen/cuda/CUDAGraph.h>

#include <algorithm>
#include <exception>
#include <string>

#include "model/graph_module/graph_module.h"

struct BayesPflGraph {
  explicit BayesPflGraph(c10::MempoolId_t memory_pool) : pool(memory_pool) {}

  at::cuda::CUDAGraph graph;
  c10::MempoolId_t pool;
  bool is_recording = false;
};

namespace {

thread_local std::string last_error;

// 0, or 1 when `call` throws: the first line of what it says, since those below it are LibTorch's own stack.
template <typename Call>
int Try(Call call) {
  try {
    call();
    return 0;
  } catch (const std::exception& error) {
    last_error = error.what();
    last_error.erase(std::min(last_error.find('\n'), last_error.size()));
  } catch (...) {
    last_error = "an exception that is none of the standard library's";
  }
  return 1;
}

int DeviceCount() {
  int count = 0;
  Try([&] { count = c10::cuda::device_count(); });
  return count;
}

BayesPflGraph* Create(int device, const BayesPflGraph* neighbour) {
  BayesPflGraph* graph = nullptr;
  Try([&] {
    TORCH_CHECK(device >= 0 && device < c10::cuda::device_count(), "there is no CUDA device ", device);
    graph = new BayesPflGraph(neighbour != nullptr ? neighbour->pool : at::cuda::graph_pool_handle());
  });
  return graph;
}

int Begin(BayesPflGraph* graph) {
  return Try([&] {
    // Other threads go on as they like, with other streams.
    graph->graph.capture_begin(graph->pool, cudaStreamCaptureModeThreadLocal);
    graph->is_recording = true;
  });
}

int End(BayesPflGraph* graph) {
  graph->is_recording = false;
  return Try([&] { graph->graph.capture_end(); });
}

int Replay(BayesPflGraph* graph) {
  return Try([&] { graph->graph.replay(); });
}

void Destroy(BayesPflGraph* graph) {
  if (graph == nullptr) return;
  if (graph->is_recording) End(graph);
  Try([&] { graph->graph.reset(); });
  delete graph;
}

const char* LastError() { return last_error.c_str(); }

constexpr BayesPflGraphModule kModule = {.version = kBayesPflGraphVersion,
                                         .DeviceCount = DeviceCount,
                                         .Create = Create,
                                         .Begin = Begin,
                                         .End = End,
                                         .Replay = Replay,
                                         .Destroy = Destroy,
                                         .LastError = LastError};

}  // namespace

__attribute__((visibility("default"))) const BayesPflGraphModule* BayesPflGraphs() { return &kModule; }
