#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "client/cpp/exit_codes.h"
#include "tests/client/client_program.h"
#include "tests/client/fake_inspection_server.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl::client {
namespace {

namespace wire = inspection::v1;
using testing::ClientRun;
using testing::FakeInspectionServer;
using ::testing::HasSubstr;
using testing::RunClientProgram;
using ::testing::StartsWith;

class InspectCommandTest : public ::testing::Test {
 protected:
  // `inspect` on a server with the flags, the picture and a category.
  ClientRun Inspect(const FakeInspectionServer& server, const std::vector<std::string>& flags,
                    const std::string& category = "nut") const {
    std::vector<std::string> arguments = {"inspect", "--server", server.target(), "--category", category, picture_};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return RunClientProgram(arguments);
  }
  // What the server was asked for.
  wire::InspectOptions Asked(const std::vector<std::string>& flags) const {
    FakeInspectionServer server({});
    EXPECT_EQ(Inspect(server, flags).exit_code, kExitOk);
    return server.requests().at(0).options();
  }
  // The message of a command line that is refused before anything is sent.
  static std::string WrongUsage(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"inspect", "--server", "127.0.0.1:1"});
    const ClientRun run = RunClientProgram(arguments);
    EXPECT_EQ(run.exit_code, kExitLocal);
    EXPECT_EQ(run.out, "");
    return run.err;
  }

  const testing::TemporaryFolder folder_;
  const std::string picture_ = folder_.Write("a.png", "good");
};

TEST_F(InspectCommandTest, PrintsATableWithTheVerdict) {
  FakeInspectionServer server({.score = 0.75F, .verdict = wire::VERDICT_FAIL});

  const ClientRun run = Inspect(server, {});

  EXPECT_EQ(run.exit_code, kExitOk) << run.err;
  EXPECT_THAT(run.out, HasSubstr("image  category  verdict  decided by   score    map      area     latency\n"
                                 "a.png  nut       FAIL     score        0.750  0.500    6.25 %  "));
  EXPECT_THAT(run.out, HasSubstr("\n1 frame, 0 failed, 1 FAIL, "));
}

TEST_F(InspectCommandTest, PrintsAJsonLineWithTheResultsKeysAndTheRegionsAskedFor) {
  FakeInspectionServer server({.verdict = wire::VERDICT_REVIEW});

  const ClientRun run = Inspect(server, {"--json", "--regions"});

  EXPECT_EQ(run.exit_code, kExitOk) << run.err;
  const nlohmann::json line = nlohmann::json::parse(run.out);
  EXPECT_EQ(line["image"], "a.png");
  EXPECT_EQ(line["verdict"], "REVIEW");
  EXPECT_EQ(line["provenance"]["model_digest"], "00ff");
  EXPECT_EQ(line["regions"].size(), 1U);
  EXPECT_EQ(line["regions_total"], 3);
  EXPECT_EQ(line["attempt"], 0);
}

TEST_F(InspectCommandTest, AJsonLineOfAnErrorHasReasonAndDelay) {
  FakeInspectionServer server({});
  const std::string busy = folder_.Write("busy.png", "busy");

  const ClientRun run = RunClientProgram(
      {"inspect", "--server", server.target(), "--category", "nut", "--timeout", "0.4", "--json", busy});

  EXPECT_EQ(run.exit_code, kExitFrames);
  const nlohmann::json error = nlohmann::json::parse(run.out)["error"];
  EXPECT_EQ(error["code"], "RESOURCE_EXHAUSTED");
  EXPECT_EQ(error["reason"], "QUEUE_FULL");
  EXPECT_THAT(error["message"].get<std::string>(), StartsWith("64 frames wait (tried "));
  EXPECT_EQ(error["retry_delay_seconds"], 0.25);
}

TEST_F(InspectCommandTest, SendsWhatTheFlagsSay) {
  const wire::InspectOptions options =
      Asked({"--object", "metal nut", "--model", "line-a", "--samples", "3", "--seed", "18446744073709551615",
             "--mask-threshold", "0.25", "--priority", "high"});

  EXPECT_EQ(options.category(), "nut");
  EXPECT_EQ(options.object(), "metal nut");
  EXPECT_EQ(options.model(), "line-a");
  EXPECT_EQ(options.samples(), 3U);
  EXPECT_EQ(options.seed(), 18446744073709551615U);
  EXPECT_EQ(options.mask_threshold(), 0.25F);
  EXPECT_EQ(options.priority(), wire::PRIORITY_HIGH);
}

TEST_F(InspectCommandTest, AsksForUprightPicturesAndSaysSoInItsLines) {
  for (const bool stream : {false, true}) {
    for (const bool upright : {false, true}) {
      FakeInspectionServer server({});
      std::vector<std::string> flags = {"--json"};
      if (stream) flags.emplace_back("--stream");
      if (upright) flags.emplace_back("--apply-orientation");

      const ClientRun run = Inspect(server, flags);

      EXPECT_EQ(run.exit_code, kExitOk) << run.err;
      EXPECT_EQ(server.requests().at(0).image().apply_orientation(), upright) << stream;
      EXPECT_EQ(nlohmann::json::parse(run.out)["provenance"]["picture"]["apply_orientation"], upright) << stream;
    }
  }
}

