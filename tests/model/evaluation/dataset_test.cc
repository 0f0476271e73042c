#include "model/evaluation/dataset.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class DatasetTest : public ::testing::Test {
 protected:
  // Files are only listed: any content will do.
  void Put(const std::string& name, const std::string& content = "x") const {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name, std::ios::binary) << content;
  }
  void PutMvtec() const {
    Put("screw/test/good/000.png");
    Put("screw/test/scratch/000.png");
    Put("screw/ground_truth/scratch/000_mask.png");
    Put("screw/train/good/000.png");
    Put("bottle/test/good/001.png");
    Put("bottle/test/good/000.PNG");
    Put("bottle/test/good/.hidden.png");
    Put("bottle/test/good/notes.txt");
  }
  std::string Message(const std::string& name = "", const DatasetOptions& options = {}) const {
    return std::string(OpenDataset(name.empty() ? root_ : root_ / name, options).status().message());
  }

  const testing::TemporaryFolder folder_;
  const fs::path root_ = folder_.path();
};

std::vector<std::string> Images(const Dataset& dataset) {
  std::vector<std::string> images;
  for (const DatasetItem& item : dataset.items) images.push_back(item.image);
  return images;
}

TEST_F(DatasetTest, ReadsMvtecFolders) {
  PutMvtec();

  const auto dataset = OpenDataset(root_, {});

  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ(dataset->layout, DatasetLayout::kMvtec);
  EXPECT_FALSE(dataset->image_only);
  EXPECT_THAT(Images(*dataset), ElementsAre("bottle/test/good/000.PNG", "bottle/test/good/001.png",
                                            "screw/test/good/000.png", "screw/test/scratch/000.png"));
  const DatasetItem& scratch = dataset->items.back();
  EXPECT_TRUE(scratch.anomalous);
  EXPECT_EQ(scratch.category, "screw");
  EXPECT_EQ(scratch.defect, "scratch");
  EXPECT_THAT(scratch.masks, ElementsAre("screw/ground_truth/scratch/000_mask.png"));
  EXPECT_FALSE(dataset->items.front().anomalous);
  EXPECT_THAT(dataset->items.front().masks, IsEmpty());
  EXPECT_EQ(dataset->left_out.Sentence(), "2 files left out: 1 hidden, 1 of another kind (.txt)");
}

TEST_F(DatasetTest, ReadsBtadsFolders) {
  Put("01/test/ok/0001.bmp");
  Put("01/test/ko/0000.bmp");
  Put("01/ground_truth/ko/0000.png");
  Put("02/test/OK/7.png");
  Put("02/test/ko/8.png");
  Put("02/ground_truth/ko/8.BMP");

  const auto dataset = OpenDataset(root_, {});

  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_THAT(Images(*dataset),
              ElementsAre("01/test/ko/0000.bmp", "01/test/ok/0001.bmp", "02/test/OK/7.png", "02/test/ko/8.png"));
  EXPECT_TRUE(dataset->items[0].anomalous);
  EXPECT_THAT(dataset->items[0].masks, ElementsAre("01/ground_truth/ko/0000.png"));
  EXPECT_FALSE(dataset->items[1].anomalous);
  EXPECT_EQ(dataset->items[1].defect, "");
  EXPECT_FALSE(dataset->items[2].anomalous);
  EXPECT_THAT(dataset->items[3].masks, ElementsAre("02/ground_truth/ko/8.BMP"));
}

// The picture itself may lie beside its mask, and so may parts of it in a folder of its name.
TEST_F(DatasetTest, AFileThatIsCalledAMaskComesBeforeOthersOfThePicturesName) {
  Put("nut/test/bad/000.png");
  Put("nut/ground_truth/bad/000.png");
  Put("nut/ground_truth/bad/000_mask.png");
  Put("nut/ground_truth/bad/000/0.png");

  const auto dataset = OpenDataset(root_, {});

  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_THAT(dataset->items[0].masks, ElementsAre("nut/ground_truth/bad/000_mask.png"));
}

TEST_F(DatasetTest, ReadsVisasOneClassForm) {
  Put("candle/test/good/0000.JPG");
  Put("candle/test/bad/000.JPG");
  Put("candle/ground_truth/bad/000.png");

  const auto dataset = OpenDataset(root_, {});

  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_THAT(dataset->items[0].masks, ElementsAre("candle/ground_truth/bad/000.png"));
}

