#include "model/image/picture_files.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/ordinary_user.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(PictureExtensionTest, KnowsTheFormatsThatCanBeDecoded) {
  for (const char* file :
       {"a.jpg", "a.jpeg", "a.jpe", "a.jfif", "a.mpo", "a.png", "a.bmp", "a.tif", "a.tiff", "a.webp"}) {
    EXPECT_TRUE(HasPictureExtension(file)) << file;
  }
}

TEST(PictureExtensionTest, CaseAndFoldersDoNotCount) {
  EXPECT_TRUE(HasPictureExtension("line.1/Frame 7.JPeG"));
  EXPECT_FALSE(HasPictureExtension("frames.png/notes.txt"));
}

TEST(PictureExtensionTest, OnlyTheLastEndingCounts) {
  EXPECT_TRUE(HasPictureExtension("a.txt.png"));
  EXPECT_FALSE(HasPictureExtension("a.png.txt"));
  EXPECT_FALSE(HasPictureExtension("a.pngx"));
}

TEST(PictureExtensionTest, ANameThatIsNothingButAnEndingHasNone) {
  EXPECT_FALSE(HasPictureExtension(".png"));
  EXPECT_FALSE(HasPictureExtension("png"));
  EXPECT_FALSE(HasPictureExtension(""));
}

class FindPictureFilesTest : public ::testing::Test {
 protected:
  void Touch(const std::string& name, const std::string& bytes = "x") const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << bytes;
  }
  std::vector<std::string> NamesBelowFolder() const { return Names(FindPictureFiles({folder_.string()})); }

  static std::vector<std::string> Names(const absl::StatusOr<FoundPictures>& found) {
    EXPECT_TRUE(found.ok()) << found.status();
    std::vector<std::string> names;
    if (!found.ok()) return names;
    for (const PictureFile& file : found->files) names.push_back(file.name);
    return names;
  }
  std::string SentenceBelowFolder() const {
    const auto found = FindPictureFiles({folder_.string()});
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() ? found->left_out.Sentence() : "";
  }

  const testing::TemporaryFolder temporary_;
  const fs::path folder_ = temporary_.path();
};

TEST_F(FindPictureFilesTest, FoldersGiveTheirPicturesSortedWithRelativeNames) {
  for (const char* name : {"b/2.PNG", "b/1.jpg", "a.tiff", "c.webp", "notes.txt", "b/mask.npy"}) Touch(name);

  const auto files = FindPictureFiles({folder_.string()});

  EXPECT_THAT(Names(files), ElementsAre("a.tiff", "b/1.jpg", "b/2.PNG", "c.webp"));
  EXPECT_EQ(files->files.front().path, folder_ / "a.tiff");
}

TEST_F(FindPictureFilesTest, AFolderComesBeforeItsNamesakesWithATail) {
  for (const char* name : {"a-1/2.png", "a/1.png", "a/b/0.png"}) Touch(name);

  EXPECT_THAT(NamesBelowFolder(), ElementsAre("a/1.png", "a/b/0.png", "a-1/2.png"));
}

TEST_F(FindPictureFilesTest, TheExcludedFolderIsNotEnteredHoweverItIsSpelled) {
  Touch("a.png");
  Touch("out/a_overlay.png");

  EXPECT_THAT(Names(FindPictureFiles({folder_.string() + "/"}, folder_ / "." / "out")), ElementsAre("a.png"));
}

TEST_F(FindPictureFilesTest, AnExcludedFolderThatIsNotThereExcludesNothing) {
  Touch("a.png");

  EXPECT_THAT(Names(FindPictureFiles({folder_.string()}, folder_ / "out")), ElementsAre("a.png"));
}

TEST_F(FindPictureFilesTest, HiddenFilesAndFoldersAreLeftOut) {
  for (const char* name : {"a.jpg", "._a.jpg", ".DS_Store", ".Trash/b.jpg"}) Touch(name);

  EXPECT_THAT(NamesBelowFolder(), ElementsAre("a.jpg"));
  EXPECT_EQ(SentenceBelowFolder(), "3 files left out: 3 hidden");
}

