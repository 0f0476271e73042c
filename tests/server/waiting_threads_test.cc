#include "server/pipeline/waiting_threads.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

#include "tests/server/until.h"

namespace bayespfl::server {
namespace {

// Three threads that wait for the numbers 0, 1 and 2; they came in that order.
class WaitingThreadsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (size_t number = 0; number < done_.size(); ++number) {
      threads_.emplace_back([this, number] { WaitFor(number); });
      ASSERT_TRUE(Eventually([&] { return Waiting() == number + 1; }));
    }
  }

  void TearDown() override {
    {
      MutexLock lock(mu_);
      waiting_threads_.WakeAll();
    }
    for (std::thread& thread : threads_) thread.join();
  }

  void WaitFor(size_t number) {
    MutexLock lock(mu_);
    ++waiting_;  // nobody sees it before the mutex is free, which is when the thread waits
    waiting_threads_.Wait(mu_, number);
    done_.at(number) = true;
  }

  size_t Waiting() {
    MutexLock lock(mu_);
    return waiting_;
  }

  Mutex mu_;
  WaitingThreads<size_t> waiting_threads_ ABSL_GUARDED_BY(mu_);
  size_t waiting_ ABSL_GUARDED_BY(mu_) = 0;
  std::array<std::atomic<bool>, 3> done_ = {};
  std::vector<std::thread> threads_;
};

TEST_F(WaitingThreadsTest, OneIsWokenWhoWantsWhatThereIs) {
  {
    MutexLock lock(mu_);
    EXPECT_TRUE(waiting_threads_.WakeOne([](size_t wish) { return wish == 1; }));
  }

  EXPECT_TRUE(Eventually([&] { return done_[1].load(); }));
  EXPECT_FALSE(done_[0]);
  EXPECT_FALSE(done_[2]);
}

TEST_F(WaitingThreadsTest, WhoHasWaitedLongestIsWokenFirst) {
  {
    MutexLock lock(mu_);
    EXPECT_TRUE(waiting_threads_.WakeOne([](size_t /*wish*/) { return true; }));
  }

  EXPECT_TRUE(Eventually([&] { return done_[0].load(); }));
  EXPECT_FALSE(done_[1]);
  EXPECT_FALSE(done_[2]);
}

TEST_F(WaitingThreadsTest, NobodyIsWokenTwice) {
  MutexLock lock(mu_);
  for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(waiting_threads_.WakeOne([](size_t /*wish*/) { return true; }));

  EXPECT_FALSE(waiting_threads_.WakeOne([](size_t /*wish*/) { return true; }));
}

TEST_F(WaitingThreadsTest, WhoWantsSomethingElseSleepsOn) {
  MutexLock lock(mu_);

  EXPECT_FALSE(waiting_threads_.WakeOne([](size_t wish) { return wish == 3; }));
}

}  // namespace
}  // namespace bayespfl::server
