// The order of a bidirectional call that answers every message it has read once, in order: what may start when, without
// knowing of gRPC. OrderedStream is gRPC's side of it.
#ifndef BAYESPFL_SERVER_API_ORDERED_EXCHANGE_H_
#define BAYESPFL_SERVER_API_ORDERED_EXCHANGE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "base/mutex.h"
#include "server/api/unsent_budget.h"

namespace bayespfl::server {

// A reply as it will be sent. What it is, only the transport knows.
struct ReplyPayload {
  std::shared_ptr<const void> data;
  size_t bytes = 0;
};

// The call that an exchange runs over. One thread at a time is inside it, nothing is called after IssueFinish(), and
// nothing is under way then but possibly a read. An operation may end before the call that starts it has returned, on
// this thread or another.
class ExchangeTransport {
 public:
  virtual ~ExchangeTransport() = default;

  // Ends in MessageRead() or ReadEnded(); comes again only after that.
  virtual void IssueRead() = 0;

  // Ends in WriteEnded(); comes again only after that. The exchange holds the payload's data until then.
  virtual void IssueWrite(const ReplyPayload& reply) = 0;

  // The call ends with `status`. The transport, and the exchange with it, may be gone when this returns.
  virtual void IssueFinish(const absl::Status& status) = 0;

  // What calls the exchange's RoomAgain(), from any thread, or does nothing when that is gone by then. It is asked for
  // under the exchange's lock.
  virtual std::function<void()> Waker() = 0;
};

struct ExchangeLimits {
  size_t max_unsent = 4;               // >= 1; frames read whose replies are not sent; then reading stops
  size_t max_unsent_bytes = 64 << 20;  // >= 1; of replies that wait to be sent; then reading stops as well, as it does
                                       // when the budget is full and a reply is owed
};

// At most one read, one write and many frames are under way at a time.
//
// Replies wait in `slots_`, one for each message that is answered and whose reply is not being written, in the
// messages' order; a slot is filled when its message is answered. Whatever happens changes the state under the lock and
// then calls Advance(), the only place that starts a read, a write or the end.
//
// The transport is called outside the lock, so a thread may be held up between the decision to start something and the
// start, for as long as the machine likes; the call must not end in between, for then there is nothing left to start it
// on. Therefore one thread at a time issues: a thread that finds another one at it only leaves its change, which the
// other one sees, because it looks again after each call. The end is the last thing that any thread issues, when
// `ending_` is set and every slot has been filled and sent.
//
// Thread-safe. Whoever calls a method keeps the object alive meanwhile.
class OrderedExchange {
 public:
  // The transport and the budget, which counts the bytes of replies that wait to be sent, outlive the object.
  OrderedExchange(const ExchangeLimits& limits, ExchangeTransport& transport, UnsentBudget& budget)
      : limits_(limits), transport_(transport), budget_(budget) {}
  OrderedExchange(const OrderedExchange&) = delete;
  OrderedExchange& operator=(const OrderedExchange&) = delete;

  // Starts whatever can start now.
  void Advance();

  // A read has brought a message, which is being looked at until MessageHandled(): no read and no end meanwhile.
  void MessageRead();
  // While a message is being handled: one more MessageHandled() will come, perhaps long after, before the next read.
  void HoldMessage();
  // Advance() follows.
  void MessageHandled();
  // A read has brought the end of the client's messages, or failed: EndWith(OK).
  void ReadEnded();

  // Advance() follows.
  void WriteEnded();

  // The budget is not full any more.
  void RoomAgain();

  // A place for the reply to the message that is being handled; it counts as `weight` >= 1 frames until its reply is
  // sent. None when the call has ended.
  std::optional<uint64_t> AddSlot(size_t weight);

  // Fills the slot. Outside of a message's handling, Advance() must follow. `on_gone` is called once, when the reply
  // was sent or dropped; it is quick and never calls back. It may be empty.
  void FillSlot(uint64_t sequence, ReplyPayload reply, std::function<void()> on_gone = {});

  // No more messages are read, those read are answered, then the call ends with `status`. The first reason stands.
  void EndWith(const absl::Status& status);
  // The same, for use while a message is being handled.
  void SetEnding(const absl::Status& status);

  // The client is gone: replies are dropped instead of sent, and `status` is the reason of the end, whatever was said
  // before. Advance() must follow.
  void Abandon(const absl::Status& status);

  // From now on reading stops at this many frames whose replies are not sent.
  void SetMaxUnsent(size_t frames);

 private:
  struct Slot {
    size_t weight = 1;
    std::optional<ReplyPayload> reply = std::nullopt;
    std::function<void()> on_gone = {};
  };
  // What to issue next; at most one of the three.
  struct Step {
    bool read = false;
    std::optional<ReplyPayload> write = std::nullopt;
    std::optional<absl::Status> finish = std::nullopt;
  };

  std::optional<Step> NextStep() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Issue(const Step& step);
  void DropReplies() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool MayRead() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool HasReply() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Slot PopSlot() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void NoteGone(const Slot& slot) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void AddUnsentBytes(int64_t change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Mutex mu_;
  ExchangeLimits limits_ ABSL_GUARDED_BY(mu_);
  ExchangeTransport& transport_;  // called by the thread that has set `issuing_`
  UnsentBudget& budget_;
  std::deque<Slot> slots_ ABSL_GUARDED_BY(mu_);
  uint64_t first_sequence_ ABSL_GUARDED_BY(mu_) = 0;         // of slots_.front()
  size_t unsent_ ABSL_GUARDED_BY(mu_) = 0;                   // weight of the slots and of the write under way
  int64_t unsent_bytes_ ABSL_GUARDED_BY(mu_) = 0;            // of the replies in the slots and of the write under way
  std::optional<Slot> writing_ ABSL_GUARDED_BY(mu_);         // the write under way
  std::optional<absl::Status> ending_ ABSL_GUARDED_BY(mu_);  // how the call ends; set: nothing more is read
  bool reading_ ABSL_GUARDED_BY(mu_) = false;                // a read is under way
  int handling_ ABSL_GUARDED_BY(mu_) = 0;                    // who is not done with the message that was read last
  bool waiting_for_room_ ABSL_GUARDED_BY(mu_) = false;       // RoomAgain() will come
  bool issuing_ ABSL_GUARDED_BY(mu_) = false;                // a thread is in Advance() and may be inside the transport
  bool abandoned_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_ORDERED_EXCHANGE_H_
