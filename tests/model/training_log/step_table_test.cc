#include "model/training_log/step_table.h"

#include <array>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

using ::bayespfl::testing::TemporaryFolder;

constexpr std::array<absl::string_view, 2> kColumns = {"total", "dice"};

class StepTableTest : public ::testing::Test {
 protected:
  std::string Content() const { return ReadFile(file_, 1 << 20).value(); }
  std::unique_ptr<StepTable> Open(int64_t last_step) const {
    return StepTable::Open(file_, kColumns, last_step).value();
  }

  const TemporaryFolder folder_;
  const std::filesystem::path file_ = std::filesystem::path(folder_.path()) / "steps.csv";
};

TEST_F(StepTableTest, HasARowForEachStepWithNineDigits) {
  const std::unique_ptr<StepTable> table = Open(0);

  ASSERT_TRUE(table->Add(1, {0.1F, 2}).ok());
  ASSERT_TRUE(table->Add(2, {1e-12, -3.5}).ok());

  EXPECT_EQ(Content(), "step,total,dice\n1,0.100000001,2\n2,1e-12,-3.5\n");
}

TEST_F(StepTableTest, GoesOnAfterTheStepOfTheState) {
  ASSERT_TRUE(WriteFile(file_, "step,total,dice\n1,1,1\n2,2,2\n3,3,3\n").ok());

  const std::unique_ptr<StepTable> table = Open(2);
  ASSERT_TRUE(table->Add(3, {4, 4}).ok());

  EXPECT_EQ(Content(), "step,total,dice\n1,1,1\n2,2,2\n3,4,4\n");
}

TEST_F(StepTableTest, TakesOutARowThatAKillCutOff) {
  ASSERT_TRUE(WriteFile(file_, "step,total,dice\n1,1,1\n2,2").ok());

  const std::unique_ptr<StepTable> table = Open(2);

  EXPECT_EQ(Content(), "step,total,dice\n1,1,1\n");
}

TEST_F(StepTableTest, LeavesAFileOfOtherColumnsAsItIs) {
  ASSERT_TRUE(WriteFile(file_, "name,price\nleather,3\n").ok());

  const absl::Status refused = StepTable::Open(file_, kColumns, 0).status();

  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(refused.message(), ::testing::HasSubstr("steps.csv does not begin with \"step,total,dice\""));
  EXPECT_EQ(Content(), "name,price\nleather,3\n");
}

}  // namespace
}  // namespace bayespfl