TEST_F(InspectCommandTest, SendsTheSignificantBitsWithEveryPictureAndNamesThemInItsLines) {
  for (const std::vector<std::string>& how : {std::vector<std::string>{}, {"--stream"}}) {
    FakeInspectionServer server({});
    std::vector<std::string> flags = {"--json", "--significant-bits", "12"};
    flags.insert(flags.end(), how.begin(), how.end());

    const ClientRun run = Inspect(server, flags);

    EXPECT_EQ(run.exit_code, kExitOk) << run.err;
    EXPECT_EQ(server.requests().at(0).image().significant_bits(), 12U);
    EXPECT_EQ(nlohmann::json::parse(run.out)["provenance"]["picture"]["significant_bits"], 12);
  }
  EXPECT_THAT(WrongUsage({"--category", "nut", "--significant-bits", "8", picture_}), HasSubstr("--significant-bits"));
}

TEST_F(InspectCommandTest, AManifestsOwnSignificantBitsComeBeforeTheFlags) {
  FakeInspectionServer server({});
  const std::string manifest = folder_.Write("m.csv", "image,category,significant_bits\na.png,nut,10\na.png,nut,\n");

  const ClientRun run = RunClientProgram(
      {"inspect", "--server", server.target(), "--manifest", manifest, "--json", "--significant-bits", "12"});

  EXPECT_EQ(run.exit_code, kExitOk) << run.err;
  ASSERT_EQ(server.requests().size(), 2U);
  EXPECT_EQ(server.requests()[0].image().significant_bits(), 10U);
  EXPECT_EQ(server.requests()[1].image().significant_bits(), 12U);
  EXPECT_THAT(run.out, HasSubstr("\"significant_bits\":10"));
}

TEST_F(InspectCommandTest, TellsAWarningOnceOrInItsPicturesLine) {
  FakeInspectionServer server({});
  const std::string dark = folder_.Write("dark.png", "dark");
  const std::string darker = folder_.Write("darker.png", "dark");

  const ClientRun table = Inspect(server, {dark, darker});
  const ClientRun lines = Inspect(server, {dark, "--json"});
  const ClientRun told = Inspect(server, {dark, "--significant-bits", "12"});

  EXPECT_THAT(table.out, HasSubstr("\nwarning: 2 of 3 pictures: it fills 12 bits\n"));
  EXPECT_THAT(lines.out, HasSubstr(R"("warnings":[{"reason":"SHALLOW_SAMPLES","message":"it fills 12 bits"}])"));
  EXPECT_THAT(told.out, ::testing::Not(HasSubstr("warning")));
}

TEST_F(InspectCommandTest, LeavesToTheServerWhatNoFlagSays) {
  const wire::InspectOptions options = Asked({});

  EXPECT_FALSE(options.has_object() || options.has_model() || options.has_samples() || options.has_mask_threshold() ||
               options.has_regions());
  EXPECT_EQ(options.draws_case(), wire::InspectOptions::DRAWS_NOT_SET);
}

TEST_F(InspectCommandTest, ARandomSeedIsAskedForExplicitly) { EXPECT_TRUE(Asked({"--random-seed"}).random_seed()); }

TEST_F(InspectCommandTest, WritesOverlayAndMaskUnderTheNamesOfThePictures) {
  FakeInspectionServer server({});

  const ClientRun run = Inspect(server, {"--output", folder_.File("out")});

  EXPECT_EQ(run.exit_code, kExitOk) << run.err;
  EXPECT_TRUE(std::filesystem::exists(folder_.File("out/a_overlay.png")));
  EXPECT_TRUE(std::filesystem::exists(folder_.File("out/a_mask.png")));
}

TEST_F(InspectCommandTest, AManifestNamesObjectsOfItsOwn) {
  FakeInspectionServer server({});
  const std::string manifest = folder_.Write("m.csv", "image,category,object\na.png,MN-17,metal nut\na.png,nut,\n");

  const ClientRun run = RunClientProgram({"inspect", "--server", server.target(), "--stream", "--manifest", manifest});

  EXPECT_EQ(run.exit_code, kExitOk) << run.err;
  ASSERT_EQ(server.requests().size(), 2U);
  EXPECT_EQ(server.requests()[0].options().object(), "metal nut");
  EXPECT_FALSE(server.requests()[1].options().has_object());
}

