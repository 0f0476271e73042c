// What starts when on a bidirectional call, over a transport that holds a start up for as long as a test likes.
#include "server/api/ordered_exchange.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/mutex.h"

namespace bayespfl::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

enum class Operation { kRead, kWrite };

ReplyPayload Reply(const std::string& text) {
  return {.data = std::make_shared<const std::string>(text), .bytes = text.size()};
}

// A call that can be freed: whoever starts something after its end touches memory that is gone, which sanitizers see,
// and fails the test besides. Thread-safe.
class FakeTransport final : public ExchangeTransport {
 public:
  void IssueRead() override { Issue(Operation::kRead, "read"); }
  void IssueWrite(const ReplyPayload& reply) override {
    Issue(Operation::kWrite, absl::StrCat("write ", *static_cast<const std::string*>(reply.data.get())));
  }
  void IssueFinish(const absl::Status& status) override {
    MutexLock lock(mu_);
    EXPECT_FALSE(inside_) << "the end while a start is under way";
    EXPECT_NE(log_, nullptr) << "a second end";
    finished_ = status;
    ended_log_ = std::move(*log_);
    log_.reset();
    changed_.NotifyAll();
  }

  std::function<void()> Waker() override {
    return [this] { ++woken_; };
  }

  // How often the budget has called the Waker(); what it stands for is the test's to do.
  int woken() const { return woken_; }

  // The next start of this kind waits inside.
  void Hold(Operation operation) {
    MutexLock lock(mu_);
    hold_ = operation;
  }
  void WaitUntilHeld() {
    MutexLock lock(mu_);
    while (!held_) changed_.Wait(mu_);
  }
  void Release() {
    MutexLock lock(mu_);
    hold_.reset();
    changed_.NotifyAll();
  }

  // What was started, in order.
  std::vector<std::string> log() const {
    MutexLock lock(mu_);
    return log_ != nullptr ? *log_ : ended_log_;
  }
  // How the call ended, if it has.
  std::optional<absl::Status> finished() const {
    MutexLock lock(mu_);
    return finished_;
  }

 private:
  void Issue(Operation operation, std::string what) {
    MutexLock lock(mu_);
    EXPECT_FALSE(std::exchange(inside_, true)) << "two threads start something";
    held_ = hold_ == operation;
    changed_.NotifyAll();
    while (hold_ == operation) changed_.Wait(mu_);
    held_ = false;
    inside_ = false;
    EXPECT_NE(log_, nullptr) << what << " after the end";
    if (log_ != nullptr) log_->push_back(std::move(what));
  }

  mutable Mutex mu_;
  CondVar changed_;
  std::unique_ptr<std::vector<std::string>> log_ = std::make_unique<std::vector<std::string>>();  // the call
  std::vector<std::string> ended_log_;
  std::optional<absl::Status> finished_;
  std::optional<Operation> hold_;
  bool held_ = false;
  bool inside_ = false;
  std::atomic<int> woken_{0};
};

class OrderedExchangeTest : public ::testing::Test {
 protected:
  // A message comes and is looked at: it takes a place for its reply.
  uint64_t TakeMessage(size_t weight = 1) {
    exchange_.MessageRead();
    const std::optional<uint64_t> sequence = exchange_.AddSlot(weight);
    exchange_.MessageHandled();
    return sequence.value();
  }
  void Answer(uint64_t sequence, const std::string& text) {
    exchange_.FillSlot(sequence, Reply(text));
    exchange_.Advance();
  }

  FakeTransport transport_;
  std::atomic<int64_t> unsent_bytes_{0};  // as it was told
  UnsentBudget budget_{/*max_bytes=*/100, [this](int64_t change) { unsent_bytes_ += change; }};
  OrderedExchange exchange_{{.max_unsent = 2, .max_unsent_bytes = 10}, transport_, budget_};
};

// ---- What is told of unsent replies --------------------------------------------------------------------------------

TEST_F(OrderedExchangeTest, AReplyIsUnsentUntilItsWriteHasEnded) {
  exchange_.Advance();
  const uint64_t first = TakeMessage();
  const uint64_t second = TakeMessage();
  EXPECT_EQ(unsent_bytes_, 0);

  Answer(second, "late");  // behind the first
  EXPECT_EQ(unsent_bytes_, 4);
  Answer(first, "0");
  EXPECT_EQ(unsent_bytes_, 5);
  exchange_.WriteEnded();
  EXPECT_EQ(unsent_bytes_, 4);
  exchange_.WriteEnded();

  EXPECT_EQ(unsent_bytes_, 0);
}

