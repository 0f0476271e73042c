// The series of models: which there are, for how long, and what they say.
#include "server/telemetry/model_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "prometheus/text_serializer.h"
#include "tests/server/fake_detector.h"

namespace bayespfl::server {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ModelMetricsTest : public ::testing::Test {
 protected:
  std::shared_ptr<ServedModel> Model(const std::string& name, int replicas = 1) {
    const std::vector<std::shared_ptr<FakeDetector>> detectors(static_cast<size_t>(replicas),
                                                               std::make_shared<FakeDetector>());
    return std::make_shared<ServedModel>(name, ReplicasOf(detectors), metrics_.NotesOf(name, detectors.size()));
  }
  void Serve(const std::vector<std::shared_ptr<ServedModel>>& models) {
    ModelSet set;
    for (const auto& model : models) set.models[model->name()] = model;
    metrics_.SetModels(set);
  }
  std::string Page() const { return prometheus::TextSerializer().Serialize(metrics_.Collect()); }

  // The value of a series; -1 when there is none.
  double Value(const std::string& series) const {
    const std::string page = Page();
    const size_t begin = page.find(absl::StrCat("\n", series, " "));
    return begin == std::string::npos ? -1 : std::stod(page.substr(begin + series.size() + 2));
  }

  ModelMetrics metrics_{{"leather"}};
};

TEST_F(ModelMetricsTest, AModelThatIsGoneLeavesNoSeries) {
  Serve({Model("first")});
  metrics_.NoteLoad("first", true, 1);

  Serve({Model("second")});

  EXPECT_THAT(Page(), AllOf(HasSubstr("model=\"second\""), Not(HasSubstr("model=\"first\""))));
}

TEST_F(ModelMetricsTest, AModelThatIsLoadedAnewGoesOnCounting) {
  const std::shared_ptr<ServedModel> old = Model("fake");
  Serve({old});
  metrics_.CountAnswered(*old, {});
  const std::shared_ptr<ServedModel> fresh = Model("fake");
  Serve({fresh});

  metrics_.CountAnswered(*fresh, {});
  metrics_.CountAnswered(*old, {});  // a frame that it had accepted

  EXPECT_EQ(Value("bayespfl_frames_total{model=\"fake\",outcome=\"ok\"}"), 3);
}

TEST_F(ModelMetricsTest, AFrameOfAModelThatIsGoneHarmsNobody) {
  const std::shared_ptr<ServedModel> gone = Model("gone");
  Serve({gone});
  Serve({Model("fake")});

  metrics_.CountAnswered(*gone, {});
  metrics_.CountFailed(gone.get(), FrameOutcome::kFailed);
  metrics_.NoteBusy(*gone, 0, true);

  EXPECT_THAT(Page(), Not(HasSubstr("gone")));
}

TEST_F(ModelMetricsTest, CountsReplicasThatWorkAndThoseThatAreLost) {
  const std::shared_ptr<ServedModel> model = Model("fake", /*replicas=*/3);
  Serve({model});

  const auto fails = [](const Detector& /*detector*/) { return absl::InternalError("the device is gone"); };
  ASSERT_FALSE(model->replica(1).Rebuild(fails).ok());

  EXPECT_EQ(Value("bayespfl_replicas{model=\"fake\",state=\"working\"}"), 2);
  EXPECT_EQ(Value("bayespfl_replicas{model=\"fake\",state=\"lost\"}"), 1);
}

TEST_F(ModelMetricsTest, SaysSinceWhenAReplicaIsBusy) {
  const std::shared_ptr<ServedModel> model = Model("fake", /*replicas=*/2);
  Serve({model});
  const double before = absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch());
  constexpr char kSecond[] = "bayespfl_replica_busy_since_timestamp_seconds{model=\"fake\",replica=\"1\"}";

  metrics_.NoteBusy(*model, 1, true);
  const double busy = Value(kSecond);
  const double other = Value("bayespfl_replica_busy_since_timestamp_seconds{model=\"fake\",replica=\"0\"}");
  metrics_.NoteBusy(*model, 1, false);

