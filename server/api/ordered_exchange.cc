#include "server/api/ordered_exchange.h"

#include <utility>

namespace bayespfl::server {

void OrderedExchange::Advance() {
  {
    MutexLock lock(mu_);
    if (std::exchange(issuing_, true)) return;  // that thread sees what has changed
  }
  for (;;) {
    std::optional<Step> step;
    {
      MutexLock lock(mu_);
      step = NextStep();
      if (!step.has_value()) issuing_ = false;
    }
    budget_.WakeWaiters();  // replies may have been dropped, or sent before
    if (!step.has_value()) return;
    const bool last = step->finish.has_value();
    Issue(*step);
    if (last) return;  // `this` may be gone
  }
}

// Marks what it returns as under way. After the end `issuing_` stays set, so that nobody issues anything any more.
std::optional<OrderedExchange::Step> OrderedExchange::NextStep() {
  if (abandoned_) DropReplies();
  if (!writing_.has_value() && HasReply()) {
    writing_ = PopSlot();
    return Step{.write = writing_->reply};
  }
  if (MayRead()) {
    reading_ = true;
    return Step{.read = true};
  }
  if (!ending_.has_value() || !slots_.empty() || writing_.has_value() || handling_ > 0) return std::nullopt;
  finished_ = true;
  return Step{.finish = ending_};
}

void OrderedExchange::Issue(const Step& step) {
  if (step.write.has_value()) return transport_.IssueWrite(*step.write);
  if (step.read) return transport_.IssueRead();
  transport_.IssueFinish(*step.finish);
}

void OrderedExchange::MessageRead() {
  MutexLock lock(mu_);
  reading_ = false;
  ++handling_;
}

void OrderedExchange::HoldMessage() {
  MutexLock lock(mu_);
  ++handling_;
}

void OrderedExchange::MessageHandled() {
  {
    MutexLock lock(mu_);
    --handling_;
  }
  Advance();
}

void OrderedExchange::ReadEnded() {
  {
    MutexLock lock(mu_);
    reading_ = false;
  }
  EndWith(absl::OkStatus());
}

void OrderedExchange::WriteEnded() {
  {
    MutexLock lock(mu_);
    NoteGone(*writing_);
    writing_.reset();
  }
  Advance();
}

void OrderedExchange::RoomAgain() {
  {
    MutexLock lock(mu_);
    waiting_for_room_ = false;
  }
  Advance();
}

std::optional<uint64_t> OrderedExchange::AddSlot(size_t weight) {
  MutexLock lock(mu_);
  if (finished_) return std::nullopt;
  slots_.push_back({.weight = weight});
  unsent_ += weight;
  return first_sequence_ + slots_.size() - 1;
}

void OrderedExchange::FillSlot(uint64_t sequence, ReplyPayload reply, std::function<void()> on_gone) {
  MutexLock lock(mu_);
  AddUnsentBytes(static_cast<int64_t>(reply.bytes));
  Slot& slot = slots_[sequence - first_sequence_];
  slot.reply = std::move(reply);
  slot.on_gone = std::move(on_gone);
}

void OrderedExchange::EndWith(const absl::Status& status) {
  SetEnding(status);
  Advance();
}

void OrderedExchange::SetEnding(const absl::Status& status) {
  MutexLock lock(mu_);
  if (!ending_.has_value()) ending_ = status;
}

void OrderedExchange::Abandon(const absl::Status& status) {
  MutexLock lock(mu_);
  abandoned_ = true;
  ending_ = status;
}

void OrderedExchange::SetMaxUnsent(size_t frames) {
  MutexLock lock(mu_);
  limits_.max_unsent = frames;
}

bool OrderedExchange::MayRead() {
  const bool wants = !reading_ && handling_ == 0 && !ending_.has_value() && unsent_ < limits_.max_unsent &&
                     unsent_bytes_ < static_cast<int64_t>(limits_.max_unsent_bytes);
  if (!wants || unsent_ == 0) return wants;
  if (!waiting_for_room_) waiting_for_room_ = budget_.WaitIfFull(transport_.Waker());
  return !waiting_for_room_;
}

// The first slot can leave.
bool OrderedExchange::HasReply() const { return !slots_.empty() && slots_.front().reply.has_value(); }

void OrderedExchange::DropReplies() {
  while (HasReply()) NoteGone(PopSlot());
}

OrderedExchange::Slot OrderedExchange::PopSlot() {
  Slot slot = std::move(slots_.front());
  slots_.pop_front();
  ++first_sequence_;
  return slot;
}

void OrderedExchange::NoteGone(const Slot& slot) {
  unsent_ -= slot.weight;
  if (slot.reply.has_value()) AddUnsentBytes(-static_cast<int64_t>(slot.reply->bytes));
  if (slot.on_gone) slot.on_gone();
}

void OrderedExchange::AddUnsentBytes(int64_t change) {
  unsent_bytes_ += change;
  budget_.Add(change);
}

}  // namespace bayespfl::server
