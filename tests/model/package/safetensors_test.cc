#include "model/package/safetensors.h"

#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <numeric>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

using ::testing::HasSubstr;

std::string File(const std::string& header, size_t data_bytes) {
  const uint64_t length = header.size();
  std::string content(8, '\0');
  std::memcpy(content.data(), &length, 8);
  return content + header + std::string(data_bytes, '\1');
}

class SafetensorsTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<const SafetensorsFile>> Open(const std::string& content) const {
    std::ofstream(path_, std::ios::binary) << content;
    return SafetensorsFile::Open(path_);
  }
  void ExpectDataLoss(const std::string& content, const std::string& part) const {
    const auto file = Open(content);
    EXPECT_EQ(file.status().code(), absl::StatusCode::kDataLoss) << part;
    EXPECT_THAT(std::string(file.status().message()), HasSubstr(part));
  }

  const testing::TemporaryFolder folder_;
  const std::string path_ = folder_.File("x.safetensors");
};

TEST_F(SafetensorsTest, ReadsTensorsAndIgnoresMetadata) {
  const auto file = Open(File(R"({"__metadata__":{"a":"b"},"x":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},)"
                              R"("s":{"dtype":"U8","shape":[],"data_offsets":[8,9]}})",
                              9));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->tensors().size(), 2U);
  EXPECT_THAT((*file)->tensors().at("x").shape, ::testing::ElementsAre(2, 1));
  EXPECT_EQ((*file)->tensors().at("x").data.size(), 8U);
  EXPECT_TRUE((*file)->tensors().at("s").shape.empty());
}

// Of this process that lie in memory.
int64_t ResidentPages() {
  int64_t pages = 0;
  int64_t resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return resident;
}

TEST_F(SafetensorsTest, WhatIsForgottenLeavesMemoryAndCanBeReadAgain) {
  constexpr int64_t kBytes = 32 << 20;
  const auto file = Open(File(R"({"a":{"dtype":"U8","shape":[5],"data_offsets":[0,5]},)"
                              R"("x":{"dtype":"U8","shape":[33554432],"data_offsets":[5,33554437]}})",
                              kBytes + 5));
  ASSERT_TRUE(file.ok()) << file.status();
  const TensorView& tensor = *(*file)->Find("x");
  const auto sum = [&] { return std::accumulate(tensor.data.begin(), tensor.data.end(), int64_t{0}); };
  EXPECT_EQ(sum(), kBytes);
  const int64_t before = ResidentPages();

  (*file)->Forget(tensor);
  (*file)->Forget(*(*file)->Find("a"));  // less than a page

  EXPECT_LT(ResidentPages(), before - kBytes / sysconf(_SC_PAGESIZE) / 2);
  EXPECT_EQ(sum(), kBytes);
}

TEST_F(SafetensorsTest, AMissingFileIsNotFound) {
  EXPECT_EQ(SafetensorsFile::Open("/nonexistent").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(SafetensorsTest, AnEmptyFileIsDataLoss) { ExpectDataLoss("", "offset 0"); }
TEST_F(SafetensorsTest, AHeaderLengthBeyondTheFileIsDataLoss) {
  ExpectDataLoss(std::string(8, '\xff') + "{}", "header length 18446744073709551615");
}
TEST_F(SafetensorsTest, AHeaderThatIsNotJsonIsDataLoss) { ExpectDataLoss(File("{\"x\":", 0), "not a JSON object"); }
TEST_F(SafetensorsTest, DeeplyNestedJsonIsDataLoss) {
  ExpectDataLoss(File(std::string(1'000'000, '['), 0), "not a JSON object");
  const std::string deep = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  ExpectDataLoss(File(R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,)" + deep + "]}}", 1), "nested more than");
}
TEST_F(SafetensorsTest, ATensorPastTheEndIsNamed) {
  ExpectDataLoss(File(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 7), "tensor \"x\"");
}
TEST_F(SafetensorsTest, AShapeThatOverflowsIsNamed) {
  ExpectDataLoss(File(R"({"x":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", 0), "overflows");
}
TEST_F(SafetensorsTest, ANegativeSizeIsNamed) {
  ExpectDataLoss(File(R"({"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4), "non-negative");
}
TEST_F(SafetensorsTest, OffsetsThatDoNotFitTheShapeAreNamed) {
  ExpectDataLoss(File(R"({"x":{"dtype":"F16","shape":[3],"data_offsets":[0,8]}})", 8), "needs 6 bytes");
}
TEST_F(SafetensorsTest, OverlappingTensorsAreNamed) {
  ExpectDataLoss(
      File(
          R"({"x":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"y":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})",
          6),
      "\"y\" overlaps");
}
TEST_F(SafetensorsTest, HolesAreNamed) {
  ExpectDataLoss(File(R"({"x":{"dtype":"U8","shape":[4],"data_offsets":[1,5]}})", 5), "leaves a hole");
}
TEST_F(SafetensorsTest, TrailingBytesAreDataLoss) {
  ExpectDataLoss(File(R"({"x":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", 5), "1 bytes after the last tensor");
}
TEST_F(SafetensorsTest, DuplicateNamesAreNamed) {
  ExpectDataLoss(
      File(
          R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
          1),
      "\"x\" is listed twice");
  ExpectDataLoss(
      File(R"({"":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
           1),
      "\"\" is listed twice");
}
// Time linear in the header: with the parser's callback this took minutes.
TEST_F(SafetensorsTest, ReadsAHeaderOfManyTensors) {
  constexpr int kTensors = 100'000;
  std::string header = "{";
  for (int i = 0; i < kTensors; ++i) {
    absl::StrAppend(&header, i == 0 ? "" : ",", "\"t", i, R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})");
  }
  const auto file = Open(File(header + "}", 0));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->tensors().size(), size_t{kTensors});
}
TEST_F(SafetensorsTest, AnUnknownDtypeIsNamed) {
  ExpectDataLoss(File(R"({"x":{"dtype":"F8","shape":[1],"data_offsets":[0,1]}})", 1), "unknown dtype \"F8\"");
}

TEST_F(SafetensorsTest, RandomDamageNeverCrashes) {
  const std::string good = File(
      R"({"x":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"y":{"dtype":"U8","shape":[1],"data_offsets":[8,9]}})",
      9);
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    std::string damaged = good;
    for (int flips = 0; flips < 3; ++flips) damaged[random() % damaged.size()] = static_cast<char>(random());
    (void)Open(damaged.substr(0, 1 + random() % damaged.size())).ok();
  }
}

}  // namespace
}  // namespace bayespfl
