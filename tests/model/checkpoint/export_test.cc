#include "model/checkpoint/export.h"

#include <filesystem>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/checkpoint/checkpoint.h"
#include "model/checkpoint/convert.h"
#include "model/clip/bundled_vocabulary.h"
#include "tests/support/demo_model.h"
#include "tests/support/paths.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

using ::testing::HasSubstr;

class ExportTest : public ::testing::Test {
 protected:
  // A package of the fixture's weights.
  void Convert(int stage, const std::string& weights = testing::TestData("tiny/train.pth")) {
    ConvertOptions convert;
    convert.clip_path = testing::TestData("tiny/clip_jit.pt");
    convert.weights_path = weights;
    convert.output_dir = options_.package_dir;
    convert.overwrite = true;
    convert.architecture = {.vision_heads = 4, .text_heads = 4, .tapped_layers = {}};
    convert.image_size = 56;
    convert.stage = stage;
    convert.vocabulary = BundledVocabulary();
    convert.vocabulary_file = std::string(kBundledVocabularyFile);
    const auto converted = ConvertPackage(convert);
    ASSERT_TRUE(converted.ok()) << converted.status();
  }

  std::string Message() const { return std::string(ExportUpstreamWeights(options_).message()); }

  const testing::TemporaryFolder folder_;
  ExportOptions options_ = {.package_dir = folder_.File("model"), .output_path = folder_.File("out.pth")};
};

TEST_F(ExportTest, GivesTheAuthorsFileBack) {
  Convert(2);
  ASSERT_EQ(Message(), "");
  const auto original = Checkpoint::Open(testing::TestData("tiny/train.pth"));
  const auto exported = Checkpoint::Open(options_.output_path);
  ASSERT_TRUE(original.ok() && exported.ok()) << exported.status();
  ASSERT_EQ((*exported)->tensors().size(), 131);
  ASSERT_EQ((*original)->tensors().size(), 131);
  std::vector<uint8_t> expected;
  std::vector<uint8_t> actual;
  for (const auto& [name, info] : (*original)->tensors()) {
    ASSERT_TRUE((*exported)->tensors().contains(name)) << name;
    EXPECT_EQ((*exported)->tensors().at(name).shape, info.shape) << name;
    ASSERT_TRUE((*original)->Read(name, expected).ok());
    ASSERT_TRUE((*exported)->Read(name, actual).ok());
    EXPECT_EQ(actual, expected) << name;
  }
}

TEST_F(ExportTest, SharedTensorsAreStoredOnce) {
  Convert(2);
  ASSERT_EQ(Message(), "");
  // The authors' file stores them so too.
  EXPECT_LT(std::filesystem::file_size(options_.output_path),
            1.1 * static_cast<double>(std::filesystem::file_size(testing::TestData("tiny/train.pth"))));
}

TEST_F(ExportTest, HalfPrecisionBecomesFp32) {
  options_.package_dir = testing::kDemoModel;
  ASSERT_EQ(Message(), "");
  const auto exported = Checkpoint::Open(options_.output_path);
  ASSERT_TRUE(exported.ok()) << exported.status();
  EXPECT_EQ((*exported)->tensors().at("MyModel.prompt_context").dtype, DType::kF32);
}

TEST_F(ExportTest, AFileThatTheAuthorsScriptWouldTakeForAnotherStageIsRefused) {
  Convert(1);
  EXPECT_THAT(Message(), HasSubstr("epoch_post_1_1.pth"));
  options_.output_path = folder_.File("epoch_post_3_1.pth");
  EXPECT_EQ(Message(), "");
}

TEST_F(ExportTest, NamesWhatThePackageLacks) {
  Convert(2);
  // A package without what no result depends on, which serves all the same.
  std::string bytes = folder_.Read("model/bayespfl.safetensors");
  const size_t at = bytes.find("\"PFL_normal.p_mu.0.bias\"");
  ASSERT_NE(at, std::string::npos);
  bytes.replace(at, 24, "\"PFL_normal.p_xy.0.bias\"");
  folder_.Write("model/bayespfl.safetensors", bytes);
  EXPECT_THAT(Message(), HasSubstr("PFL_normal.p_mu.0.bias"));
  EXPECT_FALSE(std::filesystem::exists(options_.output_path));
}

TEST_F(ExportTest, KeepsAFileUnlessToldToReplaceIt) {
  Convert(2);
  folder_.Write("out.pth", "precious");
  EXPECT_EQ(ExportUpstreamWeights(options_).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(folder_.Read("out.pth"), "precious");
  options_.overwrite = true;
  EXPECT_EQ(Message(), "");
  EXPECT_TRUE(Checkpoint::Open(options_.output_path).ok());
}

TEST_F(ExportTest, AFailureLeavesNothingBehind) {
  Convert(2);
  options_.output_path = folder_.File("no_such_folder/out.pth");
  EXPECT_NE(Message(), "");
  EXPECT_FALSE(std::filesystem::exists(folder_.File("no_such_folder")));
}

}  // namespace
}  // namespace bayespfl
