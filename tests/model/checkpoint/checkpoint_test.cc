#include "model/checkpoint/checkpoint.h"

#include <unistd.h>

#include <chrono>
#include <cstring>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/model/checkpoint/torch_files.h"
#include "tests/support/cpu_timer.h"
#include "tests/support/paths.h"
#include "tests/support/safetensors_fixture.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

using ::testing::AllOf;
using testing::Deflated;
using testing::Floats;
using ::testing::HasSubstr;
using testing::PickledDictionary;
using testing::PickledText;
using testing::TensorCall;
using testing::TensorOpcodes;
using testing::ZipArchive;
using testing::ZipRecord;

const std::string kTiny = testing::TestData("tiny");

// The file is gone when this returns; a checkpoint keeps its content.
absl::StatusOr<std::unique_ptr<Checkpoint>> OpenBytes(const std::string& content) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.File("checkpoint.pt");
  std::ofstream(path, std::ios::binary) << content;
  return Checkpoint::Open(path);
}

absl::StatusOr<std::unique_ptr<Checkpoint>> Open(const std::vector<ZipRecord>& records) {
  return OpenBytes(ZipArchive(records));
}

// A file of one tensor "w" with storage "0".
std::vector<ZipRecord> OneTensor(const TensorCall& call, const std::string& storage) {
  return {{.name = "x/data.pkl", .data = PickledDictionary("w", TensorOpcodes(call))},
          {.name = "x/byteorder", .data = "little"},
          {.name = "x/data/0", .data = storage}};
}

// Refused with `part` in its message, in under a second of computing.
void ExpectRefused(const std::vector<ZipRecord>& records, const std::string& part) {
  const testing::CpuTimer timer;
  const auto checkpoint = Open(records);
  const std::chrono::nanoseconds took = timer.Elapsed();
  EXPECT_EQ(checkpoint.status().code(), absl::StatusCode::kDataLoss) << part;
  EXPECT_THAT(std::string(checkpoint.status().message()), HasSubstr(part));
  EXPECT_LT(took, std::chrono::seconds(1)) << part;
}

std::vector<float> ReadFloats(Checkpoint& checkpoint, const std::string& name) {
  std::vector<uint8_t> bytes;
  const absl::Status status = checkpoint.Read(name, bytes);
  EXPECT_TRUE(status.ok()) << status;
  std::vector<float> values(bytes.size() / sizeof(float));
  if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());  // null pointers are not for memcpy
  return values;
}

TEST(CheckpointTest, ReadsEveryTensorOfATorchScriptArchive) {
  const auto archive = Checkpoint::Open(kTiny + "/clip_jit.pt");
  ASSERT_TRUE(archive.ok()) << archive.status();
  EXPECT_EQ((*archive)->tensors().size(), 158U + 3U);  // and three integer buffers
  EXPECT_EQ((*archive)->tensors().at("visual.conv1.weight").dtype, DType::kF16);
  EXPECT_THAT((*archive)->tensors().at("visual.conv1.weight").shape, ::testing::ElementsAre(48, 3, 14, 14));
  EXPECT_EQ((*archive)->tensors().at("input_resolution").dtype, DType::kI64);
  const auto golden = testing::LoadSafetensors(kTiny + "/clip.safetensors");
  EXPECT_EQ(ReadFloats(**archive, "visual.positional_embedding"), golden.at("visual.positional_embedding").values);
}

TEST(CheckpointTest, ReadsAStateDictionaryWrittenOnAGpu) {
  const auto checkpoint = Checkpoint::Open(kTiny + "/train_cuda.pth");
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_EQ((*checkpoint)->tensors().size(), 131U);
  const auto golden = testing::LoadSafetensors(kTiny + "/bayespfl.safetensors");
  for (const auto& [name, tensor] : golden) {
    EXPECT_EQ(ReadFloats(**checkpoint, "MyModel." + name), tensor.values) << name;
  }
}