TEST_F(OrderedExchangeTest, NothingIsUnsentWhenTheClientHasLeft) {
  exchange_.Advance();
  const uint64_t first = TakeMessage();
  const uint64_t second = TakeMessage();
  Answer(first, "under way");
  Answer(second, "waits");
  EXPECT_EQ(unsent_bytes_, 14);

  exchange_.Abandon(absl::CancelledError("the client left"));
  exchange_.WriteEnded();

  EXPECT_EQ(unsent_bytes_, 0);
}

// ---- What is told of replies that are gone -------------------------------------------------------------------------

TEST_F(OrderedExchangeTest, AReplyIsGoneWhenItsWriteHasEnded) {
  exchange_.Advance();
  const uint64_t first = TakeMessage();
  const uint64_t second = TakeMessage();
  std::vector<std::string> gone;
  exchange_.FillSlot(second, Reply("late"), [&] { gone.emplace_back("second"); });
  exchange_.FillSlot(first, Reply("0"), [&] { gone.emplace_back("first"); });
  exchange_.Advance();
  EXPECT_THAT(gone, IsEmpty());

  exchange_.WriteEnded();
  EXPECT_THAT(gone, ElementsAre("first"));
  exchange_.WriteEnded();

  EXPECT_THAT(gone, ElementsAre("first", "second"));
}

TEST_F(OrderedExchangeTest, ADroppedReplyIsGoneToo) {
  exchange_.Advance();
  const uint64_t first = TakeMessage();
  const uint64_t second = TakeMessage();
  std::vector<std::string> gone;
  exchange_.FillSlot(first, Reply("0"), [&] { gone.emplace_back("first"); });
  exchange_.FillSlot(second, Reply("1"), [&] { gone.emplace_back("second"); });
  exchange_.Advance();

  exchange_.Abandon(absl::CancelledError("the client left"));
  exchange_.WriteEnded();

  EXPECT_THAT(gone, ElementsAre("first", "second"));
}

// ---- Starts that are held up ---------------------------------------------------------------------------------------

TEST_F(OrderedExchangeTest, AnEndDuringTheStartOfAReadWaitsForTheStart) {
  transport_.Hold(Operation::kRead);
  std::thread reader([this] { exchange_.Advance(); });
  transport_.WaitUntilHeld();

  exchange_.EndWith(absl::UnavailableError("age"));

  EXPECT_FALSE(transport_.finished().has_value());
  transport_.Release();
  reader.join();
  EXPECT_THAT(transport_.log(), ElementsAre("read"));
  EXPECT_EQ(transport_.finished(), absl::UnavailableError("age"));
}

TEST_F(OrderedExchangeTest, ACancellationDuringTheStartOfAReadWaitsForTheStart) {
  transport_.Hold(Operation::kRead);
  std::thread reader([this] { exchange_.Advance(); });
  transport_.WaitUntilHeld();

  exchange_.Abandon(absl::CancelledError("left"));
  exchange_.Advance();

  EXPECT_FALSE(transport_.finished().has_value());
  transport_.Release();
  reader.join();
  EXPECT_EQ(transport_.finished(), absl::CancelledError("left"));
}

TEST_F(OrderedExchangeTest, AnEndDuringTheStartOfAWriteWaitsForTheStart) {
  exchange_.Advance();
  const uint64_t sequence = TakeMessage();
  transport_.Hold(Operation::kWrite);
  std::thread writer([&] { Answer(sequence, "a"); });
  transport_.WaitUntilHeld();

  // As gRPC may: the write has ended, and the thread that started it has not come back.
  exchange_.WriteEnded();
  exchange_.ReadEnded();

  EXPECT_FALSE(transport_.finished().has_value());
  transport_.Release();
  writer.join();
  EXPECT_EQ(transport_.finished(), absl::OkStatus());
}

