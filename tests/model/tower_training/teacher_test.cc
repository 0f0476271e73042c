#include "model/tower_training/teacher.h"

#include <string>

#include "base/sha256.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temporary_folder.h"
#include "torch/script.h"

namespace bayespfl {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr int64_t kSide = 8;

class TeacherTest : public ::testing::Test {
 protected:
  // A TorchScript file whose method `forward` has this body; returns its path.
  std::string Write(const std::string& body) const {
    torch::jit::Module module("teacher");
    module.register_parameter("weight", torch::ones({4, 3, 2, 2}), /*is_buffer=*/false);
    module.define("def forward(self, x):\n" + body);
    std::string path = folder_.File("teacher.pt");
    module.save(path);
    return path;
  }
  std::string RefusalOf(const std::string& body) const {
    const std::string path = Write(body);
    const auto teacher = Teacher::Load(path, kSide, torch::kCPU);
    EXPECT_EQ(teacher.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(teacher.status().message()), StartsWith(path));
    return std::string(teacher.status().message());
  }

  const testing::TemporaryFolder folder_;
};

TEST_F(TeacherTest, GivesTheModulesMapsWithoutGradient) {
  const std::string path = Write("    return torch.conv2d(x, self.weight, stride=[2, 2])\n");
  const auto teacher = Teacher::Load(path, kSide, torch::kCPU);
  ASSERT_TRUE(teacher.ok()) << teacher.status();

  const torch::Tensor features = (*teacher)->Features(torch::ones({2, 3, kSide, kSide}));

  EXPECT_EQ((*teacher)->channels(), 4);
  EXPECT_EQ(features.sizes(), torch::IntArrayRef({2, 4, 4, 4}));
  EXPECT_TRUE(torch::equal(features, torch::full({2, 4, 4, 4}, 12.0F)));
  EXPECT_FALSE(features.requires_grad());
  EXPECT_FALSE(features.is_inference());  // or what is computed of it could not be differentiated
  EXPECT_EQ((*teacher)->digest(), Sha256Hex(folder_.Read("teacher.pt")));
}

TEST_F(TeacherTest, WhatGivesNoMapsIsRefused) {
  EXPECT_THAT(RefusalOf("    return x.mean([2, 3])\n"),
              HasSubstr("gives [2, 3] for 2 pictures, not maps [N, C, h, w]"));
  EXPECT_THAT(RefusalOf("    return 3\n"), HasSubstr("fails: "));
}

TEST_F(TeacherTest, WhatCannotTakeThePicturesIsRefused) {
  EXPECT_THAT(RefusalOf("    return x.view([1, 5, 2, 2])\n"), HasSubstr("fails: "));
}

TEST_F(TeacherTest, WhatTakesOnePictureAtATimeIsRefused) {
  EXPECT_THAT(RefusalOf("    return torch.conv2d(x, self.weight, stride=[2, 2])[0:1]\n"), HasSubstr(" for 2 pictures"));
}

TEST_F(TeacherTest, WhatGivesNoNumbersIsRefused) {
  EXPECT_THAT(RefusalOf("    return torch.log(torch.conv2d(x, self.weight) - 1)\n"), HasSubstr("no numbers"));
}

TEST_F(TeacherTest, WhatItSaysItselfIsTold) {
  EXPECT_THAT(RefusalOf("    assert False, \"too dark\"\n    return x\n"), HasSubstr("too dark"));
}

TEST_F(TeacherTest, WhatIsNoTorchScriptIsRefused) {
  const std::string path = folder_.Write("noise.pt", "no module at all");
  const auto teacher = Teacher::Load(path, kSide, torch::kCPU);

  EXPECT_EQ(teacher.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(teacher.status().message()), StartsWith(path + " is no TorchScript module: "));
}

TEST_F(TeacherTest, AFileThatIsMissingIsNotFound) {
  EXPECT_EQ(Teacher::Load(folder_.File("none.pt"), kSide, torch::kCPU).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace bayespfl
