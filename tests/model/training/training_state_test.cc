#include "model/training/training_state.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/libtorch.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryFolder;

TrainingState State(int64_t step) {
  TrainingState state;
  state.step = step;
  state.batch = 2;
  state.course = {.stage = 2, .epochs = 3, .best = 0.1 + 0.2, .patience = 4, .finished = false};
  state.loss_sum = {.cross_entropy = 1.0 / 3, .focal = 1e-17, .dice = 2, .kl = -0.1, .orthogonality = 5, .total = 7};
  state.history = {{.epoch = 1, .stage = 1, .loss = state.loss_sum, .validation = {0.7, 1.0 / 7}, .kept = true}};
  state.weights = {{"a.weight", torch::tensor({{1.0F / 3, -0.0F}})}, {"b", torch::tensor(static_cast<float>(step))}};
  state.optimiser = {{"b/first", torch::tensor(0.5F)}, {"b/steps", torch::tensor(int64_t{1} << 40)}};
  state.best = {{"a.weight", torch::tensor({{3.0F, 4.0F}})}, {"b", torch::tensor(5.0F)}};
  return state;
}

std::unique_ptr<TrainingStateFolder> Open(const TemporaryFolder& folder, const std::string& identity = "run",
                                          int keep = 2) {
  auto opened = TrainingStateFolder::Open(folder.File("state"), {{"run", identity}, {"always", "this"}}, keep);
  EXPECT_TRUE(opened.ok()) << opened.status();
  return *std::move(opened);
}

void ExpectSameBits(const TensorMap& actual, const TensorMap& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    const torch::Tensor& found = actual.at(name);
    ASSERT_EQ(found.scalar_type(), tensor.scalar_type()) << name;
    ASSERT_EQ(found.sizes(), tensor.sizes()) << name;
    EXPECT_EQ(std::memcmp(found.const_data_ptr(), tensor.const_data_ptr(), tensor.nbytes()), 0) << name;
  }
}

