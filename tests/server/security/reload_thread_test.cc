#include "server/security/reload_thread.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "tests/server/until.h"

namespace bayespfl::server {
namespace {

class ReloadThreadTest : public ::testing::Test {
 protected:
  Logger MakeLogger() {
    return *CreateLogger({.write = [this](absl::string_view line) {
      MutexLock lock(mu_);
      absl::StrAppend(&log_, line);
    }});
  }
  bool Said(absl::string_view text) {
    MutexLock lock(mu_);
    return absl::StrContains(log_, text);
  }

  Mutex mu_;
  std::string log_ ABSL_GUARDED_BY(mu_);
};

TEST_F(ReloadThreadTest, ARoundThatSomebodyWantsBeginsAtOnceAndSaysEveryResult) {
  ReloadThread thread({{"same", [] { return false; }},
                       {"new", [] { return true; }},
                       {"broken", [] { return absl::InvalidArgumentError("no PEM"); }}},
                      std::chrono::hours(1), MakeLogger());

  thread.ReloadNow();

  EXPECT_TRUE(Eventually([&] { return Said("error a changed file cannot be used"); }));
  EXPECT_TRUE(Said("info a file has not changed what=same\n"));
  EXPECT_TRUE(Said("info a changed file is used from now on what=new\n"));
}

}  // namespace
}  // namespace bayespfl::server