  EXPECT_GE(busy, before - 0.001);  // the page has fewer digits
  EXPECT_LE(busy, before + 3600);
  EXPECT_EQ(other, 0);
  EXPECT_EQ(Value(kSecond), 0);
}

TEST_F(ModelMetricsTest, TheLastLoadThatFailedShowsUntilOneGoesWell) {
  Serve({Model("fake")});
  metrics_.NoteLoad("fake", true, 2.5);
  metrics_.NoteLoad("fake", false, 0.5);

  EXPECT_EQ(Value("bayespfl_model_last_load_failed{model=\"fake\"}"), 1);
  EXPECT_EQ(Value("bayespfl_model_load_duration_seconds{model=\"fake\"}"), 2.5);

  metrics_.NoteLoad("fake", true, 3.5);

  EXPECT_EQ(Value("bayespfl_model_last_load_failed{model=\"fake\"}"), 0);
  EXPECT_EQ(Value("bayespfl_model_load_duration_seconds{model=\"fake\"}"), 3.5);
  EXPECT_EQ(Value("bayespfl_model_loads_total{model=\"fake\",outcome=\"ok\"}"), 2);
  EXPECT_EQ(Value("bayespfl_model_loads_total{model=\"fake\",outcome=\"failed\"}"), 1);
}

TEST_F(ModelMetricsTest, AFailedLoadHasNoSeriesButThoseOfLoads) {
  metrics_.NoteLoad("broken", false, 0.5);
  Serve({Model("fake")});  // what serves is another matter

  EXPECT_EQ(Value("bayespfl_model_last_load_failed{model=\"broken\"}"), 1);
  EXPECT_THAT(Page(), AllOf(Not(HasSubstr("bayespfl_model_load_duration_seconds{model=\"broken\"}")),
                            Not(HasSubstr("bayespfl_frames_total{model=\"broken\""))));
}

TEST_F(ModelMetricsTest, ManyFailedLoadsAreForgotten) {
  Serve({Model("fake")});
  metrics_.NoteLoad("fake", false, 0);
  for (size_t i = 0; i < 3 * kMaxFailedModels; ++i) metrics_.NoteLoad(absl::StrCat("broken", i), false, 0);

  const std::string page = Page();

  size_t series = 0;
  for (size_t at = page.find("\nbayespfl_model_last_load_failed{"); at != std::string::npos;
       at = page.find("\nbayespfl_model_last_load_failed{", at + 1)) {
    ++series;
  }
  EXPECT_EQ(series, kMaxFailedModels + 1);
  EXPECT_EQ(Value("bayespfl_model_last_load_failed{model=\"fake\"}"), 1);
  EXPECT_EQ(Value(absl::StrCat("bayespfl_model_last_load_failed{model=\"broken", 3 * kMaxFailedModels - 1, "\"}")), 1);
}

TEST_F(ModelMetricsTest, ShowsTheLinesAndTheSharesOfListedCalibratedCategories) {
  Serve({Model("fake")});

  EXPECT_NEAR(Value("bayespfl_threshold{category=\"leather\",line=\"review\",model=\"fake\"}"), 0.3, 1e-6);
  EXPECT_NEAR(Value("bayespfl_threshold{category=\"leather\",line=\"fail\",model=\"fake\"}"), 0.5, 1e-6);
  EXPECT_EQ(Value("bayespfl_calibrated_share{category=\"leather\",model=\"fake\",verdict=\"review\"}"), 0.05);
  EXPECT_EQ(Value("bayespfl_calibrated_share{category=\"leather\",model=\"fake\",verdict=\"fail\"}"), 0.01);
}

TEST_F(ModelMetricsTest, ACalibratedCategoryThatIsNotListedHasNoLines) {
  ModelMetrics metrics({"wood"});
  auto model = std::make_shared<ServedModel>("fake", ReplicasOf({std::make_shared<FakeDetector>()}));
  metrics.SetModels({.models = {{"fake", model}}, .default_model = "fake"});

  EXPECT_THAT(prometheus::TextSerializer().Serialize(metrics.Collect()),
              AllOf(Not(HasSubstr("bayespfl_threshold")), Not(HasSubstr("bayespfl_calibrated_share"))));
}

}  // namespace
}  // namespace bayespfl::server
