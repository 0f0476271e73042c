// What model/graph_module/cuda_graphs.cc offers to the programs: recording what a GPU is asked to do, and having it
// done again at once. A library of its own, since it is compiled against CUDA's headers, which the programs do without;
// they open it at run time where it is there (model/detection/graph_library.h). Nothing of C++ crosses over.
#ifndef BAYESPFL_MODEL_GRAPH_MODULE_GRAPH_MODULE_H_
#define BAYESPFL_MODEL_GRAPH_MODULE_GRAPH_MODULE_H_

extern "C" {

// A recording, of one device.
struct BayesPflGraph;

// The functions of a module. Those that return a number return 0 when they succeed; else LastError() says why, for the
// thread that called. Calls about one graph, and about graphs that share memory, are one at a time.
struct BayesPflGraphModule {
  int version;  // kBayesPflGraphVersion, or another, and then nothing else may be used

  // How many devices there are.
  int (*DeviceCount)();

  // Null: it failed. What is computed between Begin() and End() lies in memory that belongs to the graph, and to
  // `neighbour`, a recorded graph of the same device, where there is one: then a replay of either overwrites what the
  // other computed.
  BayesPflGraph* (*Create)(int device, const BayesPflGraph* neighbour);

  // From here on what the calling thread gives to its current stream, which is none of the device's default one, is
  // recorded and not done. Once for each graph.
  int (*Begin)(BayesPflGraph* graph);
  // To here. The current stream is that of Begin().
  int (*End)(BayesPflGraph* graph);

  // Gives the recorded work to the current stream: with the same tensors, whatever they hold now. Requires that End()
  // succeeded.
  int (*Replay)(BayesPflGraph* graph);

  // Also of a graph between Begin() and End(), whose recording ends without one. Null is taken too. Requires that no
  // replay is still going on.
  void (*Destroy)(BayesPflGraph* graph);

  // Valid until the thread's next call.
  const char* (*LastError)();
};

enum { kBayesPflGraphVersion = 1 };

// What a module exports, under the name kBayesPflGraphSymbol; lives as long as the module is open.
const BayesPflGraphModule* BayesPflGraphs();
}

inline constexpr char kBayesPflGraphSymbol[] = "BayesPflGraphs";

#endif  // BAYESPFL_MODEL_GRAPH_MODULE_GRAPH_MODULE_H_
