#include "server/runtime/load_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/pipeline/served_model.h"
#include "server/telemetry/metrics.h"
#include "tests/server/fake_detector.h"
#include "tests/server/log_lines.h"

namespace bayespfl::server {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

class LoadReportTest : public ::testing::Test {
 protected:
  std::unique_ptr<LoadReport> Make(const std::string& device) {
    return std::make_unique<LoadReport>(
        device, [this](const std::string& /*name*/) { return model_; }, metrics_, log_.Create());
  }

  LogLines log_;
  Metrics metrics_{{.server_version = "1"}};
  const std::shared_ptr<const ServedModel> model_ =
      std::make_shared<ServedModel>("fake", ReplicasOf({std::make_shared<FakeDetector>("2.0")}));
};

TEST_F(LoadReportTest, SaysThatAModelServes) {
  Make("cpu")->Loaded("fake", absl::OkStatus(), absl::Seconds(2));

  EXPECT_THAT(log_.text(), EndsWith("info a model serves model=\"fake 2.0\" device=cpu\n"));
  EXPECT_THAT(log_.text(), Not(HasSubstr("auto")));
  EXPECT_THAT(metrics_.Serialize(), HasSubstr("bayespfl_model_loads_total{model=\"fake\",outcome=\"ok\"} 1\n"));
  EXPECT_THAT(metrics_.Serialize(), HasSubstr("bayespfl_model_load_duration_seconds{model=\"fake\"} 2\n"));
}

TEST_F(LoadReportTest, SaysThatAModelCannotBeLoaded) {
  Make("cpu")->Loaded("fake", absl::InvalidArgumentError("config.json: no kind"), absl::Seconds(2));

  EXPECT_THAT(log_.text(), EndsWith("error a model cannot be loaded model=fake code=INVALID_ARGUMENT "
                                    "error=\"config.json: no kind\"\n"));
  EXPECT_THAT(metrics_.Serialize(), HasSubstr("bayespfl_model_loads_total{model=\"fake\",outcome=\"failed\"} 1\n"));
}

TEST_F(LoadReportTest, AModelOfTheStartThatHasNoNameYetIsSaidOnce) {
  const auto report = Make("cpu");
  const absl::Status failed = absl::NotFoundError("no config.json");

  report->Loaded("", failed, absl::Seconds(1));
  EXPECT_EQ(log_.text(), "");
  report->Started(failed);

  EXPECT_THAT(log_.text(), EndsWith("error the server cannot start without its models error=\"no config.json\"\n"));
}

TEST_F(LoadReportTest, OfAStartThatWentWellThereIsNothingToSay) {
  Make("cpu")->Started(absl::OkStatus());

  EXPECT_EQ(log_.text(), "");
}

TEST_F(LoadReportTest, WhatAStopOvertookLeavesNothing) {
  const auto report = Make("cpu");

  report->Loaded("fake", absl::CancelledError("stopping"), absl::Seconds(1));
  report->Started(absl::CancelledError("stopping"));

  EXPECT_EQ(log_.text(), "");
  EXPECT_THAT(metrics_.Serialize(), Not(HasSubstr("bayespfl_model_loads_total{model=\"fake\"")));
}

}  // namespace
}  // namespace bayespfl::server
