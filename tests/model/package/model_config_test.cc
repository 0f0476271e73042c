#include "model/package/model_config.h"

#include <fstream>
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

}  // namespace
}  // namespace bayespfl
