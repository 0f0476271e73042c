// Where frames wait before a stage: bounded, ordered, and free to leave from any place.
#ifndef BAYESPFL_SERVER_PIPELINE_WAITING_LINE_H_
#define BAYESPFL_SERVER_PIPELINE_WAITING_LINE_H_

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "base/mutex.h"
#include "server/pipeline/steady_time.h"
#include "server/pipeline/waiting_threads.h"

namespace bayespfl::server {

// An item's place in a line.
struct Place {
  uint64_t id = 0;                          // unique among the items of the line
  SteadyTime rank;                          // who is served first: the smallest rank, then the smallest id
  SteadyTime deadline = SteadyTime::max();  // when it must leave unserved
  size_t bytes = 0;                         // what it weighs
  const void* group = nullptr;              // only items of one group are taken together
  size_t most_together = SIZE_MAX;          // and no more of them than this, >= 1; it is the smallest that counts
  size_t cost = 1;                          // >= 1; of whoever takes it
  size_t most_cost = SIZE_MAX;              // of those that are taken together, unless it is one alone; the smallest
};

// Every method may be called from any thread. T is moved in and out. An item wakes one thread that can serve it, and
// room one that can fill it, however many wait: a stage has as many threads as there are processors.
template <typename T>
class WaitingLine {
 public:
  // At most `max_items` (at least 1) wait, and no more than `max_bytes` of them together, unless it is a single one.
  WaitingLine(size_t max_items, size_t max_bytes) : max_items_(max_items), max_bytes_(max_bytes) {}
  WaitingLine(const WaitingLine&) = delete;
  WaitingLine& operator=(const WaitingLine&) = delete;

  // Waits while there is no room: this is how a slow stage holds up the one before it. False, and `item` untouched,
  // when the line is closed.
  [[nodiscard]] bool Push(const Place& place, T& item) {
    MutexLock lock(mu_);
    while (!HasRoom(place.bytes) && !closed_) {
      pushers_.Wait(mu_, place.bytes);
      if (!HasRoom(place.bytes)) WakePusher();  // others were faster, and what is left may do for somebody else
    }
    if (closed_) return false;
    Insert(place, item);
    WakePusher();
    return true;
  }

  // The same, without waiting for room: for items that were inside before.
  [[nodiscard]] bool PushBack(const Place& place, T& item) {
    MutexLock lock(mu_);
    if (closed_) return false;
    Insert(place, item);
    return true;
  }

  // Takes up to `max_items` of the group that is served first, and no more than their places say, among those for which
  // `accepts(group)` is true. When none waits, the caller waits for one item and takes it at once: who is idle gains
  // nothing by waiting. When fewer than `max_items` of them wait already (the caller was busy), and more may be taken
  // together, it gives others a chance to join until the longest waiting of them has waited for `max_delay`. Empty only
  // when the line is closed and everything acceptable in it was taken. `accepts` must not call back; after its answers
  // have changed, call Wake().
  template <typename Accepts>
  std::vector<T> Take(size_t max_items, std::chrono::nanoseconds max_delay, Accepts accepts) {
    MutexLock lock(mu_);
    for (;;) {
      const bool was_idle = First(accepts) == items_.end();
      while (First(accepts) == items_.end() && !closed_) {
        takers_.Wait(mu_, GroupCheck(accepts));
        if (First(accepts) == items_.end()) WakeTakers();  // it may accept less than when it was woken
      }
      if (First(accepts) == items_.end()) return {};
      if (!was_idle) Linger(max_items, max_delay, accepts);
      std::vector<T> taken = TakeFirstGroup(max_items, accepts);
      if (!taken.empty()) return taken;  // while lingering, another taker may have been faster
    }
  }
  std::vector<T> Take(size_t max_items, std::chrono::nanoseconds max_delay) {
    return Take(max_items, max_delay, [](const void* /*group*/) { return true; });
  }

  // Lets takers look again.
  void Wake() {
    MutexLock lock(mu_);
    takers_.WakeAll();
    arrived_.NotifyAll();
  }

  // Takes one item out of its place. nullopt: it is not there (any more).
  std::optional<T> Remove(uint64_t id) {
    MutexLock lock(mu_);
    const auto rank = ranks_.find(id);
    if (rank == ranks_.end()) return std::nullopt;
    return Extract(items_.find({rank->second, id}));
  }

  // Takes out every item for which `leaves(place, item)` is true. `leaves` must not call back.
  template <typename Predicate>
  std::vector<T> RemoveIf(Predicate leaves) {
    MutexLock lock(mu_);
    std::vector<T> removed;
    for (auto position = items_.begin(); position != items_.end();) {
      const auto current = position++;
      if (leaves(current->second.place, current->second.item)) removed.push_back(Extract(current));
    }
    return removed;
  }

  // The earliest deadline of those who wait; SteadyTime::max() when there is none.
  SteadyTime NextDeadline() const {
    MutexLock lock(mu_);
    SteadyTime next = SteadyTime::max();
    for (const auto& [key, entry] : items_) next = std::min(next, entry.place.deadline);
    return next;
  }