TEST_F(OrderedExchangeTest, AnAnswerDuringTheStartOfAReadIsSentByTheThreadThatStartsIt) {
  exchange_.Advance();
  transport_.Hold(Operation::kRead);
  uint64_t sequence = 0;
  std::thread reader([&] { sequence = TakeMessage(); });
  transport_.WaitUntilHeld();

  Answer(0, "a");

  EXPECT_THAT(transport_.log(), ElementsAre("read"));
  transport_.Release();
  reader.join();
  EXPECT_EQ(sequence, 0U);
  EXPECT_THAT(transport_.log(), ElementsAre("read", "read", "write a"));
}

// ---- Order ---------------------------------------------------------------------------------------------------------

TEST_F(OrderedExchangeTest, RepliesLeaveInTheMessagesOrder) {
  exchange_.Advance();
  const uint64_t first = TakeMessage();
  const uint64_t second = TakeMessage();

  Answer(second, "b");
  EXPECT_THAT(transport_.log(), ElementsAre("read", "read"));
  Answer(first, "a");
  exchange_.WriteEnded();

  EXPECT_THAT(transport_.log(), ElementsAre("read", "read", "write a", "write b", "read"));
}

TEST_F(OrderedExchangeTest, ReadingStopsAtTheFramesThatAreNotSent) {
  exchange_.Advance();

  const uint64_t sequence = TakeMessage(/*weight=*/2);
  EXPECT_THAT(transport_.log(), ElementsAre("read"));
  Answer(sequence, "a");
  EXPECT_THAT(transport_.log(), ElementsAre("read", "write a"));
  exchange_.WriteEnded();

  EXPECT_THAT(transport_.log(), ElementsAre("read", "write a", "read"));
}

TEST_F(OrderedExchangeTest, ReadingStopsAtTheBytesThatAreNotSent) {
  exchange_.Advance();
  exchange_.MessageRead();
  const uint64_t sequence = exchange_.AddSlot(1).value();
  exchange_.FillSlot(sequence, Reply("ten bytes!"));
  exchange_.MessageHandled();

  EXPECT_THAT(transport_.log(), ElementsAre("read", "write ten bytes!"));
  exchange_.WriteEnded();

  EXPECT_THAT(transport_.log(), ElementsAre("read", "write ten bytes!", "read"));
}

TEST_F(OrderedExchangeTest, MoreMayWaitAfterAHigherLimit) {
  exchange_.SetMaxUnsent(3);
  exchange_.Advance();

  TakeMessage(/*weight=*/2);

  EXPECT_THAT(transport_.log(), ElementsAre("read", "read"));
}

// ---- The end -------------------------------------------------------------------------------------------------------

TEST_F(OrderedExchangeTest, EndsWhenEveryMessageThatWasReadIsAnsweredAndSent) {
  exchange_.Advance();
  const uint64_t sequence = TakeMessage();
  exchange_.EndWith(absl::UnavailableError("age"));
  EXPECT_FALSE(transport_.finished().has_value());

  Answer(sequence, "a");
  EXPECT_FALSE(transport_.finished().has_value());
  exchange_.WriteEnded();

  EXPECT_THAT(transport_.log(), ElementsAre("read", "read", "write a"));
  EXPECT_EQ(transport_.finished(), absl::UnavailableError("age"));
}

TEST_F(OrderedExchangeTest, AMessageThatIsBeingHandledHoldsTheEndUp) {
  exchange_.Advance();
  exchange_.MessageRead();

  exchange_.EndWith(absl::UnavailableError("age"));
  EXPECT_FALSE(transport_.finished().has_value());
  const uint64_t sequence = exchange_.AddSlot(1).value();
  exchange_.MessageHandled();
  Answer(sequence, "a");
  exchange_.WriteEnded();

  EXPECT_THAT(transport_.log(), ElementsAre("read", "write a"));
  EXPECT_TRUE(transport_.finished().has_value());
}

TEST_F(OrderedExchangeTest, AHeldMessageHoldsReadsAndTheEndUpButNoReplies) {
  exchange_.Advance();
  exchange_.MessageRead();
  exchange_.HoldMessage();
  const uint64_t sequence = exchange_.AddSlot(1).value();
  exchange_.MessageHandled();
  EXPECT_THAT(transport_.log(), ElementsAre("read"));

  Answer(sequence, "a");
  exchange_.WriteEnded();
  exchange_.EndWith(absl::UnavailableError("age"));
  EXPECT_THAT(transport_.log(), ElementsAre("read", "write a"));
  EXPECT_FALSE(transport_.finished().has_value());

  exchange_.MessageHandled();
  EXPECT_TRUE(transport_.finished().has_value());
}