TEST_F(FindPictureFilesTest, CountsFilesOfOtherKindsAndNamesTheirEndings) {
  for (const char* name : {"a.jpg", "b/.hidden", "c/notes.TXT", "d/notes.txt", "README"}) Touch(name);

  EXPECT_EQ(SentenceBelowFolder(), "4 files left out: 1 hidden, 3 of another kind (no ending, .txt)");
}

TEST_F(FindPictureFilesTest, SaysNothingWhereNothingIsLeftOut) {
  Touch("a.jpg");

  EXPECT_EQ(SentenceBelowFolder(), "");
}

TEST_F(FindPictureFilesTest, ResultsOfAnInspectionAreLeftOut) {
  for (const char* name : {"a.jpg", "a_overlay.png", "a_mask.png", "b/c-2_overlay.png", "b/c-2_mask.png"}) Touch(name);

  EXPECT_THAT(NamesBelowFolder(), ElementsAre("a.jpg"));
  EXPECT_EQ(SentenceBelowFolder(), "4 files left out: 4 results of inspections");
}

TEST_F(FindPictureFilesTest, ALoneMaskOrOverlayIsAPicture) {
  for (const char* name : {"a_mask.png", "b_overlay.png"}) Touch(name);

  EXPECT_THAT(NamesBelowFolder(), ElementsAre("a_mask.png", "b_overlay.png"));
}

TEST_F(FindPictureFilesTest, WhereMasksAreWantedResultsAreTaken) {
  for (const char* name : {"a_overlay.png", "a_mask.png"}) Touch(name);

  EXPECT_THAT(Names(PicturesBelow(folder_, {.skip_results = false})), ElementsAre("a_mask.png", "a_overlay.png"));
}

TEST_F(FindPictureFilesTest, LinkedFilesAndFoldersAreTakenDeadLinksAreCounted) {
  Touch("in/a.png");
  Touch("elsewhere/b.png");
  fs::create_symlink(folder_ / "elsewhere" / "b.png", folder_ / "in" / "linked.png");
  fs::create_directory_symlink(folder_ / "elsewhere", folder_ / "in" / "folder");
  fs::create_symlink(folder_ / "nowhere.png", folder_ / "in" / "dead.png");

  const auto found = FindPictureFiles({(folder_ / "in").string()});

  EXPECT_THAT(Names(found), ElementsAre("a.png", "folder/b.png", "linked.png"));
  EXPECT_EQ(found->left_out.Sentence(), "1 file left out: 1 dead link or device");
}

TEST_F(FindPictureFilesTest, LoopsOfLinksEnd) {
  Touch("in/a.png");
  Touch("in/deep/b.png");
  fs::create_directory_symlink(folder_ / "in", folder_ / "in" / "deep" / "up");
  fs::create_directory_symlink(".", folder_ / "in" / "same");

  const auto found = FindPictureFiles({(folder_ / "in").string()});

  EXPECT_THAT(Names(found), ElementsAre("a.png", "deep/b.png"));
  EXPECT_EQ(found->left_out.Sentence(), "2 files left out: 2 links to folders that were read already");
}

TEST_F(FindPictureFilesTest, AFolderIsReadWhereItLiesNotWhereALinkShowsIt) {
  Touch("z/real/a.png");
  fs::create_directory_symlink(folder_ / "z" / "real", folder_ / "latest");

  EXPECT_THAT(NamesBelowFolder(), ElementsAre("z/real/a.png"));
}

TEST_F(FindPictureFilesTest, ALinkedFolderThatIsNamedItselfIsRead) {
  Touch("in/a.png");
  fs::create_directory_symlink(folder_ / "in", folder_ / "link");

  EXPECT_THAT(Names(FindPictureFiles({(folder_ / "link").string()})), ElementsAre("a.png"));
}

