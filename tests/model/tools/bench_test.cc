// `bayespfl-model bench` on the embedded model. Nothing here depends on how fast the machine is.
#include "model/tools/bench.h"

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/bench/bench_report.h"
#include "nlohmann/json.hpp"
#include "tests/support/demo_model.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

class BenchTest : public ::testing::Test {
 protected:
  // What it prints; the exit code is `exit_code_`, what stood on stderr `complaints_`.
  std::string Output() {
    std::ostringstream out;
    ::testing::internal::CaptureStderr();
    exit_code_ = RunBench(arguments_, out);
    complaints_ = ::testing::internal::GetCapturedStderr();
    return out.str();
  }

  const testing::TemporaryFolder folder_;
  const NetworkKernels own_ = UsualNetworkKernels();
  BenchArguments arguments_{.model_dir = testing::kDemoModel,
                            .batches = {1, 2},
                            .samples = {1},
                            .sizes = {60},
                            .kernels = {own_},
                            .prompts = {PromptForm::kShared},
                            .threads = 1,
                            .repeats = 2,
                            .seconds = 600,
                            .json_file = folder_.File("out/bench.json")};
  int exit_code_ = -1;
  std::string complaints_;
};

void ExpectSums(const json& one) {
  const json& seconds = one["seconds"];
  double sum = 0;
  for (const char* stage : {"preprocess", "vision", "prompts", "detect", "postprocess"}) {
    EXPECT_GT(seconds[stage], 0) << stage;
    sum += seconds[stage].get<double>();
  }
  EXPECT_DOUBLE_EQ(seconds["total"], sum);
  int64_t total = 0;
  for (const char* stage : {"vision", "prompts", "detect"}) {
    int64_t parts = 0;
    for (const auto& [part, flop] : one["flop"][stage].items()) {
      EXPECT_GT(flop, 0) << stage << " " << part;
      if (part != "total") parts += flop.get<int64_t>();
    }
    EXPECT_EQ(one["flop"][stage]["total"], parts) << stage;
    total += parts;
  }
  EXPECT_EQ(one["flop"]["total"], total);
}

void ExpectShares(const json& one, const json& size) {
  const double peak = size["peak"]["flop_per_second"];
  const double gemm = size["gemm"]["flop_per_second"];
  for (const char* stage : {"vision", "prompts", "detect", "total"}) {
    const json& flop = one["flop"][stage];
    const double counted = flop.is_object() ? flop["total"].get<double>() : flop.get<double>();
    const double rate = one["flop_per_second"][stage];
    EXPECT_DOUBLE_EQ(rate, counted / one["seconds"][stage].get<double>()) << stage;
    EXPECT_DOUBLE_EQ(one["peak_share"][stage], rate / peak) << stage;
    EXPECT_DOUBLE_EQ(one["gemm_share"][stage], rate / gemm) << stage;
  }
  EXPECT_DOUBLE_EQ(one["frames_per_second"], one["batch"].get<double>() / one["seconds"]["total"].get<double>());
}

TEST_F(BenchTest, MeasuresEveryCaseAndThePlainFormBeside) {
  const std::string table = Output();
  ASSERT_EQ(exit_code_, 0) << complaints_;
  const json report = json::parse(folder_.Read("out/bench.json"));
  ASSERT_EQ(report["sizes"].size(), 1U);
  const json& size = report["sizes"][0];
  EXPECT_EQ(size["image_size"], 60);
  EXPECT_EQ(size["turns"], 2);
  ASSERT_EQ(size["cases"].size(), 4U);
  const std::vector<std::string> prompts = {"whole", "shared", "whole", "shared"};
  for (size_t i = 0; i < prompts.size(); ++i) {
    const json& one = size["cases"][i];
    EXPECT_EQ(one["batch"], i < 2 ? 1 : 2);
    EXPECT_EQ(one["prompts"], prompts[i]);
    EXPECT_EQ(one["kernels"], NetworkKernelsText(i % 2 == 0 ? NetworkKernels() : own_));
    EXPECT_EQ(one["run_seconds"].size(), 2U);
    ExpectSums(one);
    ExpectShares(one, size);
    const json& plain = size["cases"][i / 2 * 2];
    EXPECT_DOUBLE_EQ(one["speed_up"]["total"],
                     plain["seconds"]["total"].get<double>() / one["seconds"]["total"].get<double>());
  }
  EXPECT_THAT(table, AllOf(HasSubstr("\n60 px, 2 turns; "), HasSubstr("the scores of all forms agree")));
}