TEST_F(OrderedExchangeTest, ReadingGoesOnWhenAHeldMessageIsReleased) {
  exchange_.Advance();
  exchange_.MessageRead();
  exchange_.HoldMessage();
  exchange_.MessageHandled();
  EXPECT_THAT(transport_.log(), ElementsAre("read"));

  exchange_.MessageHandled();

  EXPECT_THAT(transport_.log(), ElementsAre("read", "read"));
}

TEST_F(OrderedExchangeTest, TheFirstReasonOfTheEndStands) {
  exchange_.SetEnding(absl::InvalidArgumentError("first"));
  exchange_.EndWith(absl::UnavailableError("second"));

  EXPECT_EQ(transport_.finished(), absl::InvalidArgumentError("first"));
}

TEST_F(OrderedExchangeTest, AClientThatLeftIsTheReasonOfTheEndAndGetsNoReplies) {
  exchange_.Advance();
  const uint64_t sequence = TakeMessage();
  exchange_.EndWith(absl::UnavailableError("age"));

  exchange_.Abandon(absl::CancelledError("left"));
  Answer(sequence, "a");

  EXPECT_THAT(transport_.log(), ElementsAre("read", "read"));
  EXPECT_EQ(transport_.finished(), absl::CancelledError("left"));
}

TEST_F(OrderedExchangeTest, AfterTheEndNothingStartsAndNoPlaceIsGiven) {
  exchange_.EndWith(absl::OkStatus());

  exchange_.EndWith(absl::UnavailableError("late"));
  exchange_.Abandon(absl::CancelledError("left"));
  exchange_.Advance();

  EXPECT_FALSE(exchange_.AddSlot(1).has_value());
  EXPECT_THAT(transport_.log(), IsEmpty());
  EXPECT_EQ(transport_.finished(), absl::OkStatus());
}

// ---- The budget of all calls ---------------------------------------------------------------------------------------

TEST_F(OrderedExchangeTest, AFullBudgetStopsACallThatOwesAReply) {
  exchange_.Advance();
  budget_.Add(100);  // of others

  TakeMessage();
  EXPECT_THAT(transport_.log(), ElementsAre("read"));
  EXPECT_EQ(transport_.woken(), 0);

  budget_.Add(-1);
  budget_.WakeWaiters();
  EXPECT_EQ(transport_.woken(), 1);
  exchange_.RoomAgain();
  EXPECT_THAT(transport_.log(), ElementsAre("read", "read"));
}

TEST_F(OrderedExchangeTest, AFullBudgetStopsNoCallThatOwesNothing) {
  budget_.Add(1000);  // of others

  exchange_.Advance();
  Answer(TakeMessage(), "one");
  EXPECT_THAT(transport_.log(), ElementsAre("read", "write one"));
  exchange_.WriteEnded();

  EXPECT_THAT(transport_.log(), ElementsAre("read", "write one", "read"));
}

TEST_F(OrderedExchangeTest, ACallWaitsForTheBudgetOnce) {
  exchange_.Advance();
  budget_.Add(100);  // of others
  const uint64_t first = TakeMessage();
  exchange_.Advance();
  Answer(first, "one");

  budget_.Add(-100);
  budget_.WakeWaiters();
  budget_.WakeWaiters();

  EXPECT_EQ(transport_.woken(), 1);
}

TEST_F(OrderedExchangeTest, RepliesThatWereSentOrDroppedMakeRoomForOthers) {
  FakeTransport other_transport;
  OrderedExchange other({.max_unsent = 2, .max_unsent_bytes = 1000}, other_transport, budget_);
  for (OrderedExchange* call : {&exchange_, &other}) {
    call->Advance();
    call->MessageRead();
  }
  exchange_.FillSlot(*exchange_.AddSlot(1), Reply(std::string(60, 'a')));
  other.FillSlot(*other.AddSlot(1), Reply(std::string(60, 'b')));
  exchange_.MessageHandled();  // written, and no second read: 120 of 100
  other.MessageHandled();
  ASSERT_THAT(other_transport.log(), ::testing::SizeIs(2));

  exchange_.Abandon(absl::CancelledError("left"));
  exchange_.WriteEnded();

  EXPECT_EQ(other_transport.woken(), 1);
  other.RoomAgain();
  EXPECT_THAT(other_transport.log(), ::testing::SizeIs(3));
}