  // Refuses new items; those inside can still be taken.
  void Close() {
    MutexLock lock(mu_);
    closed_ = true;
    takers_.WakeAll();
    pushers_.WakeAll();
    arrived_.NotifyAll();
  }

  [[nodiscard]] size_t size() const {
    MutexLock lock(mu_);
    return items_.size();
  }

 private:
  using Key = std::pair<SteadyTime, uint64_t>;
  using GroupCheck = absl::FunctionRef<bool(const void* group)>;
  struct Entry {
    Place place;
    SteadyTime entered;
    T item;
  };
  using Position = typename std::map<Key, Entry>::iterator;

  // The bytes of the largest item that has room now; nullopt: none has. A single one always does.
  std::optional<size_t> Room() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (items_.empty()) return SIZE_MAX;
    if (items_.size() >= max_items_) return std::nullopt;
    return max_bytes_ - std::min(max_bytes_, bytes_);
  }
  bool HasRoom(size_t bytes) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const std::optional<size_t> room = Room();
    return room.has_value() && bytes <= *room;
  }

  void Insert(const Place& place, T& item) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    bytes_ += place.bytes;
    ranks_.emplace(place.id, place.rank);
    items_.emplace(Key{place.rank, place.id}, Entry{place, std::chrono::steady_clock::now(), std::move(item)});
    WakeTaker(place.group);
    arrived_.NotifyAll();  // of those who linger each may want it
  }

  T Extract(Position position) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    T item = std::move(position->second.item);
    bytes_ -= position->second.place.bytes;
    ranks_.erase(position->second.place.id);
    items_.erase(position);
    WakePusher();
    return item;
  }

  // One that could serve an item of the group.
  bool WakeTaker(const void* group) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return takers_.WakeOne([group](const GroupCheck& accepts) { return accepts(group); });
  }

  // One for whatever waits.
  void WakeTakers() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    for (const auto& [key, entry] : items_) {
      if (WakeTaker(entry.place.group)) return;
    }
  }

  // One whose item would fit; when that is inside it wakes the next.
  void WakePusher() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const std::optional<size_t> room = Room();
    if (room.has_value()) pushers_.WakeOne([room](size_t bytes) { return bytes <= *room; });
  }

  template <typename Accepts>
  Position First(Accepts accepts) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    auto position = items_.begin();
    while (position != items_.end() && !accepts(position->second.place.group)) ++position;
    return position;
  }

  // Those that would be taken now: the first one, and those of its group that may be taken with it.
  struct Together {
    std::vector<Position> entries;
    size_t cost = 0;
    size_t most_entries = 0;
    size_t most_cost = SIZE_MAX;

    // Whether one more could join them.
    bool MayGrow() const { return entries.size() < most_entries && cost < most_cost; }
  };

  template <typename Accepts>
  Together FirstTogether(size_t max_items, Accepts accepts) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    Together together;
    together.most_entries = max_items;
    const Position first = First(accepts);
    for (auto entry = first; entry != items_.end() && together.MayGrow(); ++entry) {
      const Place& place = entry->second.place;
      if (place.group != first->second.place.group || together.entries.size() >= place.most_together) continue;
      const size_t most_cost = std::min(together.most_cost, place.most_cost);
      if (entry != first && place.cost > most_cost - std::min(most_cost, together.cost)) continue;
      together.entries.push_back(entry);
      together.cost += place.cost;
      together.most_entries = std::min(together.most_entries, place.most_together);
      together.most_cost = most_cost;
    }
    return together;
  }

  template <typename Accepts>
  void Linger(size_t max_items, std::chrono::nanoseconds max_delay, Accepts accepts)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    while (!closed_) {
      const Together together = FirstTogether(max_items, accepts);
      if (together.entries.empty() || !together.MayGrow()) return;
      SteadyTime longest = SteadyTime::max();
      for (const Position entry : together.entries) longest = std::min(longest, entry->second.entered);
      if (std::chrono::steady_clock::now() >= longest + max_delay || !arrived_.WaitUntil(mu_, longest + max_delay)) {
        return;
      }
    }
  }

  template <typename Accepts>
  std::vector<T> TakeFirstGroup(size_t max_items, Accepts accepts) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    std::vector<T> taken;
    for (const Position entry : FirstTogether(max_items, accepts).entries) taken.push_back(Extract(entry));
    return taken;
  }

  const size_t max_items_;
  const size_t max_bytes_;
  mutable Mutex mu_;
  WaitingThreads<GroupCheck> takers_ ABSL_GUARDED_BY(mu_);  // idle ones, with what they accept
  CondVar arrived_;                                         // of takers that linger
  WaitingThreads<size_t> pushers_ ABSL_GUARDED_BY(mu_);     // with the bytes of their items
  std::map<Key, Entry> items_ ABSL_GUARDED_BY(mu_);
  std::map<uint64_t, SteadyTime> ranks_ ABSL_GUARDED_BY(mu_);  // by id
  size_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_WAITING_LINE_H_