TEST_F(DatasetTest, ReadsLocosSeveralMasksOfAPicture) {
  Put("box/test/good/000.png");
  Put("box/test/logical_anomalies/000.png");
  Put("box/test/logical_anomalies/001.png");
  Put("box/ground_truth/logical_anomalies/000/000.png");
  Put("box/ground_truth/logical_anomalies/000/001.png");
  Put("box/ground_truth/logical_anomalies/001/000.png");

  const auto dataset = OpenDataset(root_, {});

  ASSERT_TRUE(dataset.ok()) << dataset.status();
  ASSERT_EQ(dataset->items.size(), 3U);
  EXPECT_THAT(dataset->items[1].masks, ElementsAre("box/ground_truth/logical_anomalies/000/000.png",
                                                   "box/ground_truth/logical_anomalies/000/001.png"));
  EXPECT_THAT(dataset->items[2].masks, ElementsAre("box/ground_truth/logical_anomalies/001/000.png"));
}

TEST_F(DatasetTest, AMasksEndingMayBeInUpperCase) {
  Put("nut/test/bad/000.png");
  Put("nut/ground_truth/bad/000_mask.PNG");
  Put("nut/ground_truth/bad/000_preview.png");

  const auto dataset = OpenDataset(root_, {});

  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_THAT(dataset->items[0].masks, ElementsAre("nut/ground_truth/bad/000_mask.PNG"));
}

TEST_F(DatasetTest, APictureWhoseMaskIsMissingNamesTheOneThatIsWanted) {
  Put("nut/test/bad/000.png");
  Put("nut/ground_truth/bad/001_mask.png");

  const auto dataset = OpenDataset(root_, {});

  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_THAT(dataset->items[0].masks, ElementsAre("nut/ground_truth/bad/000_mask.png"));
  EXPECT_FALSE(dataset->image_only);
}

TEST_F(DatasetTest, PicturesMayLieInFoldersBelowTheirKind) {
  Put("nut/test/good/000.png");
  Put("nut/test/bad/left/000.png");
  Put("nut/test/bad/right/000.png");
  Put("nut/ground_truth/bad/left/000_mask.png");
  Put("nut/ground_truth/bad/right/000.png");

  const auto dataset = OpenDataset(root_, {});

  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_THAT(dataset->items[0].masks, ElementsAre("nut/ground_truth/bad/left/000_mask.png"));
  EXPECT_THAT(dataset->items[1].masks, ElementsAre("nut/ground_truth/bad/right/000.png"));
}

TEST_F(DatasetTest, APreviewBesideAMaskDoesNotHideIt) {
  Put("nut/test/bad/000.png");
  Put("nut/ground_truth/bad/000_mask.png");
  Put("nut/ground_truth/bad/000_overlay.png");

  const auto dataset = OpenDataset(root_, {});

  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_THAT(dataset->items[0].masks, ElementsAre("nut/ground_truth/bad/000_mask.png"));
}

TEST_F(DatasetTest, TakesAnotherSplit) {
  PutMvtec();

  const auto dataset = OpenDataset(root_, {.split = "train"});

  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_THAT(Images(*dataset), ElementsAre("screw/train/good/000.png"));
}

TEST_F(DatasetTest, ASplitOfADataSetWithoutSplitsIsRefused) {
  Put("visa/candle/Data/Images/Normal/0000.JPG");
  Put("visa/candle/Data/Images/Anomaly/000.JPG");
  Put("visa/candle/Data/Masks/Anomaly/000.png");
  Put("parts.csv", "image,label,category\na.png,0,nut\n");

  for (const char* const name : {"visa", "parts.csv"}) {
    const absl::Status status = OpenDataset(root_ / name, {.split = "train"}).status();

    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << name;
    EXPECT_THAT(std::string(status.message()), HasSubstr("has no splits, so none is called \"train\"")) << name;
  }
}

TEST_F(DatasetTest, ASplitIsANameAndNoPath) {
  PutMvtec();

  for (const char* const split : {"..", "../other", "test/good", ""}) {
    EXPECT_EQ(OpenDataset(root_, {.split = split}).status().code(), absl::StatusCode::kInvalidArgument) << split;
  }
}

TEST_F(DatasetTest, ReadsVisaFolders) {
  Put("candle/Data/Images/Normal/0000.JPG");
  Put("candle/Data/Images/Anomaly/000.JPG");
  Put("candle/Data/Masks/Anomaly/000.png");

  const auto dataset = OpenDataset(root_, {});

  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ(dataset->layout, DatasetLayout::kVisaFolders);
  ASSERT_EQ(dataset->items.size(), 2U);
  EXPECT_THAT(dataset->items[0].masks, ElementsAre("candle/Data/Masks/Anomaly/000.png"));
  EXPECT_TRUE(dataset->items[0].anomalous);
  EXPECT_FALSE(dataset->items[1].anomalous);
}

