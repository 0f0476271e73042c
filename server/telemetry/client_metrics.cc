#include "server/telemetry/client_metrics.h"

#include <cstddef>
#include <utility>

#include "server/telemetry/metric_family.h"

namespace bayespfl::server {

void ClientMetrics::SetClients(const std::map<std::string, std::string>& labels) {
  auto fresh = std::make_shared<Table>();
  MutexLock lock(mu_);
  for (const auto& [client, label] : labels) {
    if (label == kOtherClient) continue;
    const auto known = table_->find(client);
    fresh->emplace(client, known == table_->end() ? std::make_shared<Series>(label) : known->second);
  }
  table_ = std::move(fresh);
}

void ClientMetrics::SetProbe(ClientProbe probe) {
  MutexLock lock(mu_);
  probe_ = std::move(probe);
}

std::shared_ptr<const ClientMetrics::Table> ClientMetrics::table() const {
  MutexLock lock(mu_);
  return table_;
}

void ClientMetrics::Count(const std::string& client, FrameOutcome outcome) {
  const std::shared_ptr<const Table> named = table();
  const auto found = named->find(client);
  Series& series = found == named->end() ? *others_ : *found->second;
  series.frames.at(static_cast<size_t>(outcome)).Increment();
}

std::vector<prometheus::MetricFamily> ClientMetrics::Collect() const {
  prometheus::MetricFamily frames =
      NewFamily("bayespfl_client_frames_total", "Frames that ended, by the client's name in the tokens file.",
                prometheus::MetricType::Counter);
  const auto add = [&frames](const Series& series) {
    for (size_t i = 0; i < kFrameOutcomes; ++i) {
      AddMetric({{"client", series.label}, {"outcome", std::string(FrameOutcomeName(static_cast<FrameOutcome>(i)))}},
                series.frames.at(i).Collect(), frames);
    }
  };
  const std::shared_ptr<const Table> named = table();
  for (const auto& [client, series] : *named) add(*series);
  add(*others_);
  std::vector<prometheus::MetricFamily> families = CollectUse(*named);
  families.push_back(std::move(frames));
  return families;
}

// What the others take together nobody asks for: no limit is theirs together.
std::vector<prometheus::MetricFamily> ClientMetrics::CollectUse(const Table& named) const {
  const auto family = [](const char* name, const char* help) {
    return NewFamily(name, help, prometheus::MetricType::Gauge);
  };
  prometheus::MetricFamily frames =
      family("bayespfl_client_frames_in_flight", "A named client's frames accepted and not answered yet.");
  prometheus::MetricFamily bytes = family("bayespfl_client_bytes_in_flight", "Of their pictures as they came.");
  prometheus::MetricFamily streams = family("bayespfl_client_streams_open", "A named client's open streams.");
  ClientProbe probe;
  {
    MutexLock lock(mu_);
    probe = probe_;
  }
  for (const auto& [client, series] : named) {
    if (!probe) break;
    const ClientUse use = probe(client);
    AddValue({{"client", series->label}}, use.frames_in_flight, frames);
    AddValue({{"client", series->label}}, static_cast<double>(use.bytes_in_flight), bytes);
    if (use.streams_open.has_value()) AddValue({{"client", series->label}}, *use.streams_open, streams);
  }
  return WithSeries({frames, bytes, streams});
}

}  // namespace bayespfl::server
