#include "client/cpp/manifest.h"

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace bayespfl::client {
namespace {

using ::testing::HasSubstr;

std::string ErrorOf(absl::string_view text) {
  const auto entries = ParseManifest(text, "folder");
  EXPECT_TRUE(absl::IsInvalidArgument(entries.status())) << entries.status();
  return std::string(entries.status().message());
}

TEST(ManifestTest, ReadsRowsInOrder) {
  const auto entries = ParseManifest("image,category\nb.png,metal nut\na.png,screw\n", "folder");

  ASSERT_TRUE(entries.ok()) << entries.status();
  ASSERT_EQ(entries->size(), 2U);
  EXPECT_EQ((*entries)[0].image, "b.png");
  EXPECT_EQ((*entries)[0].path, std::filesystem::path("folder/b.png"));
  EXPECT_EQ((*entries)[0].category, "metal nut");
  EXPECT_EQ((*entries)[0].line, 2);
  EXPECT_EQ((*entries)[1].category, "screw");
}

TEST(ManifestTest, IgnoresOtherColumnsAndTheirOrder) {
  const auto entries = ParseManifest("label,category,licence,image\n1,screw,MIT,a.png\n", "");

  ASSERT_TRUE(entries.ok()) << entries.status();
  EXPECT_EQ(entries->front().image, "a.png");
  EXPECT_EQ(entries->front().category, "screw");
}

TEST(ManifestTest, ReadsTheObjectWhereThereIsOne) {
  const auto with = ParseManifest("image,category,object\na.png,MN-17, metal nut \nb.png,screw,\n", "");
  const auto without = ParseManifest("image,category\na.png,screw\n", "");

  ASSERT_TRUE(with.ok()) << with.status();
  EXPECT_EQ((*with)[0].object, "metal nut");
  EXPECT_EQ((*with)[1].object, std::nullopt);
  EXPECT_EQ(without->front().object, std::nullopt);
}

TEST(ManifestTest, PassesOverTheEmptyRowsOfASpreadsheet) {
  const auto entries = ParseManifest("image,category,object\na.png,screw,\n,,\nb.png,nut,\n,,\n", "");

  ASSERT_TRUE(entries.ok()) << entries.status();
  EXPECT_EQ(entries->size(), 2U);
}

TEST(ManifestTest, ReadsTheSignificantBitsWhereThereAreSome) {
  const auto entries = ParseManifest("image,category,significant_bits\na.tif,nut, 12 \nb.png,nut,\n", "");

  ASSERT_TRUE(entries.ok()) << entries.status();
  EXPECT_EQ((*entries)[0].significant_bits, 12);
  EXPECT_EQ((*entries)[1].significant_bits, 0);
  for (const std::string bad : {"8", "17", "twelve", "12.5"}) {
    EXPECT_THAT(ErrorOf("image,category,significant_bits\na.tif,nut," + bad + "\n"),
                HasSubstr("line 2: significant_bits is \"" + bad + "\"; expected 9 to 16"));
  }
}

TEST(ManifestTest, UnquotesFields) {
  const auto entries =
      ParseManifest("image,category,note\n\"a,\"\"1\"\".png\",\"metal nut\",\"two\nlines\"\nb.png,nut,\n", "");

  ASSERT_TRUE(entries.ok()) << entries.status();
  EXPECT_EQ((*entries)[0].image, "a,\"1\".png");
  EXPECT_EQ((*entries)[0].category, "metal nut");
  EXPECT_EQ((*entries)[1].line, 4);  // the row before took two lines
}

TEST(ManifestTest, AcceptsCrLfByteOrderMarkEmptyLinesAndNoFinalLineBreak) {
  const auto entries = ParseManifest("\xEF\xBB\xBFimage,category\r\n\r\na.png,\"nut\"\r\n\nb.png,nut", "");

  ASSERT_TRUE(entries.ok()) << entries.status();
  ASSERT_EQ(entries->size(), 2U);
  EXPECT_EQ((*entries)[0].category, "nut");
  EXPECT_EQ((*entries)[1].line, 5);
}

TEST(ManifestTest, KeepsAbsolutePaths) {
  const auto entries = ParseManifest("image,category\n/data/a.png,nut\n", "folder");

  ASSERT_TRUE(entries.ok()) << entries.status();
  EXPECT_EQ(entries->front().path, std::filesystem::path("/data/a.png"));
}

TEST(ManifestTest, NamesTheLineOfEveryError) {
  EXPECT_EQ(ErrorOf("image\na.png\n"), "line 1: the header has no column \"category\"");
  EXPECT_EQ(ErrorOf("image,category,image\n"), "line 1: the header names the column \"image\" twice");
  EXPECT_EQ(ErrorOf("image,object,category,object\n"), "line 1: the header names the column \"object\" twice");
  EXPECT_EQ(ErrorOf("image,category\na.png,nut\nb.png\n"), "line 3: the row has 1 fields, the header 2");
  EXPECT_EQ(ErrorOf("image,category\na.png,nut,1\n"), "line 2: the row has 3 fields, the header 2");
  EXPECT_EQ(ErrorOf("image,category\n,nut\n"), "line 2: the image is empty");
  EXPECT_EQ(ErrorOf("image,category\na.png,  \n"), "line 2: the category is empty");
  EXPECT_EQ(ErrorOf("image,category\na.png,nut\n\"b.png,nut\n\n"), "line 3: a quote is opened and never closed");
  EXPECT_THAT(ErrorOf("image,category\n\"a\"b.png,nut\n"), HasSubstr("line 2: text follows a closing quote"));
  EXPECT_THAT(ErrorOf("image,category\na\"b.png,nut\n"), HasSubstr("line 2: a field that holds quotes"));
}

TEST(ManifestTest, RefusesManifestsWithoutRows) {
  EXPECT_THAT(ErrorOf(""), HasSubstr("is empty"));
  EXPECT_THAT(ErrorOf("\n\n"), HasSubstr("is empty"));
  EXPECT_THAT(ErrorOf("image,category\n"), HasSubstr("no rows"));
}

TEST(ManifestTest, TakesRelativePathsFromTheManifestsFolder) {
  const testing::TemporaryFolder folder;

  const auto entries = ReadManifest(folder.Write("manifest.csv", "image,category\nnuts/a.png,nut\n"));

  ASSERT_TRUE(entries.ok()) << entries.status();
  EXPECT_EQ(entries->front().path, folder.File("nuts/a.png"));
}

TEST(ManifestTest, NamesTheFileInErrors) {
  const testing::TemporaryFolder folder;
  const std::string file = folder.Write("broken_manifest.csv", "image,category\na.png\n");

  EXPECT_THAT(std::string(ReadManifest(file).status().message()), HasSubstr("broken_manifest.csv: line 2: "));
  EXPECT_TRUE(absl::IsNotFound(ReadManifest("no/such/manifest.csv").status()));
}

}  // namespace
}  // namespace bayespfl::client
