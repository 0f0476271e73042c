#include "model/training_data/training_set.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/sha256.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/model/training_data/set_on_disk.h"

namespace bayespfl {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class TrainingSetTest : public ::testing::Test {
 protected:
  absl::StatusOr<TrainingSet> Open(int threads = 1) const {
    return OpenTrainingSet({{.path = disk_.root()}}, {.threads = threads}, nullptr);
  }
  std::string Message() const { return std::string(Open().status().message()); }
  std::vector<std::string> Bad() const {
    std::vector<std::string> sentences;
    const auto set = Open();
    EXPECT_TRUE(set.ok()) << set.status();
    if (set.ok()) {
      for (const BadPicture& bad : set->bad) sentences.push_back(bad.Sentence());
    }
    return sentences;
  }

  const testing::SetOnDisk disk_;
};

TEST_F(TrainingSetTest, TakesTheTestSplitWithItsLabels) {
  disk_.PutParts();
  disk_.PutPicture("bolt/train/good/0.png", 1);

  const auto set = Open();

  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->items.size(), 12U);
  EXPECT_EQ(set->normal, 5);
  EXPECT_EQ(set->anomalous, 7);
  EXPECT_THAT(set->bad, IsEmpty());
  EXPECT_EQ(set->items.front().item.image, "bolt/test/dent/0.png");
}

TEST_F(TrainingSetTest, ThreadsChangeNothing) {
  disk_.PutParts();
  disk_.Put("bolt/test/good/broken.png", "no picture");
  const auto one = Open(1);
  const auto three = Open(3);
  ASSERT_TRUE(one.ok() && three.ok());
  EXPECT_EQ(one->DataList(), three->DataList());
  EXPECT_EQ(three->bad.size(), 1U);
}

TEST_F(TrainingSetTest, TellsHowFarItIs) {
  disk_.PutParts();
  std::vector<int64_t> done;
  const auto set = OpenTrainingSet({{.path = disk_.root()}}, {.threads = 2}, [&](int64_t count, int64_t total) {
    EXPECT_EQ(total, 12);
    done.push_back(count);
  });
  ASSERT_TRUE(set.ok());
  EXPECT_THAT(done, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12));
}

TEST_F(TrainingSetTest, NamesPicturesThatCannotBeReadAndGoesOn) {
  disk_.PutParts();
  disk_.Put("bolt/test/good/broken.png", "no picture");
  EXPECT_THAT(Bad(), ElementsAre(StartsWith("parts: bolt/test/good/broken.png: ")));
  EXPECT_EQ(Open()->items.size(), 12U);
}

TEST_F(TrainingSetTest, NamesDefectsWithoutAMask) {
  disk_.PutParts();
  disk_.Remove("bolt/ground_truth/dent/2_mask.png");
  EXPECT_THAT(Bad(), ElementsAre(AllOf(StartsWith("parts: bolt/test/dent/2.png: "), HasSubstr("is missing"))));
  EXPECT_EQ(Open()->anomalous, 6);
}

TEST_F(TrainingSetTest, NamesMasksOfAnotherSize) {
  disk_.PutParts();
  disk_.PutMask("bolt/ground_truth/dent/2_mask.png", true, 6);
  EXPECT_THAT(Bad(), ElementsAre("parts: bolt/test/dent/2.png: the mask is 6x6 pixels, its picture 8x8"));
}

TEST_F(TrainingSetTest, NamesMasksThatMarkNothing) {
  disk_.PutParts();
  disk_.PutMask("bolt/ground_truth/dent/2_mask.png", false);
  EXPECT_THAT(Bad(), ElementsAre("parts: bolt/test/dent/2.png: its mask marks no pixel"));
}

TEST_F(TrainingSetTest, WithoutDefectsIsAnError) {
  disk_.PutGood("bolt", "0", 1);
  EXPECT_THAT(Message(), HasSubstr("the data set parts has no picture with a defect in its split \"test\""));
}