TEST(CheckpointTest, GathersStridedViews) {
  // A transposed 2 x 3 window of a 4 x 4 storage.
  const auto checkpoint = Open(OneTensor({.storage_elements = 16, .offset = 1, .shape = {3, 2}, .strides = {1, 4}},
                                         Floats({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_THAT(ReadFloats(**checkpoint, "w"), ::testing::ElementsAre(1, 5, 2, 6, 3, 7));
}

TEST(CheckpointTest, ReadsAPartOfAStorage) {
  const auto checkpoint =
      Open(OneTensor({.storage_elements = 4, .offset = 2, .shape = {2}, .strides = {1}}, Floats({0, 1, 2, 3})));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_THAT(ReadFloats(**checkpoint, "w"), ::testing::ElementsAre(2, 3));
}

TEST(CheckpointTest, ReadsScalarsAndEmptyTensors) {
  const auto scalar = Open(OneTensor({.storage_elements = 1}, Floats({7})));
  ASSERT_TRUE(scalar.ok()) << scalar.status();
  EXPECT_THAT(ReadFloats(**scalar, "w"), ::testing::ElementsAre(7));
  const auto empty =
      Open(OneTensor({.storage_elements = 1, .shape = {0, int64_t{1} << 40}, .strides = {1, 1}}, Floats({7})));
  ASSERT_TRUE(empty.ok()) << empty.status();
  EXPECT_TRUE(ReadFloats(**empty, "w").empty());
}

TEST(CheckpointTest, NamesAMissingFile) {
  EXPECT_EQ(Checkpoint::Open("/nonexistent.pt").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Checkpoint::Open("/nonexistent.safetensors").status().code(), absl::StatusCode::kNotFound);
}

TEST(CheckpointTest, SaysWhatAForeignFileIs) {
  const auto message = [](const std::string& content) { return std::string(OpenBytes(content).status().message()); };
  EXPECT_THAT(message(""), HasSubstr("not a zip archive"));
  EXPECT_THAT(message("version https://git-lfs.github.com/spec/v1\n"), HasSubstr("Git LFS"));
  EXPECT_THAT(message("<!DOCTYPE html>"), HasSubstr("web page"));
  EXPECT_THAT(message("\x80\x02\x8a\nl\xfc\x9c"), HasSubstr("before PyTorch 1.6"));
  const std::string whole = ZipArchive(OneTensor({}, Floats({1})));
  EXPECT_THAT(message(whole.substr(0, whole.size() / 2)), HasSubstr("truncated"));
}

TEST(CheckpointTest, RefusesAFlippedBit) {
  auto records = OneTensor({.storage_elements = 1}, Floats({7}));
  records[2].wrong_crc = true;
  const auto checkpoint = Open(records);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();  // only what is read is compared
  std::vector<uint8_t> bytes;
  const absl::Status status = (*checkpoint)->Read("w", bytes);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("\"w\""), HasSubstr("CRC")));
}

TEST(CheckpointTest, RefusesAPickleThatCallsTheSystem) {
  const testing::TemporaryFolder folder;
  const std::string owned = folder.File("owned_by_a_pickle");
  ExpectRefused(
      {{.name = "x/data.pkl",
        .data = absl::StrCat("\x80\x02", "cos\nsystem\n", PickledText(absl::StrCat("touch ", owned)), "\x85R.")}},
      "os.system");
  EXPECT_NE(access(owned.c_str(), F_OK), 0);
}

TEST(CheckpointTest, NamesTheTensorOfAMissingStorage) {
  ExpectRefused({{.name = "x/data.pkl", .data = PickledDictionary("w", TensorOpcodes({.key = "9"}))}}, "tensor \"w\"");
}

TEST(CheckpointTest, RefusesAStorageOfAnotherSize) {
  ExpectRefused(OneTensor({.storage_elements = 2, .shape = {2}, .strides = {1}}, Floats({1, 2, 3})), "has 12 bytes");
  ExpectRefused(OneTensor({.storage_elements = 1}, "abc"), "has 3 bytes");
}

TEST(CheckpointTest, RefusesHugeShapes) {
  ExpectRefused(OneTensor({.storage_elements = 1, .shape = {int64_t{1} << 50}, .strides = {0}}, Floats({1})),
                "elements");
  ExpectRefused(
      OneTensor({.storage_elements = int64_t{1} << 50, .shape = {int64_t{1} << 50}, .strides = {1}}, Floats({1})),
      "has 4 bytes");
}

TEST(CheckpointTest, RefusesZipBombs) {
  const std::string zeros(64 << 20, '\0');
  const std::string bomb = Deflated(zeros);
  const auto claimed = static_cast<uint32_t>(zeros.size());
  ExpectRefused({{.name = "x/data.pkl", .data = bomb, .method = 8, .claimed_size = claimed}}, "compressed");
  ExpectRefused({{.name = "x/data.pkl", .data = PickledDictionary("w", TensorOpcodes({}))},
                 {.name = "x/data/0", .data = bomb, .method = 8, .claimed_size = claimed}},
                "compressed");
  // The record that LibTorch's own reader would inflate before anything else is never looked at.
  auto records = OneTensor({.storage_elements = 1}, Floats({7}));
  records.push_back({.name = "x/version", .data = bomb, .method = 8, .claimed_size = claimed});
  EXPECT_TRUE(Open(records).ok());
}

TEST(CheckpointTest, RefusesRecordsThatOverlap) {
  std::vector<std::string> names = {"x/data.pkl"};
  for (int i = 0; i < 50; ++i) names.push_back(absl::StrCat("x/data/", i));
  const auto checkpoint = OpenBytes(testing::QuotingArchive(names, std::string(100'000, 'z')));
  EXPECT_EQ(checkpoint.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(checkpoint.status().message()), HasSubstr("overlap"));
}

TEST(CheckpointTest, RefusesARecordThatIsListedTwice) {
  auto records = OneTensor({.storage_elements = 1}, Floats({7}));
  records.push_back(records[2]);
  EXPECT_EQ(Open(records).status().code(), absl::StatusCode::kDataLoss);
}

TEST(CheckpointTest, RefusesOddDirectories) {
  ExpectRefused({{.name = "x/other", .data = "1"}}, "no data.pkl");
  ExpectRefused({{.name = "data.pkl", .data = "1"}}, "outside");
  ExpectRefused({{.name = "x/data.pkl", .data = "1"}, {.name = "y/data/0", .data = "1"}}, "outside");
  ExpectRefused({{.name = "x/data.pkl", .data = "1"}, {.name = "x/byteorder", .data = "big"}}, "byteorder");
}

TEST(CheckpointTest, RefusesStructuresThatContainThemselves) {
  // d = {}; d["a"] = d
  ExpectRefused({{.name = "x/data.pkl",
                  .data = std::string("\x80\x02}q\x00", 5) + PickledText("a") + std::string("h\x00", 2) + "s."}},
                "nested deeper");
}

// Dictionary `level` holds its predecessor twice: 2^level paths in a few bytes.
std::string Doubling(char level) {
  const std::string remembered = std::string("}q") + level;
  if (level == 0) return remembered;
  const auto below = static_cast<char>(level - 1);
  return remembered + PickledText("a") + Doubling(below) + "s" + PickledText("b") + "h" + below + "s";
}

TEST(CheckpointTest, RefusesStructuresThatUnfoldWithoutEnd) {
  ExpectRefused({{.name = "x/data.pkl", .data = "\x80\x02" + Doubling(30) + "."}}, "nested deeper");
}

// One dictionary with numbers for keys, met again and again: each time all its entries are passed over.
TEST(CheckpointTest, RefusesNamelessEntriesThatUnfoldWithoutEnd) {
  const auto repeat = [](const std::string& part, int times) {
    std::string text;
    for (int i = 0; i < times; ++i) text += part;
    return text;
  };
  const std::string number = std::string("K\x01q\x00", 4);
  const std::string inner =
      "}q\x01(" + number + std::string("h\x00", 2) + repeat(std::string("h\x00h\x00", 4), 100'000) + "u";
  const std::string outer = "}(" + PickledText("a") + "q\x02" + inner + repeat("h\x02h\x01", 100'000) + "u";
  ExpectRefused({{.name = "x/data.pkl", .data = "\x80\x02" + outer + "."}}, "larger or nested deeper");
}

TEST(CheckpointTest, LeavesOutWhatIsNoTensor) {
  const auto checkpoint =
      Open({{.name = "x/data.pkl",
             .data = "\x80\x02}(" + PickledText("epoch") + std::string("K\x03", 2) + PickledText("state_dict") + "}" +
                     PickledText("w") + TensorOpcodes({}) + "su."},
            {.name = "x/data/0", .data = Floats({7})}});
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_EQ((*checkpoint)->tensors().size(), 1U);
  EXPECT_TRUE((*checkpoint)->tensors().contains("state_dict.w"));
}

}  // namespace
}  // namespace bayespfl
