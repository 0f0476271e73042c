#include "server/models/model_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "tests/server/fake_detector.h"
#include "tests/server/until.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl::server {
namespace {

namespace fs = std::filesystem;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Property;
using ::testing::SizeIs;

// "nice": 0 is usual, 19 the lowest.
int ThreadPriority() { return getpriority(PRIO_PROCESS, static_cast<id_t>(gettid())); }

// A store over folders without content, whose loader gives stand-in models.
class ModelStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"a", "b", "broken"}) fs::create_directories(base_ / "root" / name);
    fs::create_directories(base_ / "outside");
  }

  // Makes the store and waits for its start.
  absl::Status Start(ModelStoreOptions options) {
    auto started = std::make_shared<std::promise<absl::Status>>();
    std::future<absl::Status> result = started->get_future();
    options.max_batch = 2;
    options.loader = [this](const std::string& folder) { return LoadFake(folder); };
    options.publish = [this](const ModelSet& models) {
      published_.push_back(models);
      publish_priority_ = ThreadPriority();
    };
    options.on_started = [started](const absl::Status& status) { started->set_value(status); };
    options.on_load = [this](const std::string& name, const absl::Status& status, absl::Duration took) {
      EXPECT_GE(took, absl::ZeroDuration());
      told_.push_back(absl::StrCat(name, status.ok() ? " ok" : " failed"));
    };
    store_ = std::make_unique<ModelStore>(std::move(options));
    store_->Start();
    return result.get();
  }
  absl::Status StartWithRoot() { return Start({.model_root = base_ / "root", .models = {"a", "b"}}); }

  absl::StatusOr<Replicas> LoadFake(const std::string& folder) {
    loaded_.push_back(fs::path(folder).filename());
    load_priority_ = ThreadPriority();
    load_threads_.push_back(gettid());
    if (broken_) return absl::DataLossError("clip.safetensors: broken");
    auto detector = std::make_shared<FakeDetector>();
    if (cold_) detector->FailCalls(1);
    return ReplicasOf({detector});
  }

  // Runs one change to its end.
  template <typename Change>
  static absl::Status Wait(Change change) {
    std::promise<absl::Status> promise;
    std::future<absl::Status> result = promise.get_future();
    change([&promise](const absl::Status& status) { promise.set_value(status); });
    return result.get();
  }
  absl::Status Load(const std::string& name) {
    return Wait([&](ModelStore::Done done) { store_->Load(name, std::move(done)); });
  }
  absl::Status Unload(const std::string& name) {
    return Wait([&](ModelStore::Done done) { store_->Unload(name, std::move(done)); });
  }
  absl::Status SetDefault(const std::string& name) {
    return Wait([&](ModelStore::Done done) { store_->SetDefault(name, std::move(done)); });
  }
  absl::Status Reload() {
    return Wait([&](ModelStore::Done done) { store_->Reload(std::move(done)); });
  }
  const ModelSet& serving() const { return published_.back(); }

  const testing::TemporaryFolder folder_;
  const fs::path base_ = folder_.path();
  std::vector<std::string> loaded_;
  std::vector<ModelSet> published_;
  std::vector<std::string> told_;  // of loads
  int load_priority_ = 0;
  std::vector<pid_t> load_threads_;
  int publish_priority_ = 0;
  bool broken_ = false;
  bool cold_ = false;
  std::unique_ptr<ModelStore> store_;
};

TEST_F(ModelStoreTest, OnePackageServesUnderItsOwnName) {
  ASSERT_TRUE(Start({.model = base_ / "outside"}).ok());

  EXPECT_EQ(serving().default_model, "fake");
  EXPECT_THAT(serving().models, SizeIs(1));
  EXPECT_TRUE(absl::IsNotFound(Load("a")));
  EXPECT_TRUE(Load("fake").ok());
  EXPECT_THAT(loaded_, ElementsAre("outside", "outside"));
}

TEST_F(ModelStoreTest, TellsEveryLoadOfANameThatTheOperatorChose) {
  ASSERT_TRUE(StartWithRoot().ok());
  EXPECT_THAT(told_, ElementsAre("a ok", "b ok"));
  told_.clear();

  broken_ = true;
  EXPECT_FALSE(Load("broken").ok());
  EXPECT_FALSE(Load("made-up").ok());
  broken_ = false;
  EXPECT_TRUE(Load("b").ok());

  EXPECT_THAT(told_, ElementsAre("broken failed", "b ok"));
}

TEST_F(ModelStoreTest, TellsALoadOfTheStartThatFailed) {
  EXPECT_FALSE(Start({.model_root = base_ / "root", .models = {"gone"}}).ok());
  EXPECT_THAT(told_, ElementsAre("gone failed"));
  told_.clear();

  broken_ = true;
  EXPECT_FALSE(Start({.model = base_ / "outside"}).ok());

  EXPECT_THAT(told_, ElementsAre(" failed"));
}

