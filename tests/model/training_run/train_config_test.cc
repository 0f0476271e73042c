#include "model/training_run/train_config.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kLeast[] = "model: start\noutput: run\ntraining: [{path: a}]\nvalidation: [{path: b}]\n";

absl::StatusOr<TrainConfig> Parse(const std::string& more) {
  return ParseTrainConfig(absl::StrCat(kLeast, more), "/jobs");
}

std::string Reason(const absl::StatusOr<TrainConfig>& config) {
  EXPECT_EQ(config.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(config.status().message());
}

TEST(TrainConfigTest, WhatIsNotSaidIsAsInThePaper) {
  const auto config = Parse("");

  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->epochs, 30);
  EXPECT_EQ(config->patience, 3);
  EXPECT_EQ(config->samples, 5);
  EXPECT_EQ(config->batch_size, 32);
  EXPECT_EQ(config->pictures.augment, AugmentMode::kOnline);
  EXPECT_FALSE(config->pictures.mosaic_probability.has_value());
  EXPECT_TRUE(config->cache.empty());
}

TEST(TrainConfigTest, PathsAreRelativeToTheFilesFolder) {
  const auto config = Parse("cache: /tmp/features\n");

  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->model, "/jobs/start");
  EXPECT_EQ(config->output, "/jobs/run");
  EXPECT_EQ(config->training.front().path, "/jobs/a");
  EXPECT_EQ(config->cache, "/tmp/features");
}

TEST(TrainConfigTest, ReadsEveryKey) {
  const auto config = ParseTrainConfig(R"yaml(
model: start
output: run
name: parts
version: 2.1.0
training:
  - path: mvtec
    layout: mvtec
    split: train
    categories: [bottle, metal_nut]
    limit: 7
    significant_bits: 12
    apply_orientation: true
  - path: table.csv
validation:
  - path: visa
seed: 18446744073709551615
batch_size: 4
epochs: 6
patience: 1
samples: 2
augment: frozen
variants: 9
mosaic: 0.25
cache: features
cache_type: bf16
save_steps: 11
kept_states: 5
device: cpu
threads: 3
report_pictures: 0
)yaml",
                                       "");

  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->name, "parts");
  EXPECT_EQ(config->version, "2.1.0");
  ASSERT_EQ(config->training.size(), 2U);
  const TrainingSource& source = config->training.front();
  EXPECT_EQ(source.options.layout, DatasetLayout::kMvtec);
  EXPECT_EQ(source.options.split, "train");
  EXPECT_THAT(source.options.categories, ElementsAre("bottle", "metal_nut"));
  EXPECT_EQ(source.options.limit, 7);
  EXPECT_EQ(source.reading.significant_bits, 12);
  EXPECT_TRUE(source.reading.apply_orientation);
  EXPECT_EQ(config->seed, 18446744073709551615U);
  EXPECT_EQ(config->pictures.seed, config->seed);
  EXPECT_EQ(config->batch_size, 4);
  EXPECT_EQ(config->epochs, 6);
  EXPECT_EQ(config->patience, 1);
  EXPECT_EQ(config->samples, 2);
  EXPECT_EQ(config->pictures.augment, AugmentMode::kFrozen);
  EXPECT_EQ(config->pictures.frozen_variants, 9);
  EXPECT_EQ(config->pictures.mosaic_probability, 0.25);
  EXPECT_EQ(config->cache_type, FeatureType::kBf16);
  EXPECT_EQ(config->save_steps, 11);
  EXPECT_EQ(config->kept_states, 5);
  EXPECT_EQ(config->device, "cpu");
  EXPECT_EQ(config->threads, 3);
  EXPECT_EQ(config->report_pictures, 0);
}

TEST(TrainConfigTest, TowersHaveKeysAndDefaultsOfTheirOwn) {
  const auto config = Parse(
      "mode: towers\nimage_size: 120\nepochs: 12\nteacher: teacher.pt\nlearning_rate: 0.002\n"
      "precision: bf16\noptimiser: muon\n");

  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->mode, TrainMode::kTowers);
  EXPECT_EQ(config->image_size, 120);
  EXPECT_EQ(config->patience, 12);
  EXPECT_EQ(config->towers.teacher, "/jobs/teacher.pt");
  EXPECT_DOUBLE_EQ(config->towers.learning_rate, 0.002);
  EXPECT_DOUBLE_EQ(config->towers.weight_decay, 0.05);
  EXPECT_TRUE(config->towers.bf16_products);
  EXPECT_TRUE(config->towers.muon);
  EXPECT_FALSE(Parse("mode: towers\n")->towers.muon);
  EXPECT_EQ(Parse("mode: towers\npatience: 2\n")->patience, 2);
  EXPECT_FALSE(Parse("mode: towers\n")->towers.bf16_products);
}