TEST_F(BenchTest, SaysWhatItRanOn) {
  Output();
  ASSERT_EQ(exit_code_, 0) << complaints_;
  const json report = json::parse(folder_.Read("out/bench.json"));
  EXPECT_EQ(report["schema"], kBenchSchema);
  EXPECT_THAT(report["made_by"].get<std::string>(), HasSubstr("bayespfl-model bench "));
  EXPECT_EQ(report["threads"], 1);
  EXPECT_THAT(report["library"].get<std::string>(), AllOf(HasSubstr("libtorch "), HasSubstr("threads=1")));
  EXPECT_EQ(report["model"]["name"], "bayespfl-demo");
  EXPECT_EQ(report["model"]["digest"].get<std::string>().size(), 64U);
  EXPECT_EQ(report["input"]["tokens"], 5);
  EXPECT_GT(report["peak_memory_bytes"], 0);
  for (const char* key : {"processor", "instructions", "processors", "cpu_quota", "load_before"}) {
    EXPECT_TRUE(report["machine"].contains(key)) << key;
  }
  // The matrix product is the vision tower's: 5 x 5 patches and the class token.
  const json& gemm = report["sizes"][0]["gemm"];
  EXPECT_EQ(gemm["rows"], 26);
  EXPECT_EQ(gemm["in"], 192);
  EXPECT_EQ(gemm["out"], 768);
  EXPECT_EQ(report["sizes"][0]["peak"]["of_each_turn"].size(), 2U);
}

TEST_F(BenchTest, TheFormsAgree) {
  arguments_.kernels.clear();  // every one
  arguments_.repeats = 1;
  Output();
  ASSERT_EQ(exit_code_, 0) << complaints_;
  const json report = json::parse(folder_.Read("out/bench.json"));
  EXPECT_EQ(report["agrees"], true);
  bool some_differ = false;
  for (const json& one : report["sizes"][0]["cases"]) {
    EXPECT_LE(one["difference"]["score"], 1e-5);
    EXPECT_LE(one["difference"]["map"], 1e-5);
    EXPECT_GE(one["difference"]["map_correlation"], 0.99999);
    some_differ = some_differ || one["difference"]["map"] > 0;
  }
  EXPECT_TRUE(some_differ) << "other orders of summation give the same bits everywhere: is it one form all the time?";
}

TEST_F(BenchTest, EveryPrecisionIsACaseAndComparedWithFp32) {
  arguments_.batches = {1};
  arguments_.kernels = {KernelsChoice()};
  arguments_.prompts = {PromptForm::kShared};
  arguments_.precisions = {Precision::kFp32, Precision::kBf16, Precision::kInt8};
  arguments_.repeats = 1;
  const std::string table = Output();
  ASSERT_EQ(exit_code_, 0) << complaints_ << table;
  const json report = json::parse(folder_.Read("out/bench.json"));
  const json& cases = report["sizes"][0]["cases"];
  ASSERT_EQ(cases.size(), 4U);  // and the plain form
  const std::vector<Precision> precisions = {Precision::kFp32, Precision::kFp32, Precision::kBf16, Precision::kInt8};
  for (size_t i = 0; i < cases.size(); ++i) {
    const Precision precision = precisions[i];
    EXPECT_EQ(cases[i]["precision"], std::string(PrecisionName(precision)));
    EXPECT_EQ(cases[i]["tolerance"]["score"], ToleranceOf(precision).score);
    EXPECT_EQ(cases[i]["kernels"], NetworkKernelsText(i == 0 ? NetworkKernels() : UsualNetworkKernels(precision)));
    EXPECT_EQ(report["sizes"][0]["loads"][i]["precision"], std::string(PrecisionName(precision)));
  }
  // Numbers of fewer bits differ by more.
  EXPECT_LT(cases[1]["difference"]["map"], cases[2]["difference"]["map"]);
  EXPECT_LT(cases[2]["difference"]["map"], cases[3]["difference"]["map"]);
  EXPECT_LT(cases[3]["difference"]["map_correlation"], 1);
  EXPECT_THAT(table, AllOf(HasSubstr(" in fp32 (1e-05 is allowed)"), HasSubstr(" in int8 (0.02 is allowed)")));
}

