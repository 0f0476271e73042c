// What a run is told apart by, what it refuses, what it would cost and what it says of itself, with the tiny model.

#include "model/training_run/training_run.h"

#include <filesystem>
#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/checkpoint/init.h"
#include "model/libtorch.h"
#include "model/package/limits.h"
#include "model/training_run/run_identity.h"
#include "model/training_run/run_parts.h"
#include "tests/model/training_data/set_on_disk.h"
#include "tests/support/demo_model.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr char kVocabulary[] = "bpe_simple_vocab_16e6.txt.gz";

class TrainingRunTest : public ::testing::Test {
 protected:
  TrainingRunTest() {
    set_.PutParts();
    const std::string vocabulary = ReadFile(testing::kDemoModel + "/" + kVocabulary, kMaxVocabularyBytes).value();
    EXPECT_TRUE(InitModel({.architecture = "tiny",
                           .output_dir = folder_.File("start"),
                           .vocabulary = vocabulary,
                           .vocabulary_file = kVocabulary})
                    .ok());
    torch::set_num_threads(1);
    config_ = {.model = folder_.File("start"),
               .output = folder_.File("run"),
               .training = {{.path = set_.root()}},
               .validation = {{.path = set_.root()}},
               .batch_size = 4,
               .epochs = 3,
               .samples = 1,
               .device = "cpu",
               .report_pictures = 1};
  }

  RunIdentity Identity(const std::function<void(TrainConfig&)>& change) {
    TrainConfig config = config_;
    change(config);
    const auto parts = OpenRunParts(config, text_, /*terminal=*/false);
    EXPECT_TRUE(parts.ok()) << parts.status();
    return parts.ok() ? IdentityOf(**parts) : RunIdentity();
  }
  absl::StatusOr<std::unique_ptr<TrainingRun>> Open() { return TrainingRun::Open(config_, {.text = &text_}); }

  testing::SetOnDisk set_;
  const testing::TemporaryFolder folder_;
  TrainConfig config_;
  std::ostringstream text_;
};

TEST_F(TrainingRunTest, WhateverDecidesBitsTellsRunsApart) {
  const std::string cache = folder_.File("features");
  std::set<RunIdentity> identities;
  for (const std::function<void(TrainConfig&)>& change : std::vector<std::function<void(TrainConfig&)>>{
           [](TrainConfig&) {}, [](TrainConfig& config) { config.training[0].reading.apply_orientation = true; },
           [](TrainConfig& config) { config.training[0].options.limit = 1; },
           [](TrainConfig& config) { config.validation[0].options.limit = 4; },
           [](TrainConfig& config) { config.validation[0].reading.significant_bits = 12; },
           [](TrainConfig& config) { config.image_size = 42; },
           [](TrainConfig& config) { config.pictures.mosaic_probability = 0.5; },
           [](TrainConfig& config) { config.pictures.augment = AugmentMode::kNone; },
           [](TrainConfig& config) { config.pictures.augment = AugmentMode::kFrozen; },
           [](TrainConfig& config) {
             config.pictures.augment = AugmentMode::kFrozen;
             config.pictures.frozen_variants = 2;
           },
           // The validation's features are computed one by one.
           [&](TrainConfig& config) { config.cache = cache; },
           [&](TrainConfig& config) {
             config.cache = cache;
             config.pictures.augment = AugmentMode::kNone;
           },
           [&](TrainConfig& config) {
             config.cache = cache;
             config.pictures.augment = AugmentMode::kNone;
             config.cache_type = FeatureType::kFp32;
           },
           [](TrainConfig& config) { config.mode = TrainMode::kTowers; },
           [](TrainConfig& config) {
             config.mode = TrainMode::kTowers;
             config.towers.muon = true;
           },
           [](TrainConfig& config) {
             config.mode = TrainMode::kTowers;
             config.towers.weight_decay = 0.1;
           }}) {
    const RunIdentity identity = Identity(change);
    EXPECT_TRUE(identities.insert(identity).second) << "number " << identities.size();
  }
}

TEST_F(TrainingRunTest, WhereThingsLieAndWhatTheyAreCalledDoesNot) {
  const RunIdentity identity = Identity([](TrainConfig&) {});
  EXPECT_EQ(Identity([&](TrainConfig& config) {
              config.output = folder_.File("elsewhere");
              config.name = "another";
              config.version = "2";
              config.report_pictures = 5;
              config.kept_states = 7;
              config.save_steps = 2;
            }),
            identity);
}

TEST_F(TrainingRunTest, ACategoryThatCannotBeJudgedIsRefusedAtOnce) {
  set_.PutGood("washer", "0", 30);
  set_.PutDefect("ring", "0", 40);
  config_.validation[0].options.categories = {"washer", "ring", "nut"};
  const absl::Status status = Open().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(
      std::string(status.message()),
      HasSubstr("validation: no usable pictures of both kinds, good and with a defect, in parts/ring, parts/washer:"));
}

