// docs/operations.md and /metrics name the same metrics, and they have names, units and texts as Prometheus' own rules
// want them (https://prometheus.io/docs/practices/naming).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "server/telemetry/metrics.h"
#include "tests/server/fake_detector.h"
#include "tests/support/paths.h"

namespace bayespfl::server {
namespace {

// "counter outcome,reason" by the metric's name: its type, and its labels in alphabetical order.
using Table = std::map<std::string, std::string>;

// Metrics that has seen one of everything that makes a series.
std::string FullPage() {
  Metrics metrics({.server_version = "1",
                   .methods = {"Inspect"},
                   .categories = {"leather"},
                   .limits = {.replica_busy_seconds = 1,
                              .client_streams_open = 1,
                              .client_frames_in_flight = 1,
                              .client_bytes_in_flight = 1,
                              .client_frames_per_second = 1},
                   .nvml_library = testing::BuildOutput("tests/made_up_nvml_none.so")});
  auto model =
      std::make_shared<ServedModel>("fake", ReplicasOf({std::make_shared<FakeDetector>()}), metrics.NotesOf("fake", 1));
  metrics.SetModels({.models = {{"fake", model}}, .default_model = "fake"});
  metrics.NoteLoad("fake", true, 1);
  metrics.SetProbes({.ready = [] { return true; },
                     .draining_since = [] { return absl::UnixEpoch(); },
                     .connections = [] { return size_t{1}; },
                     .calls = [] { return CallCounts{.most_open = 1, .unheard = 2}; },
                     .incoming_bytes = [] { return int64_t{1}; },
                     .log_queue_bytes = [] { return size_t{40}; },
                     .log_lines_dropped = [] { return uint64_t{3}; }});
  metrics.SetClients({{"token:line-3", "line-3"}});
  metrics.SetClientProbe([](const std::string&) { return ClientUse{.streams_open = 1}; });
  metrics.SetCertificateExpiry(absl::UnixEpoch());
  return metrics.Serialize();
}

// The names of the labels of `name{a="x",b="y"} 1`; those of a histogram's buckets without `le`.
std::set<std::string> LabelsOf(absl::string_view series) {
  std::set<std::string> labels;
  const size_t begin = series.find('{');
  if (begin == absl::string_view::npos) return labels;
  const absl::string_view inside = series.substr(begin + 1, series.rfind('}') - begin - 1);
  for (const absl::string_view label : absl::StrSplit(inside, ',')) {
    const std::string name(label.substr(0, label.find('=')));
    if (name != "le") labels.insert(name);
  }
  return labels;
}

Table TableOfPage(const std::string& page) {
  Table table;
  std::string name;
  std::string type;
  for (const absl::string_view line : absl::StrSplit(page, '\n', absl::SkipEmpty())) {
    if (absl::StartsWith(line, "# TYPE ")) {
      const std::vector<std::string> words = absl::StrSplit(line, ' ');
      name = words.at(2);
      type = words.at(3);
    } else if (!absl::StartsWith(line, "#")) {
      table[name] = absl::StrCat(type, " ", absl::StrJoin(LabelsOf(line), ","));
    }
  }
  return table;
}

// The rows "| `name` | type | `label`, `label` | ..." of the section.
Table TableOfDocumentation() {
  std::ifstream file(testing::SourceFile("docs/operations.md"));
  std::stringstream text;
  text << file.rdbuf();
  const std::string whole = text.str();
  const size_t begin = whole.find("\n## Metrics\n");
  EXPECT_NE(begin, std::string::npos);
  const std::string section = whole.substr(begin, whole.find("\n## ", begin + 1) - begin);
  Table table;
  for (const absl::string_view line : absl::StrSplit(section, '\n')) {
    const std::vector<std::string> cells = absl::StrSplit(absl::StrReplaceAll(line, {{"`", ""}, {" ", ""}}), '|');
    constexpr size_t kCells = 7;  // five columns, and nothing before the first and behind the last
    if (cells.size() != kCells || !absl::StartsWith(line, "| `")) continue;
    const std::set<std::string> labels = absl::StrSplit(cells[3], ',', absl::SkipEmpty());
    table[cells[1]] = absl::StrCat(cells[2], " ", absl::StrJoin(labels, ","));
  }
  return table;
}

TEST(MetricsPageTest, TheDocumentationListsEveryMetricWithItsTypeAndLabelsAndNoOther) {
  const Table page = TableOfPage(FullPage());

  EXPECT_EQ(TableOfDocumentation(), page);
  EXPECT_GE(page.size(), 20U);
}

// ---- Prometheus' rules ---------------------------------------------------------------------------------------------

struct Described {
  std::string help;
  std::string type;
  size_t descriptions = 0;       // lines of HELP and TYPE
  std::set<std::string> series;  // names without labels
};

std::map<std::string, Described> Describe(const std::string& page) {
  std::map<std::string, Described> metrics;
  std::string current;
  for (const absl::string_view line : absl::StrSplit(page, '\n', absl::SkipEmpty())) {
    const std::vector<std::string> words = absl::StrSplit(line, absl::MaxSplits(' ', 3));
    if (words.at(0) == "#") {
      current = words.at(2);
      Described& metric = metrics[current];
      ++metric.descriptions;
      (words.at(1) == "HELP" ? metric.help : metric.type) = words.at(3);
    } else {
      metrics[current].series.insert(std::string(line.substr(0, line.find_first_of("{ "))));
    }
  }
  return metrics;
}

TEST(MetricsPageTest, EveryMetricIsDescribedOnce) {
  for (const auto& [name, metric] : Describe(FullPage())) {
    EXPECT_EQ(metric.descriptions, 2U) << name;
    EXPECT_THAT(metric.help, ::testing::Not(::testing::IsEmpty())) << name;
    EXPECT_THAT(metric.type, ::testing::AnyOf("counter", "gauge", "histogram")) << name;
    std::set<std::string> series = {name};
    if (metric.type == "histogram") {
      series = {absl::StrCat(name, "_bucket"), absl::StrCat(name, "_count"), absl::StrCat(name, "_sum")};
    }
    EXPECT_EQ(metric.series, series);
  }
}

// What `promtool check metrics` looks at, too.
TEST(MetricsPageTest, NamesAndUnitsAreThoseThatPrometheusWants) {
  constexpr char kAbbreviatedUnits[] = "_(s|sec|secs|ms|msec|milliseconds|us|ns|minutes|hours|kb|mb|gb|percent)(_|$)";
  for (const auto& [name, metric] : Describe(FullPage())) {
    EXPECT_THAT(name, ::testing::MatchesRegex("(bayespfl|process)(_[a-z]+)+"));
    EXPECT_EQ(metric.type == "counter", absl::EndsWith(name, "_total")) << name;
    EXPECT_THAT(name, ::testing::Not(::testing::ContainsRegex(kAbbreviatedUnits)));
    // The type stands in no name, nor does what a histogram's series end with.
    EXPECT_THAT(name, ::testing::Not(::testing::ContainsRegex("_(counter|gauge|histogram|bucket|count|sum)(_|$)")));
    EXPECT_EQ(absl::StrContains(name, "timestamp"), absl::EndsWith(name, "_timestamp_seconds")) << name;
    EXPECT_EQ(absl::StrContains(name, "duration"), absl::EndsWith(name, "_duration_seconds")) << name;
  }
}

// ---- Limits
// ----------------------------------------------------------------------------------------------------------

// Those whose use is no gauge of that name: what it is to be read from instead.
const std::map<std::string, std::string> kOtherUses = {
    {"bayespfl_batch_size_limit", "bayespfl_batch_size"},                                      // a histogram
    {"bayespfl_replica_busy_seconds_limit", "bayespfl_replica_busy_since_timestamp_seconds"},  // time() - it
    {"bayespfl_client_frames_per_second_limit", "bayespfl_client_frames_total"}};              // its rate

// A limit is read beside its gauge: by the same labels. One limit holds for each client.
TEST(MetricsPageTest, EveryLimitHasTheGaugeThatItIsTheLimitOf) {
  const Table page = TableOfPage(FullPage());
  size_t limits = 0;
  for (const auto& [name, what] : page) {
    if (!absl::EndsWith(name, "_limit")) continue;
    ++limits;
    if (const auto other = kOtherUses.find(name); other != kOtherUses.end()) {
      EXPECT_TRUE(page.contains(other->second)) << name;
      continue;
    }
    const auto gauge = page.find(name.substr(0, name.rfind("_limit")));
    ASSERT_NE(gauge, page.end()) << name;
    EXPECT_EQ(gauge->second, absl::StartsWith(name, "bayespfl_client_") ? what + "client" : what) << name;
  }
  EXPECT_EQ(limits, 19U);
}

// Where each setting that is a limit stands on the page; nothing: it is of one picture, reply, stream or connection by
// itself, so that there is nothing which fills up.
const std::map<std::string, std::string> kLimitOf = {
    {"max_image_bytes", ""},
    {"max_image_pixels", ""},
    {"max_frames_in_flight", "bayespfl_frames_in_flight_limit"},
    {"max_bytes_in_flight", "bayespfl_bytes_in_flight_limit"},
    {"max_decoded_bytes", "bayespfl_queue_bytes_limit"},
    {"max_working_bytes", "bayespfl_working_bytes_limit"},
    {"max_incoming_bytes", "bayespfl_incoming_bytes_limit"},
    {"max_reply_bytes", ""},
    {"max_unsent_bytes", "bayespfl_unsent_reply_bytes_limit"},
    {"max_streams", "bayespfl_streams_open_limit"},
    {"max_stream_age_seconds", ""},
    {"max_frames_per_stream", ""},
    {"max_streams_per_client", "bayespfl_client_streams_open_limit"},
    {"max_frames_in_flight_per_client", "bayespfl_client_frames_in_flight_limit"},
    {"max_bytes_in_flight_per_client", "bayespfl_client_bytes_in_flight_limit"},
    {"max_frames_per_second_per_client", "bayespfl_client_frames_per_second_limit"},
    {"max_connections", "bayespfl_connections_open_limit"},
    {"max_calls_per_connection", "bayespfl_connection_calls_open_limit"},
    {"max_connection_age_seconds", ""},
    {"max_connection_grace_seconds", ""},
    {"max_batch", "bayespfl_batch_size_limit"},
    {"max_delay_milliseconds", ""},
    {"max_batch_seconds", "bayespfl_replica_busy_seconds_limit"}};

TEST(MetricsPageTest, EverySettingThatIsALimitStandsOnThePage) {
  std::set<std::string> settings;
#define INTEGER(type, key, default_value, smallest, largest, help) \
  if (absl::StartsWith(#key, "max_")) settings.insert(#key);
#include "server/runtime/settings.def"
  const Table page = TableOfPage(FullPage());

  std::set<std::string> known;
  for (const auto& [setting, metric] : kLimitOf) {
    known.insert(setting);
    EXPECT_TRUE(metric.empty() || page.contains(metric)) << setting;
  }
  EXPECT_EQ(known, settings) << "a new limit: which gauge shows how full it is?";
}

}  // namespace
}  // namespace bayespfl::server
