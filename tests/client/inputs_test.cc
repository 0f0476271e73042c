#include "client/cpp/inputs.h"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace bayespfl::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

class InputsTest : public ::testing::Test {
 protected:
  void Touch(const std::string& name, const std::string& bytes = "x") const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << bytes;
  }

  static std::vector<std::string> Names(const std::vector<Input>& inputs) {
    std::vector<std::string> names;
    for (const Input& input : inputs) names.push_back(input.name);
    return names;
  }

  const testing::TemporaryFolder temporary_;
  const fs::path folder_ = temporary_.path();
};

TEST_F(InputsTest, FoldersGiveTheirPicturesSortedWithRelativeNames) {
  for (const char* name : {"b/2.PNG", "b/1.jpg", "a.tiff", "c.webp", "notes.txt", "b/mask.npy"}) Touch(name);

  const auto inputs = CollectInputs({folder_.string()}, "nut", std::nullopt, std::nullopt);

  ASSERT_TRUE(inputs.ok()) << inputs.status();
  EXPECT_THAT(Names(inputs->inputs), ElementsAre("a.tiff", "b/1.jpg", "b/2.PNG", "c.webp"));
  EXPECT_EQ(inputs->inputs.front().category, "nut");
  EXPECT_EQ(inputs->inputs.front().path, folder_ / "a.tiff");
}

TEST_F(InputsTest, EveryPictureHasTheCategoryAndTheObject) {
  Touch("a.png");
  Touch("b.png");

  const auto inputs = CollectInputs({folder_.string()}, "MN-17", "metal nut", std::nullopt);

  ASSERT_TRUE(inputs.ok()) << inputs.status();
  for (const Input& input : inputs->inputs) {
    EXPECT_EQ(input.category, "MN-17");
    EXPECT_EQ(input.object, "metal nut");
  }
}

TEST_F(InputsTest, AManifestsObjectsGoWithItsPictures) {
  Touch("manifest.csv", "image,object,category\na.png,metal nut,MN-17\nb.png,,screw\n");

  const auto inputs = ManifestInputs(folder_ / "manifest.csv");

  ASSERT_TRUE(inputs.ok()) << inputs.status();
  EXPECT_EQ((*inputs)[0].object, "metal nut");
  EXPECT_EQ((*inputs)[1].object, std::nullopt);
}

TEST_F(InputsTest, FoldersLeaveOutTheFolderOfTheResults) {
  Touch("a.png");
  Touch("out/a_overlay.png");

  const auto inputs = CollectInputs({folder_.string() + "/"}, "nut", std::nullopt, folder_ / "out");

  ASSERT_TRUE(inputs.ok()) << inputs.status();
  EXPECT_THAT(Names(inputs->inputs), ElementsAre("a.png"));
}

TEST_F(InputsTest, CountsWhatFoldersHoldBesides) {
  for (const char* name : {"a/1.png", "a/._1.png", "b/1.png", "b/notes.txt"}) Touch(name);

  const auto inputs =
      CollectInputs({(folder_ / "a").string(), (folder_ / "b").string()}, "nut", std::nullopt, std::nullopt);

  ASSERT_TRUE(inputs.ok()) << inputs.status();
  EXPECT_THAT(Names(inputs->inputs), ElementsAre("1.png", "1.png"));
  EXPECT_EQ(inputs->left_out.Sentence(), "2 files left out: 1 hidden, 1 of another kind (.txt)");
}

TEST_F(InputsTest, NamesWhatIsMissing) {
  const auto no_file = CollectInputs({(folder_ / "no.png").string()}, "nut", std::nullopt, std::nullopt);
  const auto no_picture = CollectInputs({folder_.string()}, "nut", std::nullopt, std::nullopt);

  EXPECT_TRUE(absl::IsNotFound(no_file.status()));
  EXPECT_THAT(std::string(no_file.status().message()), HasSubstr("no.png"));
  EXPECT_TRUE(absl::IsNotFound(no_picture.status()));
  EXPECT_THAT(std::string(no_picture.status().message()), HasSubstr("no picture in the folder"));
}

TEST_F(InputsTest, DashReadsOnePictureFromStandardInput) {
  std::istringstream bytes(std::string("\x89PNG\0bytes", 10));
  std::streambuf* const before = std::cin.rdbuf(bytes.rdbuf());
  const auto inputs = CollectInputs({"-"}, "nut", std::nullopt, std::nullopt);
  std::cin.rdbuf(before);

  ASSERT_TRUE(inputs.ok()) << inputs.status();
  EXPECT_THAT(Names(inputs->inputs), ElementsAre("stdin"));
  EXPECT_EQ(LoadPicture(inputs->inputs.front()).value(), std::string("\x89PNG\0bytes", 10));
}

TEST_F(InputsTest, RefusesStandardInputTwiceOrEmpty) {
  EXPECT_TRUE(absl::IsInvalidArgument(CollectInputs({"-", "-"}, "nut", std::nullopt, std::nullopt).status()));
  std::istringstream nothing;
  std::streambuf* const before = std::cin.rdbuf(nothing.rdbuf());
  const auto empty = CollectInputs({"-"}, "nut", std::nullopt, std::nullopt);
  std::cin.rdbuf(before);
  EXPECT_TRUE(absl::IsInvalidArgument(empty.status()));
}

TEST_F(InputsTest, LoadingNamesTheFileThatIsMissing) {
  const Input missing{
      .name = "no.png", .path = folder_ / "no.png", .bytes = {}, .category = "nut", .object = std::nullopt};

  EXPECT_TRUE(absl::IsNotFound(LoadPicture(missing).status())) << LoadPicture(missing).status();
  EXPECT_THAT(std::string(LoadPicture(missing).status().message()), HasSubstr("no.png"));
}

TEST_F(InputsTest, ManifestNamesStayBelowTheOutputFolder) {
  Touch("manifest.csv", "image,category\nnuts/a.png,nut\n../b.png,nut\n/data/c.png,nut\n");

  const auto inputs = ManifestInputs(folder_ / "manifest.csv");

  ASSERT_TRUE(inputs.ok()) << inputs.status();
  EXPECT_THAT(Names(*inputs), ElementsAre("nuts/a.png", "b.png", "c.png"));
  EXPECT_EQ(inputs->front().path, folder_ / "nuts/a.png");
}

}  // namespace
}  // namespace bayespfl::client
