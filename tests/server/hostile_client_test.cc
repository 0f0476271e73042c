// Whatever a client sends, over real sockets: the series of /metrics stay the same, nothing is left behind, no secret
// is logged, and others are answered as ever.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/mutex.h"
#include "bayespfl/admin/v1/model_admin.grpc.pb.h"
#include "bayespfl/admin/v1/server_admin.grpc.pb.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "google/protobuf/descriptor.h"
#include "inference/grpc_service.grpc.pb.h"
#include "server/runtime/server.h"
#include "server/security/token_store.h"
#include "tests/server/hostile_bytes.h"
#include "tests/server/hostile_client.h"
#include "tests/server/leftovers.h"
#include "tests/server/server_fixture.h"
#include "tests/server/until.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl::server {
namespace {

namespace v1 = inspection::v1;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ContainsRegex;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;

// A page's lines without comments and values: "bayespfl_frames_total{outcome=\"ok\"}".
std::set<std::string> SeriesOf(const std::string& page) {
  std::set<std::string> series;
  for (const absl::string_view line : absl::StrSplit(page, '\n', absl::SkipEmpty())) {
    if (!absl::StartsWith(line, "#")) series.emplace(line.substr(0, line.rfind(' ')));
  }
  return series;
}

// The values of the label `method`: the methods of our services, which are a client's to call and not to choose.
std::set<std::string> Methods() {
  std::set<std::string> names;
  for (const char* name :
       {v1::InspectionService::service_full_name(), inference::GRPCInferenceService::service_full_name(),
        admin::v1::ModelAdminService::service_full_name(), admin::v1::ServerAdminService::service_full_name()}) {
    const auto* service = google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
    for (int i = 0; i < service->method_count(); ++i) names.insert(service->method(i)->name());
  }
  return names;
}

// The values that a label has on the page.
std::set<std::string> ValuesOf(const std::string& label, const std::set<std::string>& series) {
  const std::string begin = absl::StrCat(label, "=\"");
  std::set<std::string> values;
  for (const std::string& one : series) {
    size_t at = one.find(begin);
    while (at != std::string::npos && one[at - 1] != '{' && one[at - 1] != ',') at = one.find(begin, at + 1);
    if (at == std::string::npos) continue;
    at += begin.size();
    values.insert(one.substr(at, one.find('"', at) - at));
  }
  return values;
}

class HostileClientTest : public ServerTest {
 protected:
  void SetUp() override { StartServer({.config = Config(), .loader = LoaderOf(detector_), .logger = MakeLogger()}); }

  ServerConfig Config() const {
    std::filesystem::create_directories(folder_.path() + "/models/fake");
    ServerConfig config = TestConfig();
    config.admin_port = 0;
    config.model_root = folder_.path() + "/models";
    config.models = "fake";
    config.max_image_bytes = 1 << 16;
    config.max_image_pixels = 100'000;
    config.metric_categories = "metal nut";
    config.result_log = folder_.path() + "/results.jsonl";
    config.tokens_file = folder_.Write("tokens.yaml", absl::StrCat(inspect_.entry, "\n", admin_.entry, "\n"));
    return config;
  }

  Logger MakeLogger() {
    return *CreateLogger({.level = "debug", .format = "json", .write = [this](absl::string_view line) {
                            MutexLock lock(mu_);
                            if (keep_log_) log_.emplace_back(line);
                          }});
  }
  void KeepLog() {
    MutexLock lock(mu_);
    keep_log_ = true;
  }
  // Ends the server; its log's lines, each as it was written.
  std::vector<std::string> Log() {
    server_.reset();
    MutexLock lock(mu_);
    return log_;
  }

  // One round of everything.
  void Attack(const std::string& word) const {
    HostileClient({.grpc_address = server_->grpc_address(),
                   .admin_address = server_->admin_address(),
                   .http_port = server_->http_port(),
                   .inspect_token = inspect_.token,
                   .admin_token = admin_.token},
                  word)
        .Attack();
    EXPECT_TRUE(BecomesIdle(*server_)) << server_->metrics();
  }
  std::set<std::string> SeriesAfter(const std::string& word) const {
    Attack(word);
    return SeriesOf(server_->metrics());
  }

  // The series after two rounds of everything, which are those before it.
  std::set<std::string> SeriesThatStay() const {
    const std::set<std::string> before = SeriesOf(server_->metrics());
    EXPECT_EQ(SeriesAfter("zebra7"), before);
    EXPECT_EQ(SeriesAfter("walrus9"), before);
    return before;
  }