TEST_F(FindPictureFilesTest, NamedFilesKeepTheirOrderAndAnyExtension) {
  Touch("z.raw");
  Touch("a.png");

  EXPECT_THAT(Names(FindPictureFiles({(folder_ / "z.raw").string(), (folder_ / "a.png").string()})),
              ElementsAre("z.raw", "a.png"));
}

TEST_F(FindPictureFilesTest, NamesTheFileThatIsMissing) {
  const auto files = FindPictureFiles({(folder_ / "no.png").string()});

  EXPECT_TRUE(absl::IsNotFound(files.status()));
  EXPECT_EQ(files.status().message(), "no such file or folder: " + (folder_ / "no.png").string());
}

TEST_F(FindPictureFilesTest, NamesTheFolderWithoutAPicture) {
  Touch("full/a.png");
  Touch("none/notes.txt");

  const auto files = FindPictureFiles({(folder_ / "full").string(), (folder_ / "none").string()});

  EXPECT_TRUE(absl::IsNotFound(files.status()));
  EXPECT_EQ(files.status().message(),
            "no picture in the folder " + (folder_ / "none").string() + " (1 file left out: 1 of another kind (.txt))");
}

TEST_F(FindPictureFilesTest, NamesTheFolderThatCannotBeRead) {
  Touch("a.png");
  Touch("closed/b.png");
  fs::permissions(folder_, fs::perms(0755));
  fs::permissions(folder_ / "closed", fs::perms::none);

  const auto files = [&] {
    const testing::OrdinaryUser user;
    return FindPictureFiles({folder_.string()});
  }();

  fs::permissions(folder_ / "closed", fs::perms::owner_all);
  EXPECT_TRUE(absl::IsPermissionDenied(files.status())) << files.status();
  EXPECT_THAT(std::string(files.status().message()),
              HasSubstr("cannot read the folder " + (folder_ / "closed").string()));
}

TEST_F(FindPictureFilesTest, NamesTheFileThatCannotBeReached) {
  fs::create_symlink(folder_ / "loop.png", folder_ / "loop.png");

  const auto files = FindPictureFiles({(folder_ / "loop.png").string()});

  EXPECT_FALSE(files.ok());
  EXPECT_FALSE(absl::IsNotFound(files.status())) << files.status();
  EXPECT_THAT(std::string(files.status().message()), HasSubstr("cannot read the file"));
}

TEST(PictureNameTest, IsThePathAsLongAsItStaysBelowTheWorkingDirectory) {
  EXPECT_EQ(PictureName("nuts/a.png"), "nuts/a.png");
  EXPECT_EQ(PictureName("./nuts//a.png"), "nuts/a.png");
  EXPECT_EQ(PictureName("../b.png"), "b.png");
  EXPECT_EQ(PictureName("nuts/../../b.png"), "b.png");
  EXPECT_EQ(PictureName("/data/c.png"), "c.png");
}

TEST_F(FindPictureFilesTest, ReadsAFileAndSaysWhyNot) {
  Touch("a.png", "bytes");
  Touch("empty.png", "");
  Touch("large.png");
  fs::resize_file(folder_ / "large.png", kMaxPictureFileBytes + 1);

  EXPECT_EQ(ReadPictureFile(folder_ / "a.png").value(), "bytes");
  EXPECT_TRUE(absl::IsNotFound(ReadPictureFile(folder_ / "no.png").status()));
  EXPECT_THAT(std::string(ReadPictureFile(folder_ / "empty.png").status().message()), HasSubstr("empty.png is empty"));
  EXPECT_THAT(std::string(ReadPictureFile(folder_ / "large.png").status().message()), HasSubstr("over the limit"));
  EXPECT_THAT(std::string(ReadPictureFile(folder_).status().message()), HasSubstr("is a folder"));
}

}  // namespace
}  // namespace bayespfl
