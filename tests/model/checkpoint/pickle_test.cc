#include "model/checkpoint/pickle.h"

#include <random>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/model/checkpoint/torch_files.h"

namespace bayespfl {
namespace {

using ::testing::HasSubstr;
using testing::PickledDictionary;
using testing::PickledInteger;
using testing::PickledText;
using testing::TensorCall;
using testing::TensorOpcodes;
using Kind = PickleNode::Kind;

absl::StatusOr<Pickle> Parse(const std::string& bytes) {
  return Pickle::Parse({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
}

void ExpectRefused(const std::string& bytes, const std::string& part) {
  const absl::StatusOr<Pickle> pickle = Parse(bytes);
  EXPECT_EQ(pickle.status().code(), absl::StatusCode::kDataLoss) << part;
  EXPECT_THAT(std::string(pickle.status().message()), HasSubstr(part));
}

// The value of a dictionary's only entry.
const PickleNode& Only(const Pickle& pickle) { return *pickle.root().entries.at(0).second; }

TEST(PickleTest, ReadsATensorsView) {
  const auto pickle = Parse(PickledDictionary(
      "w", TensorOpcodes({.key = "7", .storage_elements = 12, .offset = 2, .shape = {2, 3}, .strides = {5, 1}})));
  ASSERT_TRUE(pickle.ok()) << pickle.status();
  EXPECT_EQ(pickle->root().entries.at(0).first->text, "w");
  const PickledTensor& tensor = Only(*pickle).tensor;
  EXPECT_EQ(tensor.storage.dtype, DType::kF32);
  EXPECT_EQ(tensor.storage.key, "7");
  EXPECT_EQ(tensor.storage.elements, 12);
  EXPECT_EQ(tensor.offset, 2);
  EXPECT_THAT(tensor.shape, ::testing::ElementsAre(2, 3));
  EXPECT_THAT(tensor.strides, ::testing::ElementsAre(5, 1));
}

TEST(PickleTest, ReadsNumbersOfEveryWidth) {
  const auto pickle = Parse(std::string("\x80\x02(K\xffM\x01\x02J\xfe\xff\xff\xff", 13) + PickledInteger(-5) +
                            std::string("\x8a\x00G\x40\x09\x21\xfb\x54\x44\x2d\x18N\x88\x89t.", 16));
  ASSERT_TRUE(pickle.ok()) << pickle.status();
  const auto& items = pickle->root().items;
  ASSERT_EQ(items.size(), 9U);
  EXPECT_EQ(items[0]->integer, 255);
  EXPECT_EQ(items[1]->integer, 0x201);
  EXPECT_EQ(items[2]->integer, -2);
  EXPECT_EQ(items[3]->integer, -5);
  EXPECT_EQ(items[4]->integer, 0);
  EXPECT_DOUBLE_EQ(items[5]->number, 3.141592653589793);
  EXPECT_EQ(items[6]->kind, Kind::kNone);
  EXPECT_EQ(items[7]->integer, 1);
  EXPECT_EQ(items[8]->integer, 0);
}

TEST(PickleTest, ReadsListsAndTheMemo) {
  // [x], where x = "a" is remembered and appended again twice
  const auto pickle =
      Parse("\x80\x02]" + PickledText("a") + std::string("q\x00", 2) + "a(" + std::string("h\x00h\x00", 4) + "e.");
  ASSERT_TRUE(pickle.ok()) << pickle.status();
  ASSERT_EQ(pickle->root().items.size(), 3U);
  EXPECT_EQ(pickle->root().items[2]->text, "a");
}

TEST(PickleTest, ReadsTorchScriptObjectsAsAttributes) {
  const auto pickle = Parse(
      "\x80\x02"
      "c__torch__.anything.at_all\nModule\n)\x81}" +
      PickledText("eps") + std::string("K\x01", 2) + "sb.");
  ASSERT_TRUE(pickle.ok()) << pickle.status();
  EXPECT_EQ(pickle->root().kind, Kind::kObject);
  EXPECT_EQ(pickle->root().entries.at(0).first->text, "eps");
}

TEST(PickleTest, IgnoresTheMetadataOfAStateDictionary) {
  const auto pickle = Parse(
      "\x80\x02"
      "ccollections\nOrderedDict\n)R}" +
      PickledText("_metadata") + "}sb.");
  ASSERT_TRUE(pickle.ok()) << pickle.status();
  EXPECT_EQ(pickle->root().kind, Kind::kDict);
  EXPECT_TRUE(pickle->root().entries.empty());
}

TEST(PickleTest, UnwrapsParametersAndTypeTags) {
  const std::string tensor = TensorOpcodes({.storage_elements = 1, .shape = {1}, .strides = {1}});
  const auto pickle = Parse(PickledDictionary("p", "ctorch._utils\n_rebuild_parameter\n(" + tensor + "\x88}tR"));
  ASSERT_TRUE(pickle.ok()) << pickle.status();
  EXPECT_EQ(Only(*pickle).kind, Kind::kTensor);
}

TEST(PickleTest, RefusesToCallTheSystem) {
  ExpectRefused(
      "\x80\x02"
      "cos\nsystem\n" +
          PickledText("touch /tmp/owned") + "\x85R.",
      "os.system");
  ExpectRefused(
      "\x80\x02"
      "cposix\nsystem\n" +
          PickledText("id") + "\x85R.",
      "posix.system");
  ExpectRefused(
      "\x80\x02"
      "cbuiltins\neval\n" +
          PickledText("1") + "\x85R.",
      "builtins.eval");
  ExpectRefused(
      "\x80\x02"
      "ctorch\nload\n)R.",
      "torch.load");
  ExpectRefused(
      "\x80\x02"
      "ctorch.storage\n_load_from_bytes\n)R.",
      "torch.storage._load_from_bytes");
}

TEST(PickleTest, RefusesOpcodesThatCouldCallOrImport) {
  ExpectRefused("\x80\x02(cos\nsystem\no.", "os.system");
  ExpectRefused("\x80\x02(ios\nsystem\n.", "opcode 0x69");  // INST
  ExpectRefused("\x80\x02(o.", "opcode 0x6f");              // OBJ
  ExpectRefused(
      "\x80\x02"
      "\x82\x01.",
      "opcode 0x82");  // EXT1
  ExpectRefused(
      "\x80\x02"
      "\x93.",
      "opcode 0x93");  // STACK_GLOBAL
  ExpectRefused(
      "\x80\x02"
      "Pid\n.",
      "opcode 0x50");  // PERSID
  ExpectRefused(
      "\x80\x02"
      "0.",
      "opcode 0x30");  // POP
  ExpectRefused(
      "\x80\x04"
      "N.",
      "protocol 4");
}

TEST(PickleTest, RefusesKnownCallablesWithOddArguments) {
  ExpectRefused(
      "\x80\x02"
      "ccollections\nOrderedDict\n" +
          PickledInteger(1) + "\x85R.",
      "collections.OrderedDict");
  ExpectRefused(
      "\x80\x02"
      "ctorch\nFloatStorage\n)R.",
      "torch.FloatStorage");
  ExpectRefused(
      "\x80\x02"
      "c__torch__.A\nB\n)R.",
      "__torch__.A.B");
  ExpectRefused(
      "\x80\x02"
      "ctorch._utils\n_rebuild_tensor_v2\n)R.",
      "unknown way");
  ExpectRefused(
      "\x80\x02"
      "ccollections\nOrderedDict\n)\x81.",
      "no TorchScript module");
}

TEST(PickleTest, RefusesTensorsOutsideTheirStorage) {
  const auto refused = [](const TensorCall& call, const std::string& part) {
    ExpectRefused(PickledDictionary("w", TensorOpcodes(call)), part);
  };
  refused({.storage_elements = 6, .shape = {7}, .strides = {1}}, "7 elements");
  refused({.storage_elements = 6, .offset = 1, .shape = {6}, .strides = {1}}, "element 6");
  refused({.storage_elements = 6, .shape = {2}, .strides = {6}}, "element 6");
  refused({.storage_elements = 1, .shape = {1'000'000'000'000}, .strides = {0}}, "1000000000000 elements");
  refused({.storage_elements = 1, .shape = {int64_t{1} << 40, int64_t{1} << 40}, .strides = {1, 1}}, "overflows");
  refused({.storage_elements = 1, .shape = {2}, .strides = {INT64_MAX}}, "element");
  refused({.storage_elements = 4, .shape = {-1}, .strides = {1}}, "no natural number");
  refused({.storage_elements = 4, .shape = {2}, .strides = {-1}}, "no natural number");
  refused({.storage_elements = 4, .shape = {2, 2}, .strides = {1}}, "unknown way");
  refused({.storage_elements = 4, .offset = -1, .shape = {2}, .strides = {1}}, "unknown way");
}

TEST(PickleTest, RefusesStrangeStorages) {
  const auto refused = [](const TensorCall& call, const std::string& part) {
    ExpectRefused(PickledDictionary("w", TensorOpcodes(call)), part);
  };
  refused({.storage_type = "ComplexFloatStorage", .shape = {1}, .strides = {1}}, "torch.ComplexFloatStorage");
  refused({.key = "../../etc/passwd", .shape = {1}, .strides = {1}}, "strange key");
  refused({.key = "", .shape = {1}, .strides = {1}}, "strange key");
  refused({.storage_elements = -1, .shape = {1}, .strides = {1}}, "no storage");
}

TEST(PickleTest, RefusesMalformedPickles) {
  ExpectRefused("", "ends too early");
  ExpectRefused("\x80", "ends too early");
  ExpectRefused("\x80\x02", "ends too early");
  ExpectRefused("\x80\x02.", "stack");
  ExpectRefused("\x80\x02NN.", "ends too late");
  ExpectRefused("\x80\x02N.N", "ends too late");
  ExpectRefused("\x80\x02(N.", "ends too late");
  ExpectRefused("\x80\x02t.", "no mark");
  ExpectRefused("\x80\x02Na.", "stack");
  ExpectRefused("\x80\x02NNa.", "no list");
  ExpectRefused("\x80\x02}NNNu.", "no mark");
  ExpectRefused("\x80\x02](NNu.", "no dictionary");
  ExpectRefused("\x80\x02}(Nu.", "no dictionary");
  ExpectRefused("\x80\x02h\x05.", "memo 5");
  ExpectRefused("\x80\x02X\xff\xff\xff\xff.", "ends too early");
  ExpectRefused(
      "\x80\x02"
      "cno end",
      "no end");
  ExpectRefused(
      "\x80\x02\x8a\x09"
      "123456789.",
      "64 bits");
  ExpectRefused("\x80\x02NQ.", "persistent id");
  ExpectRefused("\x80\x02NN\x81.", "no TorchScript module");
  ExpectRefused("\x80\x02N}b.", "no object");
  ExpectRefused("\x80\x02}Nb.", "no dictionary");
}

TEST(PickleTest, ValuesBelowAMarkAreOutOfReach) { ExpectRefused("\x80\x02](Na.", "stack"); }

TEST(PickleTest, BoundsWhatAFewBytesCanMake) {
  ExpectRefused("\x80\x02" + std::string(Pickle::kMaxNodes + 1, '}') + ".", "more than 1000000 values");
  ExpectRefused(std::string(Pickle::kMaxBytes + 1, 'N'), "bytes");
  // One state of 1,000 entries, hung on 2,000 objects.
  std::string bomb = "\x80\x02}(";
  for (int i = 0; i < 1000; ++i) bomb += PickledText("a") + "N";
  bomb += std::string("uq\x00", 3);
  for (int i = 0; i < 2000; ++i) bomb += "c__torch__.A\nB\n)\x81" + std::string("h\x00", 2) + "b";
  ExpectRefused(bomb, "more than 1000000 values");
}

TEST(PickleTest, SurvivesRandomDamage) {
  const std::string good = PickledDictionary(
      "w", TensorOpcodes({.key = "7", .storage_elements = 12, .offset = 2, .shape = {2, 3}, .strides = {5, 1}}));
  std::mt19937 random(1);
  int refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string damaged = good;
    for (int i = 0; i < 3; ++i) damaged[random() % damaged.size()] = static_cast<char>(random());
    if (round % 4 == 0) damaged.resize(random() % damaged.size());
    refused += Parse(damaged).ok() ? 0 : 1;
  }
  EXPECT_GT(refused, 10'000);
}

}  // namespace
}  // namespace bayespfl