TEST_F(InspectCommandTest, FailOnExitsWith2WhenAVerdictIsAtLeastThat) {
  FakeInspectionServer pass({.verdict = wire::VERDICT_PASS});
  FakeInspectionServer review({.verdict = wire::VERDICT_REVIEW});
  FakeInspectionServer fail({.verdict = wire::VERDICT_FAIL});

  EXPECT_EQ(Inspect(pass, {"--fail-on", "review"}).exit_code, kExitOk);
  EXPECT_EQ(Inspect(review, {"--fail-on", "review"}).exit_code, kExitExceeded);
  EXPECT_EQ(Inspect(review, {"--fail-on", "fail"}).exit_code, kExitOk);
  EXPECT_EQ(Inspect(fail, {"--fail-on", "fail"}).exit_code, kExitExceeded);
}

TEST_F(InspectCommandTest, FailOnExitsWith4AndNamesTheCategoryThatHasNoVerdict) {
  FakeInspectionServer server({.verdict = wire::VERDICT_FAIL});

  const ClientRun run = Inspect(server, {"--fail-on", "fail"}, "screw");

  EXPECT_EQ(run.exit_code, kExitFrames);
  EXPECT_THAT(run.err, HasSubstr("bayespfl-client: no verdict for the category \"screw\""));
}

TEST_F(InspectCommandTest, FailAboveExitsWith2WhenAScoreIsHigher) {
  FakeInspectionServer server({.score = 0.5F});

  EXPECT_EQ(Inspect(server, {"--fail-above", "0.5"}).exit_code, kExitOk);
  EXPECT_EQ(Inspect(server, {"--fail-above", "0.4"}).exit_code, kExitExceeded);
}

TEST_F(InspectCommandTest, ExitsWith3WhenTheServerIsNotThere) {
  std::string target;
  {
    target = FakeInspectionServer({}).target();
  }

  const ClientRun run = RunClientProgram({"inspect", "--server", target, "--category", "nut", picture_});

  EXPECT_EQ(run.exit_code, kExitUnreachable);
  EXPECT_THAT(run.err, HasSubstr("cannot reach the server at " + target));
}

TEST_F(InspectCommandTest, ExitsWith4WhenAPictureFails) {
  FakeInspectionServer server({});
  const std::string bad = folder_.Write("bad.png", "bad");

  const ClientRun run = Inspect(server, {bad});

  EXPECT_EQ(run.exit_code, kExitFrames);
  EXPECT_THAT(run.out, HasSubstr("INVALID_ARGUMENT (INVALID_PICTURE): image: 3 bytes are no picture"));
}

TEST_F(InspectCommandTest, ExitsWith1WhenAnOverlayCannotBeWritten) {
  FakeInspectionServer server({});
  const std::string blind = folder_.Write("blind.png", "blind");

  const ClientRun run = Inspect(server, {blind, "--output", folder_.File("out")});

  EXPECT_EQ(run.exit_code, kExitLocal);
  EXPECT_THAT(run.err, HasSubstr("blind.png: no overlay: the reply carries no inspected picture"));
}

TEST_F(InspectCommandTest, SaysWhatIsWrongWithACommandLine) {
  EXPECT_EQ(WrongUsage({}), "bayespfl-client: name pictures and their --category, or a --manifest: one of the two\n");
  EXPECT_EQ(WrongUsage({picture_}), "bayespfl-client: --category is missing: what do the pictures show?\n");
  EXPECT_EQ(WrongUsage({"--manifest", "m.csv", "--category", "nut"}),
            "bayespfl-client: --category goes with pictures; a manifest has its own\n");
  EXPECT_EQ(WrongUsage({"--manifest", "m.csv", "--object", "nut"}),
            "bayespfl-client: --object goes with pictures; a manifest has a column of that name\n");
  EXPECT_THAT(WrongUsage({picture_, "--category", " "}), HasSubstr(" is empty\n"));
  EXPECT_THAT(WrongUsage({picture_, "--category", "nut", "--object", std::string(257, 'x')}),
              HasSubstr(" has 257 bytes; the limit is 256\n"));
}

TEST_F(InspectCommandTest, SaysWhichFlagsExcludeOrNeedEachOther) {
  const std::vector<std::string> what = {picture_, "--category", "nut"};
  const auto with = [&](std::vector<std::string> flags) {
    flags.insert(flags.begin(), what.begin(), what.end());
    return WrongUsage(flags);
  };

  EXPECT_THAT(with({"--seed", "1", "--random-seed"}), HasSubstr("excludes"));
  EXPECT_THAT(with({"--regions"}), HasSubstr("--regions requires --json"));
  EXPECT_THAT(with({"--latest"}), HasSubstr("--latest requires --stream"));
  EXPECT_THAT(with({"--fail-on", "pass"}), HasSubstr("--fail-on: 'pass' is neither review nor fail;"));
  EXPECT_THAT(with({"--fail-above", "calibrated"}), HasSubstr("--fail-above: "));
  EXPECT_THAT(with({"--samples", "65"}), HasSubstr("--samples: "));
  EXPECT_THAT(with({"--mask-threshold", "nan"}), HasSubstr("--mask-threshold: "));
  EXPECT_THAT(with({"--fail-over", "1"}), HasSubstr("unknown flag '--fail-over'"));
}

}  // namespace
}  // namespace bayespfl::client