TEST_F(BenchTest, WithoutListsThePackagesOwnNumbersAreTaken) {
  arguments_.batches = {1};
  arguments_.samples.clear();
  arguments_.sizes.clear();
  arguments_.repeats = 1;
  Output();
  ASSERT_EQ(exit_code_, 0) << complaints_;
  const json report = json::parse(folder_.Read("out/bench.json"));
  EXPECT_EQ(report["sizes"][0]["image_size"], testing::kDemoModelSide);
  EXPECT_EQ(report["sizes"][0]["cases"][0]["samples"], 10);
}

TEST_F(BenchTest, EachSizeIsATableOfItsOwn) {
  arguments_.batches = {1};
  arguments_.sizes = {60, 24};
  const std::string table = Output();
  ASSERT_EQ(exit_code_, 0) << complaints_;
  EXPECT_LT(table.find("\n60 px"), table.find("\n24 px"));
  const json report = json::parse(folder_.Read("out/bench.json"));
  EXPECT_EQ(report["sizes"][0]["gemm"]["rows"], 26);
  EXPECT_EQ(report["sizes"][1]["gemm"]["rows"], 5);
}

TEST_F(BenchTest, WhatCannotBeMeasuredIsSaidBeforeAnythingIsDone) {
  arguments_.sizes = {63};
  EXPECT_EQ(Output(), "");
  EXPECT_EQ(exit_code_, 1);
  EXPECT_THAT(complaints_, HasSubstr("cannot take pictures of 63 px a side: it takes multiples of its patch size 12"));

  arguments_.model_dir = folder_.File("nowhere");
  EXPECT_EQ(Output(), "");
  EXPECT_EQ(exit_code_, 1);
  EXPECT_THAT(complaints_, HasSubstr("nowhere"));

  arguments_.json_file = folder_.path();
  EXPECT_EQ(Output(), "");
  EXPECT_EQ(exit_code_, 1);
  EXPECT_THAT(complaints_, HasSubstr("is a folder"));

  arguments_.json_file = folder_.Write("file", "x") + "/bench.json";
  EXPECT_EQ(Output(), "");
  EXPECT_EQ(exit_code_, 1);
  EXPECT_THAT(complaints_, HasSubstr("cannot create"));
}

// What the program says when a kernel is wrong.
TEST(BenchReportTest, FormsThatDisagreeAreNamed) {
  BenchReport report;
  SizeResult size = {.image_size = 64, .turns = 1, .peak = {1e9}, .gemms = {{.rates = {1e9}}}};
  const BenchRun run = {.seconds = {1, 1, 1, 1, 1}};
  size.cases = {{.measured = {}, .flop = {}, .runs = {run}, .difference = {}},
                {.measured = {.form = {.prompts = PromptForm::kShared}},
                 .flop = {},
                 .runs = {run},
                 .difference = {.score = 2e-5, .map = 0}}};
  report.sizes = {size};
  std::ostringstream out;
  PrintBenchTable(size, out);
  int wrong = 0;
  for (const absl::string_view line : absl::StrSplit(out.str(), '\n')) {
    if (!absl::StrContains(line, "WRONG")) continue;
    ++wrong;
    EXPECT_TRUE(absl::StrContains(line, "shared")) << line;
  }
  EXPECT_EQ(wrong, 1);
  EXPECT_THAT(AgreementSentence(report), HasSubstr("DO NOT AGREE"));
  const json parsed = json::parse(BenchJson(report));
  EXPECT_EQ(parsed["agrees"], false);
  EXPECT_EQ(parsed["sizes"][0]["cases"][0]["agrees"], true);
  EXPECT_EQ(parsed["sizes"][0]["cases"][1]["agrees"], false);
}

}  // namespace
}  // namespace bayespfl