  // What the heap holds when nothing is going on, in bytes.
  int64_t HeapInUse() const {
    detector_->ForgetBatches();
    return HeapBytes();
  }

  // A good frame of an honest client; -1 when it is not answered.
  float Score() const {
    const auto stub = v1::InspectionService::NewStub(Connect(server_->grpc_address()));
    v1::InspectRequest request;
    v1::RawImage& raw = *request.mutable_image()->mutable_raw();
    raw.set_width(2);
    raw.set_height(2);
    raw.set_pfnc_pixel_format(0x01080001);
    raw.set_data("1234");
    request.mutable_options()->set_category("metal nut");
    request.mutable_options()->set_seed(42);
    grpc::ClientContext context;
    context.AddMetadata("authorization", absl::StrCat("Bearer ", inspect_.token));
    v1::InspectResponse response;
    const grpc::Status status = stub->Inspect(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return status.ok() ? response.score() : -1;
  }

  const testing::TemporaryFolder folder_;
  const NewToken inspect_ = *MakeToken("line", Role::kInspect);
  const NewToken admin_ = *MakeToken("robot", Role::kAdmin);
  Mutex mu_;
  bool keep_log_ ABSL_GUARDED_BY(mu_) = false;  // memory that grows would hide a leak
  std::vector<std::string> log_ ABSL_GUARDED_BY(mu_);
};

// All series are there before the first call, those of errors and of clients with a name too: then nothing that comes
// can make one, whatever it is.
TEST_F(HostileClientTest, NoClientCanCreateASeries) {
  const std::set<std::string> series = SeriesThatStay();

  EXPECT_THAT(series, Each(AllOf(Not(HasSubstr("zebra7")), Not(HasSubstr("walrus9")), Not(HasSubstr("evil")))));
  EXPECT_EQ(ValuesOf("method", series), Methods());
  EXPECT_EQ(ValuesOf("model", series), (std::set<std::string>{"", "fake"}));
  EXPECT_EQ(ValuesOf("category", series), (std::set<std::string>{"metal nut", "other"}));
  EXPECT_EQ(ValuesOf("client", series), (std::set<std::string>{"line", "robot", "other"}));
}

// What each client takes has series then, beside the limits.
TEST_F(HostileClientTest, NoClientCanCreateASeriesWhereEachHasLimits) {
  constexpr int kNeverMet = 65536;
  ServerConfig config = Config();
  config.max_streams_per_client = kNeverMet;
  config.max_frames_in_flight_per_client = kNeverMet;
  config.max_bytes_in_flight_per_client = int64_t{kNeverMet} << 20;
  config.max_frames_per_second_per_client = kNeverMet;
  StartServer({.config = config, .loader = LoaderOf(detector_), .logger = MakeLogger()});

  const std::set<std::string> series = SeriesThatStay();

  for (const char* use : {"streams_open", "frames_in_flight", "bytes_in_flight"}) {
    std::set<std::string> of_use;
    for (const std::string& one : series) {
      if (absl::StartsWith(one, absl::StrCat("bayespfl_client_", use, "{"))) of_use.insert(one);
    }
    EXPECT_EQ(ValuesOf("client", of_use), (std::set<std::string>{"line", "robot"})) << use;
  }
}

TEST_F(HostileClientTest, EveryKindOfRequestLeavesItsMarkInTheMetrics) {
  Attack("zebra7");

  // The end of a call whose client has gone is counted when gRPC has noticed.
  for (const char* mark :
       {"requests_total\\{code=\"INVALID_ARGUMENT\",method=\"Inspect\"\\} [1-9]",
        "requests_total\\{code=\"NOT_FOUND\",method=\"ModelInfer\"\\} [1-9]",
        "requests_total\\{code=\"CANCELLED\",method=\"InspectStream\"\\} [1-9]",
        "requests_total\\{code=\"NOT_FOUND\",method=\"LoadModel\"\\} [1-9]",
        "calls_refused_total\\{code=\"UNAUTHENTICATED\"\\} [1-9]",
        "calls_refused_total\\{code=\"PERMISSION_DENIED\"\\} [1-9]", "grpc_refused_calls_total [1-9]",
        "grpc_unheard_calls_total [1-9]", "score_count\\{category=\"metal nut\",model=\"fake\"\\} [1-9]",
        "score_count\\{category=\"other\",model=\"fake\"\\} [1-9]",
        "frames_total\\{model=\"\",outcome=\"invalid\"\\} [1-9]",
        "client_frames_total\\{client=\"line\",outcome=\"ok\"\\} [1-9]"}) {
    const ::testing::Matcher<std::string> is_there = ContainsRegex(absl::StrCat("\nbayespfl_", mark));
    EXPECT_TRUE(Eventually([&] { return is_there.Matches(server_->metrics()); })) << mark;
  }
}

// Always the same word: what the server remembers of names and cameras, which is bounded, then stays the same too.
TEST_F(HostileClientTest, LeavesNothingBehind) {
  constexpr int kFirst = 5;  // gRPC's threads, caches and arenas come with the first rounds, and stay
  constexpr int kMore = 10;
  constexpr int64_t kMaxBytesPerRound = 48 << 10;
  const size_t descriptors = OpenDescriptors();
  const auto attack = [&](int rounds) {
    for (int i = 0; i < rounds; ++i) Attack("zebra7");
    // gRPC closes a client's last connection when its background poller comes round.
    EXPECT_TRUE(Eventually([&] { return OpenDescriptors() <= descriptors; }))
        << OpenDescriptors() << " > " << descriptors;
    return HeapInUse();
  };

  const int64_t first = attack(kFirst);
  const int64_t per_round = (attack(kMore) - first) / kMore;

  std::printf("heap %ld bytes more per round, %zu -> %zu descriptors\n", static_cast<long>(per_round), descriptors,
              OpenDescriptors());
  EXPECT_LT(per_round, kMaxBytesPerRound);
}

// The lowest level and the audit lines: nothing more is ever written.
TEST_F(HostileClientTest, LogsNoSecret) {
  KeepLog();

  Attack("zebra7");

  const std::vector<std::string> log = Log();
  std::ifstream results(folder_.path() + "/results.jsonl");
  std::vector<std::string> lines = log;
  for (std::string line; std::getline(results, line);) lines.push_back(line);
  const auto hash_of = [](const NewToken& token) { return token.entry.substr(token.entry.find("sha256: ") + 8, 64); };
  EXPECT_THAT(lines, Each(AllOf(Not(HasSubstr(inspect_.token)), Not(HasSubstr(admin_.token)),
                                Not(HasSubstr(std::string(kWrongTokenMark))), Not(HasSubstr(std::string(kPictureMark))),
                                Not(HasSubstr(hash_of(inspect_))), Not(HasSubstr(hash_of(admin_))))));
  // The round left its marks.
  EXPECT_THAT(lines, Contains(HasSubstr("\"category\":\"zebra7")));
  EXPECT_THAT(log,
              Contains(AllOf(HasSubstr("\"audit\""), HasSubstr("\"who\":\"line\""), HasSubstr("PERMISSION_DENIED"))));
  EXPECT_THAT(
      log, Contains(AllOf(HasSubstr("\"audit\""), HasSubstr("\"who\":\"robot\""), HasSubstr("\"target\":\"zebra7"))));
}

TEST_F(HostileClientTest, EachLineOfTheLogIsOneOfOurs) {
  KeepLog();

  Attack("zebra7");

  const std::vector<std::string> log = Log();
  EXPECT_GT(log.size(), 100U);
  for (const std::string& line : log) {
    EXPECT_EQ(line.find_first_of("\r\n"), line.size() - 1) << line;
    const nlohmann::json object = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    ASSERT_TRUE(object.is_object()) << line;
    EXPECT_THAT(object.value("message", "zebra7"), AllOf(Not(HasSubstr("zebra7")), Not(HasSubstr("forged")))) << line;
    for (const auto& [name, value] : object.items()) EXPECT_THAT(name, Not(HasSubstr("zebra7"))) << line;
  }
}

TEST_F(HostileClientTest, GoodFramesAreAnsweredAlike) {
  const float before = Score();
  std::atomic<bool> stop{false};
  std::set<float> meanwhile;
  std::thread honest([&] {
    while (!stop) meanwhile.insert(Score());
  });

  Attack("zebra7");
  stop = true;
  honest.join();

  EXPECT_FLOAT_EQ(before, 0.42F);
  EXPECT_EQ(meanwhile, std::set<float>{before});
  EXPECT_EQ(Score(), before);
}

}  // namespace
}  // namespace bayespfl::server
