#include "model/package/model_config.h"

#include <fstream>
#include <optional>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/demo_model.h"

namespace bayespfl {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

json DemoConfig() {
  std::ifstream file(absl::StrCat(testing::kDemoModel, "/config.json"));
  return json::parse(file);
}

void ExpectRefused(const std::string& text, const std::string& part) {
  const absl::StatusOr<ModelConfig> config = ParseModelConfig(text);
  EXPECT_EQ(config.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(config.status().message()), HasSubstr(part));
}

TEST(ModelConfigTest, ReadsWhatItWrites) {
  const absl::StatusOr<ModelConfig> config = ParseModelConfig(DemoConfig().dump());
  ASSERT_TRUE(config.ok()) << config.status();
  const std::string text = FormatModelConfig(*config, {});

  const absl::StatusOr<ModelConfig> again = ParseModelConfig(text);

  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(FormatModelConfig(*again, {}), text);
}

TEST(ModelConfigTest, WithoutAKindAPackageIsABayesPflOne) {
  json document = DemoConfig();
  document.erase("kind");
  const absl::StatusOr<ModelConfig> silent = ParseModelConfig(document.dump());
  document["kind"] = "bayes-pfl";
  const absl::StatusOr<ModelConfig> spoken = ParseModelConfig(document.dump());

  ASSERT_TRUE(silent.ok()) << silent.status();
  ASSERT_TRUE(spoken.ok()) << spoken.status();
  EXPECT_EQ(silent->kind, ModelKind::kBayesPfl);
  EXPECT_EQ(spoken->kind, ModelKind::kBayesPfl);
}

TEST(ModelConfigTest, RefusesAnUnknownKindAndNamesTheKnownOnes) {
  json document = DemoConfig();
  document["kind"] = "patch-core";
  ExpectRefused(document.dump(), "\"kind\" is not a known kind of model; the known ones are: \"bayes-pfl\"");
}

TEST(ModelConfigTest, WritesTheKind) {
  EXPECT_EQ(json::parse(FormatModelConfig(ModelConfig(), {}))["kind"], "bayes-pfl");
}

// A calibration is bound to this text: it must not care whether the kind is said or understood.
TEST(ModelConfigTest, SayingTheUsualKindChangesNoComputation) {
  json document = DemoConfig();
  document.erase("kind");
  const absl::StatusOr<std::string> silent = ComputationText(document.dump());
  document["kind"] = "bayes-pfl";
  const absl::StatusOr<std::string> spoken = ComputationText(document.dump());

  ASSERT_TRUE(silent.ok()) << silent.status();
  EXPECT_EQ(*spoken, *silent);
}

TEST(ModelConfigTest, WithoutAPrecisionAPackageIsComputedInFp32) {
  const absl::StatusOr<ModelConfig> config = ParseModelConfig(DemoConfig().dump());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->precision, Precision::kFp32);
  EXPECT_FALSE(json::parse(FormatModelConfig(*config, {})).contains("precision")) << "as packages have been so far";
}

TEST(ModelConfigTest, ReadsAndWritesEveryPrecision) {
  for (const Precision precision : kPrecisions) {
    json document = DemoConfig();
    document["precision"] = std::string(PrecisionName(precision));
    const absl::StatusOr<ModelConfig> config = ParseModelConfig(document.dump());
    ASSERT_TRUE(config.ok()) << config.status();
    EXPECT_EQ(config->precision, precision);
    const absl::StatusOr<ModelConfig> again = ParseModelConfig(FormatModelConfig(*config, {}));
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->precision, precision);
  }
}

TEST(ModelConfigTest, RefusesWhatIsNoPrecision) {
  json document = DemoConfig();
  for (const char* bad : {"fp8", "BF16", "package", " fp32"}) {
    document["precision"] = bad;
    ExpectRefused(document.dump(), "config.json: \"precision\" must be \"fp32\", \"bf16\", \"fp16\" or \"int8\"");
  }
  for (const json& bad : {json(nullptr), json(16), json("")}) {
    document["precision"] = bad;
    ExpectRefused(document.dump(), "\"precision\"");
  }
}

