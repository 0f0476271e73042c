#include "client/cpp/load.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <memory>
#include <random>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "bayespfl/client/errors.h"

namespace bayespfl::client {
namespace {

std::string ErrorName(const absl::Status& status) {
  if (absl::IsAborted(status)) return "SKIPPED";
  const std::string reason = ErrorReasonName(ErrorReasonOf(status));
  return reason.empty() ? absl::StatusCodeToString(status.code()) : reason;
}

// What all cameras have in common. Thread-safe.
class Tally {
 public:
  Tally(absl::Time begin, absl::Time end) : begin_(begin), end_(end) {}

  void Offered(absl::Time came) {
    absl::MutexLock lock(&mu_);
    if (Counts(came)) ++offered_;
  }

  void Answered(absl::Time came, const StreamReply& reply) {
    const absl::Time now = absl::Now();
    absl::MutexLock lock(&mu_);
    if (!Counts(came)) return;
    last_ = std::max(last_, now);
    if (!reply.result.ok()) {
      ++report_.errors[ErrorName(reply.result.status())];
      return;
    }
    ++report_.results;
    if (reply.attempts > 1) ++report_.sent_again;
    report_.latencies.push_back(now - came);
  }

  void Broken(const absl::Status& status) {
    absl::MutexLock lock(&mu_);
    if (broken_.ok()) broken_ = status;
  }

  absl::StatusOr<LoadReport> Finish() {
    absl::MutexLock lock(&mu_);
    if (!broken_.ok()) return broken_;
    report_.duration = std::max(last_, end_) - begin_;
    report_.offered = static_cast<double>(offered_) / absl::ToDoubleSeconds(end_ - begin_);
    report_.answered = static_cast<double>(report_.results) / absl::ToDoubleSeconds(report_.duration);
    std::sort(report_.latencies.begin(), report_.latencies.end());
    return std::move(report_);
  }

  absl::Time begin() const { return begin_; }
  absl::Time end() const { return end_; }

 private:
  bool Counts(absl::Time came) const { return came >= begin_ && came < end_; }

  const absl::Time begin_;
  const absl::Time end_;
  absl::Mutex mu_;
  uint64_t offered_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Time last_ ABSL_GUARDED_BY(mu_) = absl::InfinitePast();
  absl::Status broken_ ABSL_GUARDED_BY(mu_);
  LoadReport report_ ABSL_GUARDED_BY(mu_);
};

class Camera {
 public:
  Camera(const InspectionClient& client, const std::vector<std::string>& pictures, const LoadOptions& options,
         int number, Tally& tally)
      : client_(client),
        pictures_(pictures),
        options_(options),
        tally_(tally),
        next_picture_(static_cast<size_t>(number)),
        random_(options.seed + static_cast<uint64_t>(number)) {}

  void Run() {
    auto stream = client_.OpenStream(
        options_.inspect_options, {.max_in_flight = options_.in_flight, .frame_timeout = options_.frame_timeout},
        [this](const StreamReply& reply) { Take(reply); }, [](const absl::Status&) {});
    if (!stream.ok()) return tally_.Broken(stream.status());
    absl::Time next = absl::Now() + FirstPause();
    for (;;) {
      if (options_.arrivals == Arrivals::kClosed) {
        WaitForRoom();
        next = absl::Now();
      } else {
        absl::SleepFor(next - absl::Now());
      }
      if (next >= tally_.end()) break;
      if (!SendOne(**stream, next)) break;
      if (options_.arrivals != Arrivals::kClosed) next += Pause();
    }
    if (const absl::Status end = (*stream)->Finish(); !end.ok()) tally_.Broken(end);
  }

 private:
  bool SendOne(FrameStream& stream, absl::Time came) {
    {
      absl::MutexLock lock(&mu_);
      came_.push_back(came);
    }
    tally_.Offered(came);
    OutgoingFrame frame;
    inspection::v1::Image& image = *frame.frame.mutable_image();
    image.set_encoded(pictures_[next_picture_++ % pictures_.size()]);
    image.set_significant_bits(static_cast<uint32_t>(options_.significant_bits));
    image.set_apply_orientation(options_.apply_orientation);
    return stream.Send(std::move(frame)).ok();
  }