TEST_F(ModelStoreTest, PackagesOfTheRootServeUnderTheirFoldersNames) {
  ASSERT_TRUE(StartWithRoot().ok());

  EXPECT_EQ(serving().default_model, "a");
  EXPECT_EQ(serving().models.at("b")->name(), "b");
  const std::vector<ModelStatus> models = store_->List();
  ASSERT_THAT(models, SizeIs(2));
  EXPECT_TRUE(models[0].is_default);
  EXPECT_FALSE(models[1].is_default);
  EXPECT_EQ(models[1].state, ModelState::kReady);
  EXPECT_EQ(models[1].info->version, "1.0+0123456789ab");
}

TEST_F(ModelStoreTest, AStartWithoutOneOfItsModelsFailsAndNamesIt) {
  const absl::Status started = Start({.model_root = base_ / "root", .models = {"a", "c"}});

  EXPECT_TRUE(absl::IsNotFound(started));
  EXPECT_THAT(std::string(started.message()), HasSubstr("model_root has no package \"c\""));
}

TEST_F(ModelStoreTest, TheModelsOfTheStartServeAtTheSameMoment) {
  ASSERT_TRUE(Start({.model_root = base_ / "root", .models = {"a", "b"}, .default_model = "b"}).ok());

  ASSERT_THAT(published_, SizeIs(1));
  EXPECT_THAT(serving().models, SizeIs(2));
  EXPECT_EQ(serving().default_model, "b");
}

TEST_F(ModelStoreTest, AStartThatFailsServesNothing) {
  EXPECT_FALSE(Start({.model_root = base_ / "root", .models = {"a", "c"}}).ok());
  EXPECT_THAT(published_, SizeIs(0));
}

TEST_F(ModelStoreTest, OneNameForTwoPackagesIsRefused) {
  fs::create_directories(base_ / "root" / "fake");

  const absl::Status started = Start({.model = base_ / "outside", .model_root = base_ / "root", .models = {"fake"}});

  EXPECT_TRUE(absl::IsInvalidArgument(started));
  EXPECT_THAT(std::string(started.message()), HasSubstr("\"fake\" is the name of the package in `model`"));
}

TEST_F(ModelStoreTest, TheStartDoesNotWaitForOtherPrograms) {
  ASSERT_TRUE(StartWithRoot().ok());

  EXPECT_EQ(load_priority_, ThreadPriority());
}

TEST_F(ModelStoreTest, LoadingYieldsToFramesAndServingDoesNot) {
  ASSERT_TRUE(StartWithRoot().ok());
  ASSERT_TRUE(Load("a").ok());

  constexpr int kLowest = 19;
  EXPECT_EQ(load_priority_, std::min(kLowest, ThreadPriority() + 10));
  EXPECT_EQ(publish_priority_, ThreadPriority());
}

// What a thread that has computed keeps of OpenMP for as long as it lives slows down those that compute frames.
TEST_F(ModelStoreTest, ThreadsThatLoadedAModelEndWithTheLoad) {
  ASSERT_TRUE(StartWithRoot().ok());
  ASSERT_TRUE(Load("a").ok());

  ASSERT_THAT(load_threads_, SizeIs(3));
  for (const pid_t thread : load_threads_) {
    EXPECT_FALSE(fs::exists(absl::StrCat("/proc/self/task/", thread)));
  }
}

TEST_F(ModelStoreTest, ABadPackageLeavesTheOldOneServingAndSaysWhy) {
  ASSERT_TRUE(StartWithRoot().ok());
  const std::shared_ptr<ServedModel> before = serving().models.at("a");

  broken_ = true;
  const absl::Status loaded = Load("a");

  EXPECT_TRUE(absl::IsDataLoss(loaded));
  EXPECT_EQ(serving().models.at("a"), before);
  EXPECT_EQ(store_->List()[0].state, ModelState::kReady);
  EXPECT_EQ(store_->List()[0].last_load, loaded);
}

TEST_F(ModelStoreTest, AModelThatFailsItsWarmUpDoesNotServe) {
  ASSERT_TRUE(StartWithRoot().ok());
  const size_t publications = published_.size();

  cold_ = true;
  const absl::Status loaded = Load("broken");

  EXPECT_TRUE(absl::IsInternal(loaded));
  EXPECT_THAT(std::string(loaded.message()), HasSubstr("the warm-up failed: the device failed"));
  EXPECT_EQ(published_.size(), publications);
  EXPECT_EQ(store_->List().back().name, "broken");
  EXPECT_EQ(store_->List().back().state, ModelState::kFailed);
}

TEST_F(ModelStoreTest, LoadingAgainReplacesTheModel) {
  ASSERT_TRUE(StartWithRoot().ok());
  const std::shared_ptr<ServedModel> before = serving().models.at("a");

  ASSERT_TRUE(Load("a").ok());

  EXPECT_NE(serving().models.at("a"), before);
  EXPECT_THAT(serving().models, SizeIs(2));
}