TEST(TrainConfigTest, AKeyThatTheModeHasNoUseForIsNamed) {
  EXPECT_THAT(Reason(Parse("teacher: teacher.pt\n")), HasSubstr("line 5: teacher is of \"mode: towers\" alone"));
  EXPECT_THAT(Reason(Parse("optimiser: muon\n")), HasSubstr("line 5: optimiser is of \"mode: towers\" alone"));
  EXPECT_THAT(Reason(Parse("mode: towers\noptimiser: adam\n")), HasSubstr("optimiser must be one of adamw, muon"));
  EXPECT_THAT(Reason(Parse("mode: towers\ncache: features\n")),
              HasSubstr("line 6: cache is not of \"mode: towers\": towers that learn"));
}

TEST(TrainConfigTest, AnUnknownKeyIsNamedWithItsLineAndWithWhatMayBeMeant) {
  EXPECT_EQ(Reason(Parse("epoch: 3\n")), "line 5: there is no key \"epoch\"; did you mean 'epochs'?");
  EXPECT_THAT(Reason(ParseTrainConfig("model: a\noutput: b\ntraining:\n  - paht: c\nvalidation: [{path: d}]\n", "")),
              StartsWith("line 4: there is no key \"paht\"; did you mean 'path'?"));
}

TEST(TrainConfigTest, AWrongValueIsNamedWithItsLineAndItsRange) {
  EXPECT_EQ(Reason(Parse("epochs: 0\n")), "line 5: epochs must be a whole number from 1 to 10000, not \"0\"");
  EXPECT_EQ(Reason(Parse("epochs: 3.5\n")), "line 5: epochs must be a whole number from 1 to 10000, not \"3.5\"");
  EXPECT_EQ(Reason(Parse("mosaic: nan\n")), "line 5: mosaic must be a number from 0 to 1, not \"nan\"");
  EXPECT_EQ(Reason(Parse("seed: -1\n")), "line 5: seed must be a whole number from 0 to 2^64 - 1, not \"-1\"");
  EXPECT_EQ(Reason(Parse("augment: maybe\n")), "line 5: augment must be one of online, frozen, none, not \"maybe\"");
  EXPECT_THAT(Reason(Parse("cache: [a]\n")), HasSubstr("cache must be a path"));
}

TEST(TrainConfigTest, AKeyThatIsMissingOrThereTwiceIsNamed) {
  EXPECT_THAT(Reason(ParseTrainConfig("model: a\ntraining: [{path: b}]\nvalidation: [{path: c}]\n", "")),
              HasSubstr("\"output\" is missing"));
  EXPECT_THAT(Reason(ParseTrainConfig("model: a\noutput: b\ntraining: [{limit: 3}]\nvalidation: [{path: c}]\n", "")),
              HasSubstr("line 3: \"path\" is missing"));
  EXPECT_EQ(Reason(Parse("seed: 1\nseed: 2\n")), "line 6: \"seed\" is there twice");
}

TEST(TrainConfigTest, WhatIsNoYamlOrNoMappingIsRefused) {
  EXPECT_THAT(Reason(ParseTrainConfig("model: [a\n", "")), HasSubstr("no YAML"));
  EXPECT_THAT(Reason(ParseTrainConfig("just words", "")), HasSubstr("keys with values are expected"));
  EXPECT_THAT(Reason(ParseTrainConfig("model: a\noutput: b\ntraining: c\nvalidation: [{path: d}]\n", "")),
              StartsWith("line 3: training must be a list of data sets"));
}

TEST(TrainConfigTest, AFilesErrorBeginsWithItsName) {
  const testing::TemporaryFolder folder;
  const std::string file = folder.Write("train.yaml", "model: a\nepoch: 3\n");

  EXPECT_THAT(Reason(ReadTrainConfig(file)), StartsWith(absl::StrCat(file, ", line 2: there is no key")));
}

}  // namespace
}  // namespace bayespfl
