// What `bayespfl-model verify` prints, on copies of the embedded model with tensors that belong to nobody.
#include "model/tools/verify.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/package/safetensors.h"
#include "model/package/safetensors_writer.h"
#include "tests/support/demo_model.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class VerifyTest : public ::testing::Test {
 protected:
  // A package that notes no digests, so that a file with more tensors is wrong in these alone.
  VerifyTest() {
    testing::CopyDemoModel(model_dir_);
    const std::string config = folder_.Read("model/config.json");
    const size_t begin = config.find("\"file_digests\"");
    const size_t end = config.find("},", begin) + 2;
    folder_.Write("model/config.json", config.substr(0, begin) + config.substr(end));
  }

  // Writes bayespfl.safetensors anew, with `count` more tensors of one element.
  void AddStrayTensors(size_t count) const {
    const auto original = SafetensorsFile::Open(absl::StrCat(testing::kDemoModel, "/bayespfl.safetensors"));
    ASSERT_TRUE(original.ok()) << original.status();
    std::map<std::string, TensorInfo> tensors;
    for (const auto& [name, view] : (*original)->tensors()) tensors[name] = {view.dtype, view.shape};
    for (size_t i = 0; i < count; ++i) tensors[absl::StrCat("stray.", i)] = {DType::kF32, {1}};
    const std::string path = model_dir_ + "/bayespfl.safetensors";
    fs::remove(path);
    auto writer = SafetensorsWriter::Create(path, tensors);
    ASSERT_TRUE(writer.ok()) << writer.status();
    const std::vector<uint8_t> zero(4);
    for (const std::string& name : (*writer)->order()) {
      const auto view = (*original)->tensors().find(name);
      ASSERT_TRUE((*writer)->Append(view == (*original)->tensors().end() ? zero : view->second.data).ok()) << name;
    }
    ASSERT_TRUE((*writer)->Finish().ok());
  }

  // The lines on stderr.
  std::vector<std::string> Complaints() const {
    ::testing::internal::CaptureStderr();
    const int exit_code = RunVerify({.model_dir = model_dir_, .run = false});
    const std::string printed = ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(exit_code, 1);
    return absl::StrSplit(printed, '\n', absl::SkipEmpty());
  }

  testing::TemporaryFolder folder_;
  const std::string model_dir_ = folder_.path() + "/model";
};

TEST_F(VerifyTest, ListsEveryProblemUpToTheLimit) {
  AddStrayTensors(1000);
  const std::vector<std::string> lines = Complaints();
  ASSERT_THAT(lines, SizeIs(1001));
  EXPECT_THAT(std::vector<std::string>(lines.begin(), lines.end() - 1), Each(HasSubstr("left over: stray.")));
  EXPECT_THAT(lines.back(), HasSubstr(": 1000 problems"));
}

TEST_F(VerifyTest, OverTheLimitItSaysHowManyMoreThereAre) {
  AddStrayTensors(40'000);
  const std::vector<std::string> lines = Complaints();
  ASSERT_THAT(lines, SizeIs(1002));
  EXPECT_THAT(std::vector<std::string>(lines.begin(), lines.end() - 2), Each(HasSubstr("left over: stray.")));
  EXPECT_THAT(lines[1000], HasSubstr("... and 39000 more"));
  EXPECT_THAT(lines.back(), HasSubstr(": 40000 problems"));
}

}  // namespace
}  // namespace bayespfl