TEST_F(ModelStoreTest, ReloadTriesEveryModel) {
  ASSERT_TRUE(StartWithRoot().ok());

  EXPECT_TRUE(Reload().ok());

  EXPECT_THAT(loaded_, ElementsAre("a", "b", "a", "b"));
  broken_ = true;
  EXPECT_TRUE(absl::IsDataLoss(Reload()));
  EXPECT_THAT(loaded_, SizeIs(6));
}

TEST_F(ModelStoreTest, AModelWhosePackageIsGoneServesOnAndSaysSo) {
  ASSERT_TRUE(StartWithRoot().ok());
  fs::remove_all(base_ / "root" / "a");

  const absl::Status loaded = Load("a");

  EXPECT_TRUE(absl::IsNotFound(loaded));
  EXPECT_THAT(serving().models, SizeIs(2));
  EXPECT_EQ(store_->List()[0].state, ModelState::kReady);
  EXPECT_EQ(store_->List()[0].last_load, loaded);
}

TEST_F(ModelStoreTest, TheDefaultCannotBeUnloadedUntilAnotherOneIs) {
  ASSERT_TRUE(StartWithRoot().ok());

  EXPECT_TRUE(absl::IsFailedPrecondition(Unload("a")));
  EXPECT_TRUE(absl::IsNotFound(SetDefault("c")));
  ASSERT_TRUE(SetDefault("b").ok());
  EXPECT_EQ(serving().default_model, "b");
  EXPECT_TRUE(Unload("a").ok());
  EXPECT_TRUE(absl::IsNotFound(Unload("a")));
  EXPECT_THAT(serving().models, SizeIs(1));
  EXPECT_THAT(store_->List(), SizeIs(1));
}

TEST_F(ModelStoreTest, OnlyWhatLiesInTheRootCanBeNamed) {
  fs::create_directory_symlink(base_ / "outside", base_ / "root" / "link");
  fs::create_directory_symlink(base_ / "root" / "b", base_ / "root" / "alias");
  ASSERT_TRUE(StartWithRoot().ok());
  const size_t loads = loaded_.size();

  for (const std::string& name :
       {std::string("../outside"), std::string(".."), std::string("."), std::string(""), std::string("a/../b"),
        std::string("/etc"), std::string(129, 'a'), std::string("a\0b", 3), std::string("a\nb"), std::string("-a")}) {
    const absl::Status refused = Load(name);
    EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
    EXPECT_TRUE(absl::IsInvalidArgument(Unload(name)));
    EXPECT_TRUE(absl::IsInvalidArgument(SetDefault(name)));
  }
  EXPECT_TRUE(absl::IsNotFound(Load("link")));
  EXPECT_TRUE(absl::IsNotFound(Load("nowhere")));
  EXPECT_EQ(loaded_.size(), loads);
  EXPECT_TRUE(Load("alias").ok());
}

TEST_F(ModelStoreTest, NamesThatFailAreNotRememberedForEver) {
  for (int i = 0; i < 100; ++i) fs::create_directories(base_ / "root" / ("bad" + std::to_string(i)));
  ASSERT_TRUE(StartWithRoot().ok());
  broken_ = true;

  for (int i = 0; i < 100; ++i) EXPECT_TRUE(absl::IsDataLoss(Load("bad" + std::to_string(i))));

  EXPECT_THAT(store_->List(), SizeIs(2 + 64));
}

TEST_F(ModelStoreTest, ChangesThatWaitAreBoundedAndAnsweredWhenTheStoreGoes) {
  ASSERT_TRUE(StartWithRoot().ok());
  std::promise<void> running;
  std::promise<void> go;
  std::vector<absl::Status> ends;
  store_->Load("a", [&](const absl::Status& /*status*/) {
    running.set_value();
    go.get_future().wait();
  });
  running.get_future().wait();
  absl::Status refused;
  for (int i = 0; i < 20 && refused.ok(); ++i) {
    store_->Load("b", [&](const absl::Status& status) {
      if (absl::IsResourceExhausted(status)) {
        refused = status;
      } else {
        ends.push_back(status);
      }
    });
  }

  EXPECT_THAT(std::string(refused.message()), HasSubstr("16 changes of models are waiting already"));
  std::thread stop([this] { store_->Stop(); });
  EXPECT_TRUE(Eventually([this] { return absl::IsUnavailable(Load("b")); }));  // the stop has begun
  go.set_value();
  stop.join();
  EXPECT_THAT(ends, SizeIs(16));
  EXPECT_THAT(ends, Each(Property(&absl::Status::code, absl::StatusCode::kUnavailable)));
}

}  // namespace
}  // namespace bayespfl::server