TEST(UnsentBudgetTest, KeepsNoReplyBeyondTwiceOfWhatItIs) {
  UnsentBudget budget(/*max_bytes=*/100);
  budget.Add(150);

  EXPECT_TRUE(budget.Fits(50));
  EXPECT_FALSE(budget.Fits(51));
}

TEST(UnsentBudgetTest, WhoeverAsksWhileThereIsRoomIsNotCalled) {
  UnsentBudget budget(/*max_bytes=*/100);
  bool called = false;

  EXPECT_FALSE(budget.WaitIfFull([&called] { called = true; }));
  budget.WakeWaiters();

  EXPECT_FALSE(called);
}

// ---- Many threads --------------------------------------------------------------------------------------------------

// Ends each operation on a thread of its own, as gRPC does, and answers each message on another. Frees itself at the
// end, as OrderedStream does.
class ThreadedCall final : public ExchangeTransport, public std::enable_shared_from_this<ThreadedCall> {
 public:
  // `sent` gets the number of replies at the end.
  static std::shared_ptr<ThreadedCall> Create(int messages, std::promise<int> sent) {
    std::shared_ptr<ThreadedCall> call(new ThreadedCall(messages, std::move(sent)));
    call->self_ = call;
    return call;
  }

  void Start() { exchange_.Advance(); }
  void EndWith(const absl::Status& status) { exchange_.EndWith(status); }

  void IssueRead() override {
    Detach([self = shared_from_this()] { self->Read(); });
  }
  void IssueWrite(const ReplyPayload& /*reply*/) override {
    ++written_;
    Detach([self = shared_from_this()] { self->exchange_.WriteEnded(); });
  }
  std::function<void()> Waker() override {
    return [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->exchange_.RoomAgain();
    };
  }
  void IssueFinish(const absl::Status& /*status*/) override {
    EXPECT_EQ(written_, taken_);
    const std::shared_ptr<ThreadedCall> last = std::move(self_);
    sent_.set_value(written_);
  }

 private:
  ThreadedCall(int messages, std::promise<int> sent) : messages_(messages), sent_(std::move(sent)) {}

  template <typename Function>
  static void Detach(Function function) {
    std::thread(std::move(function)).detach();
  }

  void Read() {
    if (taken_ == messages_) return exchange_.ReadEnded();
    exchange_.MessageRead();
    if (const std::optional<uint64_t> sequence = exchange_.AddSlot(1)) {
      ++taken_;
      exchange_.HoldMessage();
      Detach([self = shared_from_this()] { self->exchange_.MessageHandled(); });
      Detach([self = shared_from_this(), sequence = *sequence] {
        self->exchange_.FillSlot(sequence, Reply("a"));
        self->exchange_.Advance();
      });
    }
    exchange_.MessageHandled();
  }

  const int messages_;
  std::promise<int> sent_;
  UnsentBudget budget_{/*max_bytes=*/2};
  OrderedExchange exchange_{{.max_unsent = 3, .max_unsent_bytes = 100}, *this, budget_};
  std::shared_ptr<ThreadedCall> self_;
  std::atomic<int> taken_{0};
  int written_ = 0;  // no lock: one thread at a time is inside the transport
};

TEST(OrderedExchangeThreadsTest, EveryMessageIsAnsweredOnceWhoeverStartsWhat) {
  constexpr int kMessages = 200;
  std::promise<int> sent;
  std::future<int> written = sent.get_future();

  ThreadedCall::Create(kMessages, std::move(sent))->Start();

  EXPECT_EQ(written.get(), kMessages);
}

TEST(OrderedExchangeThreadsTest, AnEndAtAnyMomentComesAfterTheRepliesToWhatWasRead) {
  constexpr int kRounds = 50;
  for (int round = 0; round < kRounds; ++round) {
    std::promise<int> sent;
    std::future<int> written = sent.get_future();
    auto call = ThreadedCall::Create(/*messages=*/1000, std::move(sent));
    std::thread ender([call] { call->EndWith(absl::UnavailableError("age")); });
    call->Start();

    EXPECT_LE(written.get(), 1000);
    ender.join();
  }
}

}  // namespace
}  // namespace bayespfl::server
