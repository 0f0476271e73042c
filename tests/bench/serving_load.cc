#include "tests/bench/serving_load.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <random>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "bayespfl/client/inspection_client.h"
#include "model/image/encode.h"
#include "model/image/image.h"

namespace bayespfl {
namespace {

namespace v1 = inspection::v1;
using client::FrameStream;
using client::InspectionClient;
using client::StreamReply;

constexpr uint32_t kRgb8 = 0x02180014;  // GenICam's Pixel Format Naming Convention
constexpr int kJpegQuality = 90;
constexpr absl::Duration kFrameTimeout = absl::Seconds(20);

// Gradients compress well and noise does not; together they make files of a camera's size.
RgbImage Draw(int width, int height) {
  RgbImage image{.width = width, .height = height, .pixels = {}};
  image.pixels.reserve(3 * image.pixel_count());
  std::minstd_rand random(1);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const auto noise = static_cast<int>(random() % 16);
      image.pixels.push_back(static_cast<uint8_t>(x * 239 / width + noise));
      image.pixels.push_back(static_cast<uint8_t>(y * 239 / height + noise));
      image.pixels.push_back(static_cast<uint8_t>((x + y) * 239 / (width + height) + noise));
    }
  }
  return image;
}

v1::Image RawImage(int side) {
  const RgbImage picture = Draw(side, side);
  v1::Image image;
  v1::RawImage& raw = *image.mutable_raw();
  raw.set_data(picture.pixels.data(), picture.pixels.size());
  raw.set_width(static_cast<uint32_t>(side));
  raw.set_height(static_cast<uint32_t>(side));
  raw.set_pfnc_pixel_format(kRgb8);
  return image;
}

// What one caller saw; of its own thread, or of its stream's.
struct Tally {
  uint64_t sent_again = 0;
  std::map<std::string, uint64_t> errors;
  std::vector<float> latencies;

  void Answered(const absl::Status& status, absl::Duration latency, bool again) {
    if (!status.ok()) {
      ++errors[absl::StatusCodeToString(status.code())];
      return;
    }
    if (again) ++sent_again;
    latencies.push_back(static_cast<float>(absl::ToDoubleSeconds(latency)));
  }
};

// Where the callers of a case stand.
struct Phase {
  std::atomic<int> under_way{0};  // callers that have had their first reply, or never will
  std::atomic<bool> measured{false};
  std::atomic<bool> over{false};
};

class Caller {
 public:
  // Callers begin with different pictures, by their numbers.
  Caller(const LoadCase& load, const ServingLoadOptions& options, size_t number, Phase& phase)
      : load_(load), options_(options), phase_(phase), next_(number) {
    inspect_options_.set_category(options.category);
    if (options.mask) inspect_options_.set_mask(v1::MASK_ENCODING_PNG8);
  }

  // gRPC lets channels with equal arguments share a connection, and cameras share none: hence a millisecond between
  // callers in an argument that is never felt here.
  absl::Status Connect(const std::string& address) {
    absl::StatusOr<std::unique_ptr<InspectionClient>> client = InspectionClient::Create(
        {.target = address, .timeout = kFrameTimeout, .keepalive_time = absl::Seconds(60) + absl::Milliseconds(next_)});
    if (!client.ok()) return client.status();
    client_ = *std::move(client);
    return absl::OkStatus();
  }

  // Sends until the case is over.
  void Run() {
    if (load_.calls == CallKind::kUnary) {
      Call();
    } else {
      Stream();
    }
    NoteUnderWay();
  }

  const Tally& tally() const { return tally_; }
  // Why it could not go on.
  const absl::Status& status() const { return status_; }

 private:
  void Call() {
    v1::InspectRequest request;
    *request.mutable_options() = inspect_options_;
    while (!phase_.over) {
      *request.mutable_image() = NextImage();
      const absl::Time start = absl::Now();
      const absl::StatusOr<v1::InspectResponse> response = client_->Inspect(request);
      Take(response.status(), absl::Now() - start, response.ok() && response->metadata().attempt() > 0);
    }
  }

  void Stream() {
    const auto on_reply = [this](const StreamReply& reply) {
      Take(reply.result.status(), reply.latency, reply.attempts > 1);
    };
    absl::StatusOr<std::unique_ptr<FrameStream>> stream =
        client_->OpenStream(inspect_options_, {.max_in_flight = options_.in_flight, .frame_timeout = kFrameTimeout},
                            on_reply, [](const absl::Status&) {});
    if (!stream.ok()) {
      status_ = stream.status();
      return;
    }
    bool sent = true;
    while (sent && !phase_.over) {
      client::OutgoingFrame frame;
      *frame.frame.mutable_image() = NextImage();
      sent = (*stream)->Send(std::move(frame)).ok();
    }
    status_ = (*stream)->Finish();
  }

  // On one thread at a time: this caller's, or its stream's.
  void Take(const absl::Status& status, absl::Duration latency, bool again) {
    NoteUnderWay();
    if (phase_.measured) tally_.Answered(status, latency, again);
  }