TEST_F(TrainingSetTest, WithoutMasksIsAnError) {
  disk_.PutGood("bolt", "0", 1);
  disk_.PutPicture("bolt/test/dent/0.png", 2);
  EXPECT_THAT(Message(), HasSubstr("the data set parts has no masks"));
}

TEST_F(TrainingSetTest, WithNoUsableDefectIsAnErrorThatSaysWhy) {
  disk_.PutGood("bolt", "0", 1);
  disk_.PutDefect("bolt", "0", 2);
  disk_.PutMask("bolt/ground_truth/dent/0_mask.png", false);
  EXPECT_THAT(Message(), AllOf(HasSubstr("no picture with a defect can be used"),
                               HasSubstr("bolt/test/dent/0.png: its mask marks no pixel")));
}

TEST_F(TrainingSetTest, WithoutASourceIsAnError) {
  EXPECT_EQ(OpenTrainingSet({}, {}, nullptr).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(TrainingSetTest, TheDataListHasALineForEachPictureWithItsDigest) {
  disk_.PutParts();
  const auto set = Open();
  ASSERT_TRUE(set.ok());
  const std::vector<std::string> lines = absl::StrSplit(set->DataList(), '\n');
  ASSERT_EQ(lines.size(), 13U);
  EXPECT_EQ(
      lines.front(),
      absl::StrCat("{\"dataset\":\"parts\",\"image\":\"bolt/test/dent/0.png\",\"masks\":[\"bolt/ground_truth/"
                   "dent/0_mask.png\"],\"category\":\"bolt\",\"defect\":\"dent\",\"anomalous\":true,\"sha256\":\"",
                   *Sha256OfFile((disk_.root() / "bolt/test/dent/0.png").string()), "\",\"mask_sha256\":[\"",
                   *Sha256OfFile((disk_.root() / "bolt/ground_truth/dent/0_mask.png").string()), "\"]}"));
  EXPECT_THAT(lines.back(), ::testing::IsEmpty());
  EXPECT_THAT(lines[5], HasSubstr("\"mask_sha256\":[]"));
  EXPECT_EQ(set->Digest(), Sha256Hex(set->DataList()));
}

TEST_F(TrainingSetTest, TheDigestChangesWithAPicturesContent) {
  disk_.PutParts();
  const std::string before = Open()->Digest();
  disk_.PutGood("bolt", "0", 99);
  EXPECT_NE(Open()->Digest(), before);
}

TEST_F(TrainingSetTest, LoadsPictureAndMask) {
  disk_.PutParts();
  const auto set = Open();
  ASSERT_TRUE(set.ok());

  const auto labelled = LoadPicture(*set, set->items[1]);

  ASSERT_TRUE(labelled.ok()) << labelled.status();
  EXPECT_TRUE(labelled->anomalous);
  EXPECT_EQ(labelled->picture.pixels.front(), 110);
  EXPECT_EQ(std::count(labelled->mask.begin(), labelled->mask.end(), 255), 16);
  EXPECT_EQ(std::count(labelled->mask.begin(), labelled->mask.end(), 0), 48);
}

TEST_F(TrainingSetTest, ANormalPicturesMaskIsEmpty) {
  disk_.PutParts();
  const auto set = Open();
  ASSERT_TRUE(set.ok());
  const auto labelled = LoadPicture(*set, set->items[5]);
  ASSERT_TRUE(labelled.ok()) << labelled.status();
  EXPECT_FALSE(labelled->anomalous);
  EXPECT_EQ(labelled->mask, std::vector<uint8_t>(64, 0));
}

TEST_F(TrainingSetTest, RefusesAPictureThatHasChangedSince) {
  disk_.PutParts();
  const auto set = Open();
  ASSERT_TRUE(set.ok());
  disk_.PutDefect("bolt", "0", 99);
  const auto labelled = LoadPicture(*set, set->items[0]);
  EXPECT_EQ(labelled.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(labelled.status().message()), HasSubstr("bolt/test/dent/0.png"));
}

}  // namespace
}  // namespace bayespfl
