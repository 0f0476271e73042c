#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "client/cpp/exit_codes.h"
#include "tests/client/client_program.h"
#include "tests/client/fake_inspection_server.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl::client {
namespace {

using testing::ClientRun;
using ::testing::ContainsRegex;
using testing::FakeInspectionServer;
using ::testing::HasSubstr;
using testing::RunClientProgram;

class BenchCommandTest : public ::testing::Test {
 protected:
  ClientRun Bench(const FakeInspectionServer& server, const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"bench",     "--server", server.target(), "--category", "nut",
                                          "--seconds", "0.5",      "--warm-up",     "0.1",        picture_};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return RunClientProgram(arguments);
  }

  testing::TemporaryFolder folder_;
  std::string picture_ = folder_.Write("a.png", "good");
};

TEST_F(BenchCommandTest, PrintsALineForALoad) {
  const FakeInspectionServer server({});

  const ClientRun run = Bench(server, {"--cameras", "2"});

  EXPECT_EQ(run.exit_code, kExitOk) << run.err;
  EXPECT_THAT(run.out, ContainsRegex("\n +2 +[0-9.]+ +[0-9.]+ .* 0\n"));
}

TEST_F(BenchCommandTest, AJsonLineHasPercentilesAndErrors) {
  const FakeInspectionServer server({});
  const std::string bad = folder_.Write("b.png", "bad");

  const ClientRun run = Bench(server, {"--json", "--rate", "40", "--poisson", bad});

  EXPECT_EQ(run.exit_code, kExitFrames) << run.err;
  const nlohmann::json line = nlohmann::json::parse(run.out);
  EXPECT_GT(line["errors"]["INVALID_PICTURE"].get<int>(), 0);
  EXPECT_LE(line["latency_milliseconds"]["p50"].get<double>(), line["latency_milliseconds"]["p99"].get<double>());
}

TEST_F(BenchCommandTest, SearchesForTheMostCamerasThatHoldRateAndLatency) {
  const FakeInspectionServer server({});

  const ClientRun all = Bench(server, {"--rate", "5", "--p99", "10000", "--cameras", "3"});
  const ClientRun none = Bench(server, {"--rate", "20", "--p99", "0.001", "--cameras", "3", "--json"});

  EXPECT_THAT(all.out, HasSubstr("stream density: 3 cameras at 5 frames/s each with p99 <= 10000 ms (the most that"));
  EXPECT_THAT(none.out, HasSubstr("\"density\":0"));
}

TEST_F(BenchCommandTest, SaysWithEveryFrameHowItIsToBeRead) {
  const FakeInspectionServer server({});

  EXPECT_EQ(Bench(server, {"--significant-bits", "12", "--apply-orientation"}).exit_code, kExitOk);

  ASSERT_FALSE(server.requests().empty());
  for (const auto& request : server.requests()) {
    EXPECT_EQ(request.image().significant_bits(), 12U);
    EXPECT_TRUE(request.image().apply_orientation());
  }
}

TEST_F(BenchCommandTest, SaysWhatIsMissing) {
  const FakeInspectionServer server({});

  EXPECT_THAT(Bench(server, {"--p99", "50"}).err, HasSubstr("name the --rate"));
  EXPECT_THAT(Bench(server, {"--poisson"}).err, HasSubstr("name the --rate"));
  EXPECT_EQ(Bench(server, {"--cameras", "0"}).exit_code, kExitLocal);
}

TEST_F(BenchCommandTest, AServerThatIsNotThereHasItsExitCode) {
  std::string target;
  {
    target = FakeInspectionServer({}).target();
  }

  const ClientRun run = RunClientProgram({"bench", "--server", target, "--category", "nut", picture_});

  EXPECT_EQ(run.exit_code, kExitUnreachable);
  EXPECT_THAT(run.err, HasSubstr("cannot reach"));
}

}  // namespace
}  // namespace bayespfl::client