TEST_F(DatasetTest, ReadsVisasSplitTable) {
  Put("split_csv/1cls.csv",
      "object,split,label,image,mask\n"
      "candle,train,normal,candle/Data/Images/Normal/0.JPG,\n"
      "candle,test,anomaly,candle/Data/Images/Anomaly/0.JPG,candle/Data/Masks/Anomaly/0.png\n");
  Put("candle/Data/Images/Normal/0.JPG");

  const auto dataset = OpenDataset(root_, {});

  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ(dataset->layout, DatasetLayout::kVisaTable);
  EXPECT_THAT(Images(*dataset), ElementsAre("candle/Data/Images/Anomaly/0.JPG"));
}

TEST_F(DatasetTest, ReadsACsvWithQuotesAndWindowsLines) {
  Put("set.csv",
      "image,mask,category,label\r\n"
      "\"a, \"\"b\"\".png\",a_mask.png,\"metal nut\",anomalous\r\n"
      "c.png,,metal nut,0\r\n");

  const auto dataset = OpenDataset(root_ / "set.csv", {});

  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ(dataset->layout, DatasetLayout::kCsv);
  EXPECT_EQ(dataset->name, "set.csv");
  EXPECT_THAT(Images(*dataset), ElementsAre("a, \"b\".png", "c.png"));
  EXPECT_THAT(dataset->items[0].masks, ElementsAre("a_mask.png"));
}

TEST_F(DatasetTest, EmptyRowsOfACsvArePassedOver) {
  Put("set.csv", "image,category,label\na.png,brain,1\n,,\nb.png,brain,OK\n,,\n");

  const auto dataset = OpenDataset(root_ / "set.csv", {});

  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_THAT(Images(*dataset), ElementsAre("a.png", "b.png"));
}

TEST_F(DatasetTest, ACsvWithoutMasksIsForPicturesAlone) {
  Put("set.csv", "image,category,label\na.png,brain,1\nb.png,brain,good\n");

  const auto dataset = OpenDataset(root_ / "set.csv", {});

  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_TRUE(dataset->image_only);
}

TEST_F(DatasetTest, NamesTheLineOfABrokenCsv) {
  Put("label.csv", "image,category,label\na.png,brain,1\nb.png,brain,perhaps\n");
  EXPECT_THAT(Message("label.csv"), AllOf(HasSubstr("line 3"), HasSubstr("perhaps")));
  Put("fields.csv", "image,category,label\na.png,brain\n");
  EXPECT_THAT(Message("fields.csv"), AllOf(HasSubstr("line 2"), HasSubstr("2 fields")));
  Put("column.csv", "image,category\na.png,brain\n");
  EXPECT_THAT(Message("column.csv"), HasSubstr("no column \"label\""));
  Put("mask.csv", "image,mask,category,label\na.png,m.png,brain,0\n");
  EXPECT_THAT(Message("mask.csv"), HasSubstr("line 2"));
  Put("empty.csv", "");
  EXPECT_THAT(Message("empty.csv"), HasSubstr("empty"));
}

TEST_F(DatasetTest, SaysWhatWasLookedFor) {
  Put("something/else.png");
  EXPECT_THAT(Message(), AllOf(HasSubstr("no known data set"), HasSubstr("MVTec"), HasSubstr("VisA")));
  EXPECT_EQ(OpenDataset(root_ / "nothing", {}).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(DatasetTest, ASingleCategoryGivesAHint) {
  PutMvtec();

  EXPECT_THAT(Message("screw"), HasSubstr("--categories screw"));
}

TEST_F(DatasetTest, TwoLayoutsAtOnceAskForAChoice) {
  PutMvtec();
  Put("candle/Data/Images/Normal/0000.JPG");

  EXPECT_THAT(Message(), HasSubstr("--layout"));
  EXPECT_TRUE(OpenDataset(root_, {.layout = DatasetLayout::kMvtec}).ok());
  EXPECT_TRUE(OpenDataset(root_, {.layout = DatasetLayout::kVisa}).ok());
}

TEST_F(DatasetTest, AnUnknownCategoryListsTheKnownOnes) {
  PutMvtec();

  EXPECT_THAT(Message("", {.categories = {"nut"}}), AllOf(HasSubstr("\"nut\""), HasSubstr("bottle, screw")));
}

TEST_F(DatasetTest, ALimitTakesPicturesEvenly) {
  for (int i = 0; i < 10; ++i) Put(absl::StrCat("nut/test/good/", i, ".png"));

  const auto dataset = OpenDataset(root_, {.limit = 3});

  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_THAT(Images(*dataset), ElementsAre("nut/test/good/0.png", "nut/test/good/3.png", "nut/test/good/6.png"));
}

}  // namespace
}  // namespace bayespfl
