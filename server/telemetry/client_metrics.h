// The metrics by client.
//
//   bayespfl_client_frames_total{client,outcome}   counter   frames that ended, accepted or not: the names of the
//                                                            tokens file, and other
//   bayespfl_client_frames_in_flight{client}       gauge     of the named clients, once somebody knows (SetProbe())
//   bayespfl_client_bytes_in_flight{client}        gauge     likewise
//   bayespfl_client_streams_open{client}           gauge     likewise; only where there is a limit to them
#ifndef BAYESPFL_SERVER_TELEMETRY_CLIENT_METRICS_H_
#define BAYESPFL_SERVER_TELEMETRY_CLIENT_METRICS_H_

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "prometheus/collectable.h"
#include "prometheus/counter.h"
#include "prometheus/metric_family.h"
#include "server/telemetry/frame_outcome.h"

namespace bayespfl::server {

// The label of the clients that have none of their own. A client that is called so is one of them.
inline constexpr absl::string_view kOtherClient = "other";

// What a client takes at this moment.
struct ClientUse {
  int frames_in_flight = 0;
  int64_t bytes_in_flight = 0;
  std::optional<int> streams_open;  // nothing: nobody counts them
};

// Quick, and called by several threads at once; `client` is FrameRequest::client.
using ClientProbe = std::function<ClientUse(const std::string& client)>;

// Clients that the operator has named have a series for each outcome from the moment on that they are named; nobody
// else makes one. Thread-safe.
class ClientMetrics final : public prometheus::Collectable {
 public:
  ClientMetrics() = default;

  // The clients that have series from now on: their labels by FrameRequest::client. Those that had them before keep
  // their counts; the series of the others go.
  void SetClients(const std::map<std::string, std::string>& labels);

  // Who is asked at each scrape from now on.
  void SetProbe(ClientProbe probe);

  // One look into a table that nobody changes.
  void Count(const std::string& client, FrameOutcome outcome);

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  struct Series {
    explicit Series(std::string name) : label(std::move(name)) {}

    const std::string label;
    std::array<prometheus::Counter, kFrameOutcomes> frames;
  };
  using Table = std::unordered_map<std::string, std::shared_ptr<Series>>;  // by client

  std::shared_ptr<const Table> table() const;
  std::vector<prometheus::MetricFamily> CollectUse(const Table& named) const;

  const std::shared_ptr<Series> others_ = std::make_shared<Series>(std::string(kOtherClient));
  mutable Mutex mu_;
  std::shared_ptr<const Table> table_ ABSL_GUARDED_BY(mu_) = std::make_shared<const Table>();
  ClientProbe probe_ ABSL_GUARDED_BY(mu_);  // empty: nobody
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_CLIENT_METRICS_H_
