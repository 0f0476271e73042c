// docs/operations.md and /metrics name the same metrics.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
  Metrics metrics({.server_version = "1", .nvml_library = testing::BuildOutput("tests/made_up_nvml_none.so")});
  auto model = std::make_shared<ServedModel>("fake", ReplicasOf({std::make_shared<FakeDetector>()}));
  metrics.SetModels({.models = {{"fake", model}}, .default_model = "fake"});
  metrics.CountRequest("Inspect", "OK");
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

}  // namespace
}  // namespace bayespfl::server
