// The module of model/graph_module, imitated on the accelerator of host_accelerator.h: recordings that can be made,
// repeated and counted where there is no GPU, and that fail when a test wants them to.
#ifndef BAYESPFL_TESTS_SUPPORT_HOST_GRAPHS_H_
#define BAYESPFL_TESTS_SUPPORT_HOST_GRAPHS_H_

#include "model/graph_module/graph_module.h"

namespace bayespfl::testing {

// Of the test's thread.
const BayesPflGraphModule& HostGraphs();

struct GraphTraffic {
  int made = 0;     // graphs
  int alive = 0;    // that were not destroyed
  int sharing = 0;  // that were made with a neighbour
  int replays = 0;
};
const GraphTraffic& HostGraphTraffic();

// What goes wrong from now on.
enum class GraphFault { kNone, kCreate, kBegin, kEnd, kReplay, kWrongResults };

// Also forgets the traffic, but for the graphs that are alive.
void SetGraphFault(GraphFault fault);

}  // namespace bayespfl::testing

#endif  // BAYESPFL_TESTS_SUPPORT_HOST_GRAPHS_H_
