#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "base/sha256.h"
#include "client/cpp/exit_codes.h"
#include "tests/client/client_program.h"
#include "tests/client/fake_inspection_server.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl::client {
namespace {

using nlohmann::literals::operator""_json_pointer;
using testing::ClientRun;
using testing::FakeInspectionServer;
using ::testing::HasSubstr;
using testing::RunClientProgram;

// The result of "good" by a server without a verdict, as its log and `inspect --json` write it.
class ReplayCommandTest : public ::testing::Test {
 protected:
  ReplayCommandTest() {
    FakeInspectionServer server({.score = 0.5F});
    const ClientRun run = RunClientProgram({"inspect", "--server", server.target(), "--category", "nut", "--samples",
                                            "3", "--seed", "9", "--json", picture_});
    EXPECT_EQ(run.exit_code, kExitOk) << run.err;
    line_ = run.out;
  }

  static ClientRun Replay(const FakeInspectionServer& server, const std::string& line_file, const std::string& picture,
                          const std::vector<std::string>& flags = {}) {
    std::vector<std::string> arguments = {"replay", "--server", server.target(), line_file, picture};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return RunClientProgram(arguments);
  }
  // The line with one value changed, in a file.
  std::string Changed(const nlohmann::json::json_pointer& key, const nlohmann::json& value) const {
    nlohmann::json line = nlohmann::json::parse(line_);
    line[key] = value;
    return folder_.Write("changed.json", line.dump());
  }