std::vector<std::string> StepsIn(const TemporaryFolder& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder.File("state"))) {
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

TEST(TrainingStateTest, ComesBackToTheBit) {
  const TemporaryFolder folder;
  const auto states = Open(folder);
  const TrainingState saved = State(12);
  ASSERT_TRUE(states->Save(saved).ok());
  const auto loaded = states->Load();
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  ASSERT_TRUE(loaded->has_value());
  const TrainingState& state = **loaded;
  EXPECT_EQ(state.step, saved.step);
  EXPECT_EQ(state.batch, saved.batch);
  EXPECT_EQ(state.course, saved.course);
  EXPECT_EQ(state.loss_sum, saved.loss_sum);
  EXPECT_EQ(state.history, saved.history);
  ExpectSameBits(state.weights, saved.weights);
  ExpectSameBits(state.optimiser, saved.optimiser);
  ExpectSameBits(state.best, saved.best);
}

TEST(TrainingStateTest, AFreshFolderHasNone) {
  const TemporaryFolder folder;
  const auto loaded = Open(folder)->Load();
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_FALSE(loaded->has_value());
}

TEST(TrainingStateTest, ThereIsNoBestCopyBeforeTheFirstEpochsEnd) {
  const TemporaryFolder folder;
  const auto states = Open(folder);
  TrainingState state = State(1);
  state.best.clear();
  ASSERT_TRUE(states->Save(state).ok());
  const auto loaded = states->Load();
  ASSERT_TRUE(loaded.ok() && loaded->has_value());
  EXPECT_THAT((*loaded)->best, ::testing::IsEmpty());
}

TEST(TrainingStateTest, TheNewestOnesStay) {
  const TemporaryFolder folder;
  const auto states = Open(folder, "run", 2);
  for (const int64_t step : {8, 9, 10, 1'000'000}) ASSERT_TRUE(states->Save(State(step)).ok());
  EXPECT_THAT(StepsIn(folder), ::testing::ElementsAre("step-000000000010", "step-000001000000"));
  EXPECT_EQ((*states->Load())->step, 1'000'000);
}

// Two folders: a file system need not be able to replace one by another in one step.
TEST(TrainingStateTest, TheStateAfterAnEpochsValidationFollowsTheOneAfterItsLastStep) {
  const TemporaryFolder folder;
  const auto states = Open(folder);
  TrainingState state = State(4);
  ASSERT_TRUE(states->Save(state).ok());
  state.batch = 0;
  ASSERT_TRUE(states->Save(state).ok());
  EXPECT_THAT(StepsIn(folder), ::testing::ElementsAre("step-000000000004", "step-000000000004.validated"));
  EXPECT_EQ((*states->Load())->batch, 0);
  ASSERT_TRUE(states->Save(State(5)).ok());
  EXPECT_EQ((*states->Load())->step, 5);
}

TEST(TrainingStateTest, AStateOfTheSameNameIsReplaced) {
  const TemporaryFolder folder;
  const auto states = Open(folder);
  TrainingState state = State(4);
  ASSERT_TRUE(states->Save(state).ok());
  state.course.patience = 1;
  ASSERT_TRUE(states->Save(state).ok());
  EXPECT_EQ((*states->Load())->course.patience, 1);
}

TEST(TrainingStateTest, WhatAnInterruptedWriteLeftIsRemoved) {
  const TemporaryFolder folder;
  folder.Write("state/.step-000000000003.abcdef/weights.safetensors", "half");
  const auto states = Open(folder);
  EXPECT_FALSE(std::filesystem::exists(folder.File("state/.step-000000000003.abcdef")));
  EXPECT_FALSE((*states->Load()).has_value());
}

TEST(TrainingStateTest, OneRunAtATimeHasTheFolder) {
  const TemporaryFolder folder;
  auto first = Open(folder);
  const auto second = TrainingStateFolder::Open(folder.File("state"), {}, 2);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  first.reset();
  EXPECT_TRUE(TrainingStateFolder::Open(folder.File("state"), {}, 2).ok());
}

TEST(TrainingStateTest, AStateOfAnotherRunIsRefused) {
  const TemporaryFolder folder;
  ASSERT_TRUE(Open(folder, "one")->Save(State(1)).ok());
  const absl::Status refused = Open(folder, "other")->Load().status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()),
              ::testing::EndsWith("is of another run: run was one and is other; set that back, or train into another "
                                  "folder"));
}

TEST(TrainingStateTest, ADamagedStateSaysFromWhichOneItCouldGoOn) {
  const TemporaryFolder folder;
  ASSERT_TRUE(Open(folder)->Save(State(1)).ok());
  ASSERT_TRUE(Open(folder)->Save(State(2)).ok());
  std::filesystem::remove(folder.File("state/step-000000000002/optimiser.safetensors"));
  const absl::Status status = Open(folder)->Load().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("step-000000000002 to go on from step-000000000001 with the same results"));
  std::filesystem::remove_all(folder.File("state/step-000000000002"));
  EXPECT_EQ((*Open(folder)->Load())->step, 1);
}

TEST(TrainingStateTest, ADamagedFileIsNamed) {
  for (const char* file : {"weights.safetensors", "optimiser.safetensors", "best.safetensors", "state.json"}) {
    const TemporaryFolder folder;
    ASSERT_TRUE(Open(folder)->Save(State(1)).ok());
    const std::string path = std::string("state/step-000000000001/") + file;
    std::string bytes = folder.Read(path);
    bytes[bytes.size() - 3] = static_cast<char>(bytes[bytes.size() - 3] ^ 0x10);
    folder.Write(path, bytes);
    const auto loaded = Open(folder)->Load();
    EXPECT_EQ(loaded.status().code(), absl::StatusCode::kDataLoss) << file;
    EXPECT_THAT(std::string(loaded.status().message()), HasSubstr(file));
  }
}

TEST(TrainingStateTest, AMissingFileIsNamed) {
  const TemporaryFolder folder;
  ASSERT_TRUE(Open(folder)->Save(State(1)).ok());
  std::filesystem::remove(folder.File("state/step-000000000001/optimiser.safetensors"));
  const auto loaded = Open(folder)->Load();
  EXPECT_EQ(loaded.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(loaded.status().message()), HasSubstr("optimiser.safetensors"));
}

}  // namespace
}  // namespace bayespfl