  // On the same thread, or on this caller's when the stream's has ended.
  void NoteUnderWay() {
    if (!std::exchange(under_way_, true)) ++phase_.under_way;
  }

  const v1::Image& NextImage() {
    const std::vector<v1::Image>& images = load_.picture->images;
    return images[next_++ % images.size()];
  }

  const LoadCase& load_;
  const ServingLoadOptions& options_;
  Phase& phase_;
  size_t next_;
  v1::InspectOptions inspect_options_;
  std::unique_ptr<InspectionClient> client_;
  Tally tally_;
  bool under_way_ = false;
  absl::Status status_;
};

// What both processes used, and when that was.
struct Mark {
  absl::Time time;
  ProcessUsage server;
  ProcessUsage client;
};

absl::StatusOr<Mark> MarkNow(const BenchServer& server) {
  Mark mark{.time = absl::Now(), .server = {}, .client = {}};
  absl::StatusOr<ProcessUsage> used = server.usage();
  if (!used.ok()) return used.status();
  mark.server = *used;
  used = UsageOf(getpid());
  if (!used.ok()) return used.status();
  mark.client = *used;
  return mark;
}

// What comes before every caller has had a reply is no part of a closed loop: the first replies have waited for few
// others.
void WarmUp(const LoadCase& load, const ServingLoadOptions& options, const Phase& phase) {
  const absl::Time latest = absl::Now() + options.warm_up + kFrameTimeout;
  absl::SleepFor(options.warm_up);
  while (phase.under_way < load.callers && absl::Now() < latest) absl::SleepFor(absl::Milliseconds(1));
}

// Frames that were under way when a mark was set count where their reply falls: of thousands it is one or two.
absl::Status Measure(const BenchServer& server, const ServingLoadOptions& options, Phase& phase,
                     ServingResult& result) {
  const absl::StatusOr<Mark> begin = MarkNow(server);
  phase.measured = true;
  absl::SleepFor(options.duration);
  phase.measured = false;
  const absl::StatusOr<Mark> end = MarkNow(server);
  if (!begin.ok() || !end.ok()) return absl::UnavailableError("the server has died");
  result.duration = end->time - begin->time;
  result.server = end->server - begin->server;
  result.client = end->client - begin->client;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<BenchPicture> MakeBenchPicture(absl::string_view name) {
  BenchPicture picture{.name = std::string(name), .images = {}};
  v1::Image& image = picture.images.emplace_back();
  if (name == "raw-64") {
    image = RawImage(64);
  } else if (name == "raw-518") {
    image = RawImage(518);
  } else if (name == "jpeg-2mp") {
    absl::StatusOr<std::string> file = EncodeJpeg(Draw(1632, 1224), kJpegQuality);
    if (!file.ok()) return file.status();
    image.set_encoded(*std::move(file));
  } else {
    return absl::InvalidArgumentError(absl::StrCat("there is no picture ", name));
  }
  return picture;
}

size_t BytesOf(const BenchPicture& picture) {
  size_t sum = 0;
  for (const v1::Image& image : picture.images) {
    sum += image.has_raw() ? image.raw().data().size() : image.encoded().size();
  }
  return sum / picture.images.size();
}

absl::string_view CallKindName(CallKind kind) { return kind == CallKind::kUnary ? "unary" : "stream"; }

uint64_t ServingResult::failed() const {
  uint64_t sum = 0;
  for (const auto& [code, count] : errors) sum += count;
  return sum;
}

double ServingResult::Percentile(double share) const {
  if (latencies.empty()) return 0;
  const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(latencies.size())));
  return latencies[std::clamp<size_t>(rank, 1, latencies.size()) - 1];
}

absl::StatusOr<ServingResult> RunCase(const BenchServer& server, const LoadCase& load,
                                      const ServingLoadOptions& options) {
  Phase phase;
  std::vector<std::unique_ptr<Caller>> callers;
  for (int i = 0; i < load.callers; ++i) {
    callers.push_back(std::make_unique<Caller>(load, options, static_cast<size_t>(i), phase));
    if (absl::Status connected = callers.back()->Connect(server.address()); !connected.ok()) return connected;
  }
  std::vector<std::thread> threads;
  for (const std::unique_ptr<Caller>& caller : callers) threads.emplace_back([&caller] { caller->Run(); });
  WarmUp(load, options, phase);
  ServingResult result;
  absl::Status status = Measure(server, options, phase, result);
  phase.over = true;
  for (std::thread& thread : threads) thread.join();
  for (const std::unique_ptr<Caller>& caller : callers) {
    status.Update(caller->status());
    const Tally& tally = caller->tally();
    result.sent_again += tally.sent_again;
    result.latencies.insert(result.latencies.end(), tally.latencies.begin(), tally.latencies.end());
    for (const auto& [code, count] : tally.errors) result.errors[code] += count;
  }
  if (!status.ok()) return status;
  result.frames = result.latencies.size();
  std::sort(result.latencies.begin(), result.latencies.end());
  return result;
}

}  // namespace bayespfl