TEST_F(TrainingRunTest, ACategoryWhoseNameIsNoObjectsIsRefusedAtOnce) {
  const std::string name = "<|endoftext|>";
  set_.PutGood(name, "0", 30);
  set_.PutDefect(name, "0", 40);
  const absl::Status status = Open().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("training: the category parts/<|endoftext|> is no object's name: object "));
}

TEST_F(TrainingRunTest, PicturesOnBothSidesAreCounted) {
  set_.PutGood("bolt", "again", 10);  // as "0"
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(text_.str(), HasSubstr("warning: 13 of 13 pictures of the validation are also learned from"));
  EXPECT_THAT(text_.str(), HasSubstr("warning: training: 1 picture is there more often than once"));
  text_.str("");
  config_.training[0].options.categories = {"bolt"};
  config_.validation[0].options.categories = {"nut"};
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(text_.str(), ::testing::Not(HasSubstr("validation are also")));
}

TEST_F(TrainingRunTest, APackageOfSomebodyElseIsNotReplaced) {
  config_.output = folder_.path();
  fs::rename(folder_.File("start"), folder_.File("model"));
  config_.model = folder_.File("model");
  EXPECT_EQ(Open().status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(fs::exists(folder_.File("model/config.json")));
}

TEST_F(TrainingRunTest, AnOutputThatIsAFileIsRefused) {
  folder_.Write("run", "a file");
  EXPECT_EQ(Open().status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(TrainingRunTest, AFinishedRunLeavesWhatIsThereAndMakesWhatIsNot) {
  ASSERT_TRUE((*Open())->Run().ok());
  folder_.Write("run/model/calibration.json", "of a line engineer");
  const std::string report = folder_.Read("run/report.html");
  const std::string weights = folder_.Read("run/model/bayespfl.safetensors");
  fs::remove(folder_.File("run/epochs.csv"));

  ASSERT_TRUE((*Open())->Run().ok());
  EXPECT_EQ(folder_.Read("run/model/calibration.json"), "of a line engineer");
  EXPECT_EQ(folder_.Read("run/report.html"), report);
  EXPECT_TRUE(fs::exists(folder_.File("run/epochs.csv")));

  fs::remove_all(folder_.File("run/model"));
  ASSERT_TRUE((*Open())->Run().ok());
  EXPECT_EQ(folder_.Read("run/model/bayespfl.safetensors"), weights);
}

TEST_F(TrainingRunTest, ThePlanCountsEpochsThatFillTheCache) {
  config_.cache = folder_.File("features");
  config_.pictures.augment = AugmentMode::kFrozen;
  config_.pictures.frozen_variants = 2;
  const auto run = Open();
  ASSERT_TRUE(run.ok()) << run.status();
  const auto plan = (*run)->Plan();
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->training_pictures, 12);
  EXPECT_EQ(plan->batches, 3);
  EXPECT_EQ(plan->cached_pictures, 2 * 12 + 12);
  EXPECT_EQ(plan->missing_bytes, plan->cache_bytes);
  EXPECT_EQ(plan->filling_epochs, 2);
  EXPECT_GT(plan->seconds_of_step, 0);
  EXPECT_GT(plan->first_epoch_seconds, plan->later_epoch_seconds);
  EXPECT_DOUBLE_EQ(plan->total_seconds(), 2 * plan->first_epoch_seconds + plan->later_epoch_seconds);
  EXPECT_FALSE(fs::exists(folder_.File("features")));
  EXPECT_FALSE(fs::exists(folder_.File("run")));
}

TEST_F(TrainingRunTest, TheReportSaysWhatOnlyItsReaderCanJudge) {
  config_.cache = folder_.File("features");
  config_.pictures.augment = AugmentMode::kFrozen;
  config_.pictures.frozen_variants = 2;
  for (int time = 0; time < 2; ++time) {
    const auto run = Open();
    ASSERT_TRUE(run.ok()) << run.status();
    const auto outcome = (*run)->Run();
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    EXPECT_EQ(*outcome, TrainingOutcome::kFinished);
    const std::string report = folder_.Read("run/report.html");
    EXPECT_THAT(report, HasSubstr("seen in 2 fixed variants"));
    EXPECT_THAT(report, HasSubstr("pictures of the validation are also learned from"));
    // Three epochs of two variants: the third one finds the first one's pictures.
    EXPECT_THAT(report, HasSubstr("computed 24 times and found in the cache 12 times"));
    // Another run, of the same cache in which everything is there but damaged.
    fs::remove_all(folder_.File("run"));
    for (const auto& entry : fs::recursive_directory_iterator(folder_.File("features"))) {
      if (entry.is_regular_file()) fs::resize_file(entry.path(), 100);
    }
    EXPECT_EQ(time == 1, report.find("damaged entries") != std::string::npos);
  }
}

}  // namespace
}  // namespace bayespfl