  void Take(const StreamReply& reply) {
    absl::Time came;
    {
      absl::MutexLock lock(&mu_);
      came = came_.front();  // replies come in the order of the frames
      came_.pop_front();
    }
    tally_.Answered(came, reply);
  }

  void WaitForRoom() {
    absl::MutexLock lock(&mu_);
    const auto has_room = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return came_.size() < options_.in_flight; };
    mu_.Await(absl::Condition(&has_room));
  }

  absl::Duration FirstPause() {
    if (options_.arrivals != Arrivals::kRegular) return Pause();
    return absl::Seconds(std::uniform_real_distribution<double>(0, 1 / options_.rate)(random_));
  }

  absl::Duration Pause() {
    switch (options_.arrivals) {
      case Arrivals::kPoisson:
        return absl::Seconds(std::exponential_distribution<double>(options_.rate)(random_));
      case Arrivals::kRegular:
        return absl::Seconds(1 / options_.rate);
      case Arrivals::kClosed:
        break;
    }
    return absl::ZeroDuration();
  }

  const InspectionClient& client_;
  const std::vector<std::string>& pictures_;
  const LoadOptions& options_;
  Tally& tally_;
  size_t next_picture_;
  std::mt19937_64 random_;
  absl::Mutex mu_;
  std::deque<absl::Time> came_ ABSL_GUARDED_BY(mu_);  // of the frames that are not answered
};

absl::Status Check(const std::vector<std::string>& pictures, const LoadOptions& options) {
  if (pictures.empty()) return absl::InvalidArgumentError("no picture to send");
  if (options.cameras < 1) return absl::InvalidArgumentError("there must be at least one camera");
  if (options.duration <= absl::ZeroDuration() || options.warm_up < absl::ZeroDuration()) {
    return absl::InvalidArgumentError("the duration must be positive, and the warm-up not negative");
  }
  if (options.arrivals != Arrivals::kClosed && !(options.rate > 0)) {
    return absl::InvalidArgumentError("the rate must be positive");
  }
  return absl::OkStatus();
}

}  // namespace

uint64_t LoadReport::failed() const {
  uint64_t sum = 0;
  for (const auto& [reason, count] : errors) sum += count;
  return sum;
}

absl::Duration LoadReport::Percentile(double share) const {
  if (latencies.empty()) return absl::ZeroDuration();
  const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(latencies.size())));
  return latencies[std::clamp<size_t>(rank, 1, latencies.size()) - 1];
}

absl::StatusOr<LoadReport> RunLoad(const InspectionClient& client, const std::vector<std::string>& pictures,
                                   const LoadOptions& options) {
  if (const absl::Status wrong = Check(pictures, options); !wrong.ok()) return wrong;
  const absl::Time begin = absl::Now() + options.warm_up;
  Tally tally(begin, begin + options.duration);
  std::vector<std::unique_ptr<Camera>> cameras;
  std::vector<std::thread> threads;
  for (int i = 0; i < options.cameras; ++i) {
    cameras.push_back(std::make_unique<Camera>(client, pictures, options, i, tally));
    threads.emplace_back([camera = cameras.back().get()] { camera->Run(); });
  }
  for (std::thread& thread : threads) thread.join();
  return tally.Finish();
}

absl::StatusOr<int> LargestThatHolds(int most, const std::function<absl::StatusOr<bool>(int)>& holds) {
  int good = 0;
  int bad = most + 1;
  for (int next = 1; next <= most && bad > most; next = next < most ? std::min(2 * next, most) : most + 1) {
    const absl::StatusOr<bool> held = holds(next);
    if (!held.ok()) return held.status();
    (*held ? good : bad) = next;
  }
  while (bad - good > 1) {
    const int next = good + (bad - good) / 2;
    const absl::StatusOr<bool> held = holds(next);
    if (!held.ok()) return held.status();
    (*held ? good : bad) = next;
  }
  return good;
}

}  // namespace bayespfl::client
