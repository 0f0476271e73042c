#include "tests/bench/inspector_loop.h"

#include <unistd.h>

#include <cstddef>

#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "base/cpu_quota.h"
#include "model/inspector/inspector.h"
#include "server/pipeline/render.h"
#include "server/runtime/memory_trimmer.h"

namespace bayespfl {
namespace {

constexpr absl::Duration kLoadPatience = absl::Seconds(120);

// What goes between the processes.
struct Order {
  absl::Duration warm_up;
  absl::Duration duration;
};

class Loop {
 public:
  Loop(const InspectorLoopOptions& options, const Inspector& inspector) : options_(options), inspector_(inspector) {}

  absl::StatusOr<InspectorLoop::Result> Run(const Order& order) {
    absl::StatusOr<InspectorLoop::Result> warm = RunFor(order.warm_up);
    return warm.ok() ? RunFor(order.duration) : warm;
  }

 private:
  absl::StatusOr<InspectorLoop::Result> RunFor(absl::Duration time) {
    InspectorLoop::Result result;
    const absl::StatusOr<ProcessUsage> before = UsageOf(getpid());
    const absl::Time start = absl::Now();
    while (absl::Now() - start < time) {
      if (absl::Status inspected = InspectNext(); !inspected.ok()) return inspected;
      ++result.frames;
    }
    result.duration = absl::Now() - start;
    const absl::StatusOr<ProcessUsage> after = UsageOf(getpid());
    if (!before.ok() || !after.ok()) return absl::UnavailableError("/proc does not say what the process used");
    result.usage = *after - *before;
    return result;
  }

  absl::Status InspectNext() {
    const std::string& bytes = options_.pictures[next_++ % options_.pictures.size()];
    const absl::Span<const uint8_t> picture(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    const absl::StatusOr<InspectedPicture> result =
        inspector_.Inspect({.bytes = picture}, {.category = options_.category}, {});
    if (!result.ok() || !options_.mask) return result.status();
    const Inspection& inspection = result->inspection;
    return server::EncodeMask(ResizeMap(result->map, inspection.frame_width, inspection.frame_height),
                              inspection.mask_threshold, server::MaskEncoding::kPng8)
        .status();
  }

  const InspectorLoopOptions& options_;
  const Inspector& inspector_;
  size_t next_ = 0;
};

// What the child does: tells that it is ready, and obeys until its parent is gone.
absl::Status ObeyParent(const InspectorLoopOptions& options, const ProcessChannel& parent) {
  SetComputeThreads(AvailableCpus());
  const server::MemoryTrimmer memory({.quiet = [] { return false; }});
  const auto inspector = Inspector::Create(options.model, {.device = "cpu"}, "bench");
  if (!inspector.ok()) return inspector.status();
  Loop loop(options, **inspector);
  if (!parent.Send(char{}).ok()) return absl::OkStatus();
  for (;;) {
    const absl::StatusOr<Order> order = parent.Receive<Order>();
    if (!order.ok()) return absl::OkStatus();
    const absl::StatusOr<InspectorLoop::Result> result = loop.Run(*order);
    if (!result.ok()) return result.status();
    if (!parent.Send(*result).ok()) return absl::OkStatus();
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<InspectorLoop>> InspectorLoop::Start(const InspectorLoopOptions& options) {
  absl::StatusOr<std::unique_ptr<ChildProcess>> process = ChildProcess::Start(
      "in-process", [&options](const ProcessChannel& parent) { return ObeyParent(options, parent); });
  if (!process.ok()) return process.status();
  if (!(*process)->channel().Receive<char>(kLoadPatience).ok()) {
    return absl::UnavailableError("the model could not be loaded without a server");
  }
  return std::unique_ptr<InspectorLoop>(new InspectorLoop(*std::move(process)));
}

absl::StatusOr<InspectorLoop::Result> InspectorLoop::Run(absl::Duration warm_up, absl::Duration duration) const {
  if (absl::Status sent = process_->channel().Send(Order{.warm_up = warm_up, .duration = duration}); !sent.ok()) {
    return sent;
  }
  return process_->channel().Receive<Result>();
}

}  // namespace bayespfl
