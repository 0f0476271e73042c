#include "tests/support/host_graphs.h"

#include <optional>
#include <utility>

#include "tests/support/host_accelerator.h"

struct BayesPflGraph {
  bayespfl::testing::Noted noted;
  bool is_recording = false;
};

namespace bayespfl::testing {
namespace {

GraphTraffic traffic;
GraphFault wanted = GraphFault::kNone;

int DeviceCount() { return 1; }

BayesPflGraph* Create(int /*device*/, const BayesPflGraph* neighbour) {
  if (wanted == GraphFault::kCreate) return nullptr;
  ++traffic.made;
  ++traffic.alive;
  if (neighbour != nullptr) ++traffic.sharing;
  return new BayesPflGraph;
}

int Begin(BayesPflGraph* graph) {
  if (wanted == GraphFault::kBegin) return 1;
  graph->is_recording = true;
  BeginNoting();
  return 0;
}

int End(BayesPflGraph* graph) {
  graph->is_recording = false;
  std::optional<Noted> noted = EndNoting();
  if (wanted == GraphFault::kEnd || !noted.has_value()) return 1;
  graph->noted = *std::move(noted);
  return 0;
}

int Replay(BayesPflGraph* graph) {
  if (wanted == GraphFault::kReplay) return 1;
  ++traffic.replays;
  if (wanted == GraphFault::kWrongResults) return 0;
  for (const auto& step : graph->noted) step();
  return 0;
}

void Destroy(BayesPflGraph* graph) {
  if (graph == nullptr) return;
  if (graph->is_recording) End(graph);
  --traffic.alive;
  delete graph;
}

const char* LastError() { return "the imitation was told to fail"; }

}  // namespace

const BayesPflGraphModule& HostGraphs() {
  static const BayesPflGraphModule module = {.version = kBayesPflGraphVersion,
                                             .DeviceCount = DeviceCount,
                                             .Create = Create,
                                             .Begin = Begin,
                                             .End = End,
                                             .Replay = Replay,
                                             .Destroy = Destroy,
                                             .LastError = LastError};
  return module;
}

const GraphTraffic& HostGraphTraffic() { return traffic; }

void SetGraphFault(GraphFault fault) {
  wanted = fault;
  traffic = {.alive = traffic.alive};
}

}  // namespace bayespfl::testing