  const testing::TemporaryFolder folder_;
  const std::string picture_ = folder_.Write("a.png", "good");
  std::string line_;
};

TEST_F(ReplayCommandTest, TheSameAnswerIsEqualToTheBit) {
  FakeInspectionServer server({.score = 0.5F});

  const ClientRun run = Replay(server, folder_.Write("line.json", line_), picture_);

  EXPECT_EQ(run.exit_code, kExitOk) << run.err;
  EXPECT_EQ(run.out, "equal to the bit\n");
}

TEST_F(ReplayCommandTest, AsksAsTheLineSays) {
  FakeInspectionServer server({.score = 0.5F});

  Replay(server, folder_.Write("line.json", line_), picture_);

  const inspection::v1::InspectOptions options = server.requests().at(0).options();
  EXPECT_EQ(options.category(), "nut");
  EXPECT_EQ(options.model(), "fake");
  EXPECT_EQ(options.seed(), 9U);
  EXPECT_EQ(options.samples(), 3U);
  EXPECT_EQ(options.mask_threshold(), 0.5F);
}

TEST_F(ReplayCommandTest, ADifferenceWithinTheToleranceIsTold) {
  FakeInspectionServer server({.score = 0.500001F});

  const ClientRun run = Replay(server, folder_.Write("line.json", line_), picture_);

  EXPECT_EQ(run.exit_code, kExitOk) << run.err;
  EXPECT_EQ(run.out, "within the documented tolerance\nnumbers that differ:\n  score 0.5 -> 0.500001\n");
}

TEST_F(ReplayCommandTest, ADifferentAnswerExitsWith2AndNamesWhatChanged) {
  FakeInspectionServer server({.score = 0.75F});

  const ClientRun run = Replay(server, Changed("/provenance/computation_digest"_json_pointer, "dead"), picture_);

  EXPECT_EQ(run.exit_code, kExitExceeded);
  EXPECT_EQ(run.out,
            "different\nnumbers that differ:\n  score 0.5 -> 0.75\n"
            "conditions that are not as they were:\n  the model's computation digest dead -> 00cc\n");
}

TEST_F(ReplayCommandTest, AnotherPictureIsToldWithoutSendingIt) {
  FakeInspectionServer server({.score = 0.5F});
  const std::string other = folder_.Write("b.png", "other");

  const ClientRun run = Replay(server, folder_.Write("line.json", line_), other);

  EXPECT_EQ(run.exit_code, kExitExceeded);
  EXPECT_THAT(run.out, HasSubstr("not the picture of that result: its SHA-256 is "));
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(ReplayCommandTest, ARawPictureIsSentWithTheLinesGeometry) {
  FakeInspectionServer server({.score = 0.5F});
  const nlohmann::json raw = {{"width", 2}, {"height", 2}, {"stride", 0}, {"pfnc_pixel_format", 0x01080001}};

  const ClientRun run = Replay(server, Changed("/provenance/picture/raw"_json_pointer, raw), picture_);

  EXPECT_EQ(run.out, "equal to the bit\n") << run.err;
  const inspection::v1::Image image = server.requests().at(0).image();
  EXPECT_EQ(image.raw().data(), "good");
  EXPECT_EQ(image.raw().width(), 2U);
  EXPECT_EQ(image.raw().pfnc_pixel_format(), 0x01080001U);
}

TEST_F(ReplayCommandTest, AnIdPicksTheLineOfAWholeLog) {
  FakeInspectionServer server({.score = 0.5F});
  const std::string log = folder_.Write("results.jsonl", "{\"result_id\":\"other\"}\n" + line_);

  const ClientRun run = Replay(server, log, picture_, {"--result-id", "01900000-0000-7000-8000-000000000001"});

  EXPECT_EQ(run.exit_code, kExitOk) << run.err;
  EXPECT_EQ(run.out, "equal to the bit\n");
}

TEST_F(ReplayCommandTest, TheLineMayComeOnStandardInput) {
  FakeInspectionServer server({.score = 0.5F});
  std::istringstream input(line_);
  std::streambuf* const before = std::cin.rdbuf(input.rdbuf());

  const ClientRun run = Replay(server, "-", picture_);
  std::cin.rdbuf(before);

  EXPECT_EQ(run.out, "equal to the bit\n") << run.err;
}

TEST_F(ReplayCommandTest, ExitsWith1WhenLineOrPictureCannotBeRead) {
  FakeInspectionServer server({});
  const auto error = [&](const std::string& line_file, const std::string& picture,
                         const std::vector<std::string>& flags = {}) {
    const ClientRun run = Replay(server, line_file, picture, flags);
    EXPECT_EQ(run.exit_code, kExitLocal);
    EXPECT_EQ(run.out, "");
    return run.err;
  };
  const std::string line = folder_.Write("line.json", line_);

  EXPECT_THAT(error(folder_.File("none.json"), picture_), HasSubstr("bayespfl-client: cannot open "));
  EXPECT_THAT(error(line, folder_.File("none.png")), HasSubstr("none.png"));
  EXPECT_THAT(error(folder_.Write("two.json", line_ + line_), picture_),
              HasSubstr("holds several lines; --result-id says which is meant"));
  EXPECT_THAT(error(line, picture_, {"--result-id", "no-such"}), HasSubstr("holds no result with the id no-such"));
  EXPECT_THAT(error(folder_.Write("text.json", "not json\n"), picture_), HasSubstr("result line"));
  EXPECT_THAT(error(folder_.Write("bad.json", R"({"code":"INVALID_ARGUMENT"})"), picture_),
              HasSubstr("the frame had no result"));
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(ReplayCommandTest, ExitsWith1WhenTheServerRefuses) {
  FakeInspectionServer server({});
  const std::string bad = folder_.Write("bad.png", "bad");

  const ClientRun run = Replay(server, Changed("/provenance/picture/sha256"_json_pointer, Sha256Hex("bad")), bad);

  EXPECT_EQ(run.exit_code, kExitLocal);
  EXPECT_THAT(run.err, HasSubstr("refused: image: 3 bytes are no picture"));
}

TEST_F(ReplayCommandTest, ExitsWith3WhenTheServerIsNotThere) {
  const std::string line = folder_.Write("line.json", line_);
  const std::string target = FakeInspectionServer({}).target();

  EXPECT_EQ(RunClientProgram({"replay", "--server", target, line, picture_}).exit_code, kExitUnreachable);
}

TEST_F(ReplayCommandTest, SaysWhatIsWrongWithACommandLine) {
  const ClientRun none = RunClientProgram({"replay"});
  const ClientRun one = RunClientProgram({"replay", "line.json"});

  EXPECT_EQ(none.exit_code, kExitLocal);
  EXPECT_EQ(none.err, "bayespfl-client replay: line is required; --help says what it takes\n");
  EXPECT_EQ(one.exit_code, kExitLocal);
  EXPECT_EQ(one.err, "bayespfl-client replay: picture is required; --help says what it takes\n");
}

}  // namespace
}  // namespace bayespfl::client