TEST(ModelConfigTest, SayingFp32ChangesNoComputationAndAnotherPrecisionDoes) {
  json document = DemoConfig();
  const std::string silent = *ComputationText(document.dump());
  document["precision"] = "fp32";
  EXPECT_EQ(*ComputationText(document.dump()), silent);
  document["precision"] = "bf16";
  const std::string bf16 = *ComputationText(document.dump());
  document["precision"] = "fp16";
  const std::string fp16 = *ComputationText(document.dump());
  document["precision"] = "int8";
  const std::string int8 = *ComputationText(document.dump());

  EXPECT_EQ((std::set<std::string>{silent, bf16, fp16, int8}.size()), 4);
}

// Whether a package says a precision or is told to be computed in it, the numbers are the same.
TEST(ModelConfigTest, APrecisionFromOutsideMakesTheTextOfAPackageThatSaysIt) {
  json document = DemoConfig();
  const std::string silent = document.dump();
  document["precision"] = "bf16";
  const std::string spoken = document.dump();

  EXPECT_EQ(*ComputationText(silent, Precision::kBf16), *ComputationText(spoken));
  EXPECT_EQ(*ComputationText(spoken, Precision::kFp32), *ComputationText(silent));
}

TEST(PrecisionTest, AChoiceIsAPrecisionOrThePackages) {
  EXPECT_EQ(*ParsePrecisionChoice("package"), std::nullopt);
  EXPECT_EQ(*ParsePrecisionChoice(""), std::nullopt);
  EXPECT_EQ(*ParsePrecisionChoice("fp32"), Precision::kFp32);
  EXPECT_EQ(*ParsePrecisionChoice("bf16"), Precision::kBf16);
  EXPECT_EQ(*ParsePrecisionChoice("fp16"), Precision::kFp16);
  EXPECT_EQ(*ParsePrecisionChoice("int8"), Precision::kInt8);
  const absl::Status refused = ParsePrecisionChoice("half").status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(refused.message(), "precision is \"half\"; expected package, fp32, bf16, fp16 or int8");
}

TEST(ModelConfigTest, RefusesCategoryNamesThatAreNoObjectOfStrings) {
  for (const json& bad : {json("abc"), json::array({"a", "b"}), json(nullptr), json{{"a", 1}}}) {
    json document = DemoConfig();
    document["category_names"] = bad;
    ExpectRefused(document.dump(), "\"category_names\" must map strings to strings");
  }
}

TEST(ModelConfigTest, RefusesARepeatedEmptyKey) {
  json document = DemoConfig();
  document.erase("provenance");
  std::string text = document.dump();
  ExpectRefused(text.insert(1, R"("provenance":{"":1,"":2},)"), R"(the key "" is repeated)");
}

// The JSON writer behind error messages recurses.
TEST(ModelConfigTest, RefusesDeepNestingInsteadOfRecursing) {
  const std::string deep = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  std::string text = "{\"schema_version\":" + deep + "}";
  ExpectRefused(text, "nested more than");
  EXPECT_EQ(ComputationText(text).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(ProvenanceTest, ComesBackInItsOrder) {
  const absl::StatusOr<PackageProvenance> read =
      ReadProvenance(R"({"name": "a", "provenance": {"z": "last letter", "a": "first", "n": 3, "l": ["x"]}})");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, (PackageProvenance{{"z", "last letter"}, {"a", "first"}, {"n", "3"}, {"l", "[\"x\"]"}}));
}

TEST(ProvenanceTest, APackageNeedNotHaveAny) {
  EXPECT_EQ(*ReadProvenance("{}"), PackageProvenance());
  EXPECT_EQ(ReadProvenance("[]").status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace bayespfl
