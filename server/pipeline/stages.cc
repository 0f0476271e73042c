#include "server/pipeline/stages.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "absl/time/clock.h"
#include "model/image/picture_reading.h"
#include "model/inspector/assemble.h"
#include "model/verdict/result_id.h"
#include "server/pipeline/error_reason.h"
#include "server/pipeline/render.h"
#include "server/pipeline/steady_time.h"

namespace bayespfl::server {
namespace {

// What decoding takes of memory for a pixel at its height: the RGB picture, and a second one while it is turned
// upright, interpolated or converted.
constexpr int64_t kDecodingBytes = 6;

// What a map or a mask takes for a pixel of the frame while it is encoded: floats, and the bytes that are sent.
constexpr int64_t kEncodingBytes = 8;

// Takes its share once the picture's size is known, and keeps it for as long as it lives.
class DecodingShare final : public PixelGate {
 public:
  explicit DecodingShare(WorkingMemory& memory) : memory_(memory) {}

  void Enter(int64_t pixels) override {
    if (std::exchange(entered_, true)) return;
    share_ = memory_.Take(kDecodingBytes * pixels);
  }

 private:
  WorkingMemory& memory_;
  WorkingMemory::Share share_;
  bool entered_ = false;
};

// Maps of the model's size are those that waited; only those of the frame's are made here.
int64_t EncodingBytes(const FrameOptions& options, const Inspection& frame) {
  if (options.resolution != MapSize::kFrame) return 0;
  const bool map = options.anomaly_map != MapEncoding::kNone || options.mask != MaskEncoding::kNone;
  const int maps = (map ? 1 : 0) + (options.deviation_map != MapEncoding::kNone ? 1 : 0);
  return kEncodingBytes * maps * frame.frame_width * frame.frame_height;
}

// The verdict looks at the smoothed map at the model's size; larger maps are made only for who wants them (Render()).
bayespfl::Frame ModelFrame(const RgbImage& image, const Job& job) {
  bayespfl::Frame frame = JudgedFrame(image, job.setting);
  frame.map_deviation = job.request.options.deviation_map != MapEncoding::kNone;
  return frame;
}

PictureIdentity IdentityOf(const ImageSource& source) {
  const int significant_bits = source.significant_bits.value_or(0);
  const auto* raw = std::get_if<RawImage>(&source.pixels);
  if (raw == nullptr) {
    PictureIdentity identity =
        bayespfl::IdentityOf(std::get<EncodedImage>(source.pixels).data, std::nullopt, significant_bits);
    identity.apply_orientation = source.apply_orientation;
    return identity;
  }
  return bayespfl::IdentityOf(raw->data,
                              RawGeometry{.width = static_cast<uint32_t>(raw->width),
                                          .height = static_cast<uint32_t>(raw->height),
                                          .stride = static_cast<uint32_t>(raw->stride),
                                          .pfnc_pixel_format = PfncValue(raw->format),
                                          .max_trailing_bytes = static_cast<uint32_t>(raw->max_trailing_bytes)},
                              significant_bits);
}

// The picture's own errors, which the client can mend; others are the server's.
absl::Status WithPictureReason(const absl::Status& status) {
  if (!absl::IsInvalidArgument(status)) return status;
  return WithReason(status, IsOverImageLimit(status) ? ErrorReason::kPictureTooLarge : ErrorReason::kInvalidPicture);
}

std::vector<StageTiming> TimingsOf(const FrameSeconds& frame, const StageSeconds& model, double total) {
  return {{"queue", frame.queue},
          {"decode", frame.decode},
          {"preprocess", model.preprocess},
          {"vision", model.vision},
          {"prompts", model.prompts},
          {"detect", model.detect},
          {"postprocess", model.postprocess},
          {"render", frame.render},
          {"total", total}};
}

}  // namespace

void Stages::Start() {
  MutexLock lock(threads_mu_);
  for (int i = 0; i < options_.decode_threads; ++i) threads_.emplace_back([this] { DecodeLoop(); });
  for (size_t i = 0; i < static_cast<size_t>(options_.replicas); ++i) {
    threads_.emplace_back([this, i] { executor_.Run(i); });
  }
  for (int i = 0; i < options_.render_threads; ++i) threads_.emplace_back([this] { RenderLoop(); });
  threads_.emplace_back([this] { flow_.DropExpired(); });
  threads_.emplace_back([this] { executor_.Watch(); });
}

void Stages::Join() {
  executor_.Stop();
  MutexLock lock(threads_mu_);
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Stages::DecodeLoop() {
  for (;;) {
    std::vector<JobPtr> jobs = flow_.Take(PipelineQueue::kDecode);
    if (jobs.empty()) return;
    if (!flow_.DropIfDead(jobs.front(), Stage::kDecode)) DecodeOne(std::move(jobs.front()));
  }
}

void Stages::DecodeOne(JobPtr job) {
  const SteadyTime start = std::chrono::steady_clock::now();
  absl::Status ready = DecodeAndPrepare(*job);
  NoteStep(job->request.timeline, FrameStep::kDecode, start, /*batch=*/0, !ready.ok());
  if (!ready.ok()) return flow_.Answer(std::move(job), std::move(ready));
  flow_.Forward(std::move(job), PipelineQueue::kExecute);
}

// The decoded picture lives in here only: while the frame waits, it holds what was prepared of it.
absl::Status Stages::DecodeAndPrepare(Job& job) {
  const SteadyTime start = std::chrono::steady_clock::now();
  Inspection& inspection = job.outcome.inspection;
  inspection.provenance.picture = IdentityOf(job.request.image);
  DecodingShare share(working_);  // outlives the picture
  const absl::StatusOr<RgbImage> image = Decode(job.request.image, share);
  if (!image.ok()) return WithPictureReason(image.status());
  const auto* const encoded = std::get_if<EncodedImage>(&job.request.image.pixels);
  if (encoded != nullptr) NoteOrientation(encoded->data, job.setting, inspection);
  job.request.image = {};
  job.request.owner.reset();  // the encoded bytes are not needed any more
  NotePicture(*image, inspection);
  if (job.request.options.picture != PictureEncoding::kNone) {
    absl::StatusOr<EncodedPicture> picture = EncodePicture(*image, job.request.options.picture);
    if (absl::IsInvalidArgument(picture.status())) {
      return WithReason(picture.status(), ErrorReason::kPictureTooLarge);
    }
    if (!picture.ok()) return picture.status();
    job.outcome.picture = *std::move(picture);
  }
  job.seconds.decode = SecondsSince(start);
  absl::StatusOr<std::unique_ptr<const PreparedFrame>> prepared = job.model->Prepare(ModelFrame(*image, job));
  if (!prepared.ok()) return prepared.status();
  job.prepared = *std::move(prepared);
  return absl::OkStatus();
}

absl::StatusOr<RgbImage> Stages::Decode(const ImageSource& source, PixelGate& gate) const {
  if (options_.faults != nullptr) {
    const absl::Status fault = options_.faults->Check(Fault::kDecodeError);
    if (!fault.ok()) return fault;
  }
  ImageLimits limits = options_.image_limits;
  limits.gate = &gate;
  if (const auto* raw = std::get_if<RawImage>(&source.pixels)) {
    return ConvertRawImage(*raw, limits, source.significant_bits);
  }
  const absl::Span<const uint8_t> encoded = std::get<EncodedImage>(source.pixels).data;
  return ReadPicture(
      encoded, {.significant_bits = source.significant_bits, .apply_orientation = source.apply_orientation}, limits);
}

void Stages::RenderLoop() {
  for (;;) {
    std::vector<JobPtr> jobs = flow_.Take(PipelineQueue::kRender);
    if (jobs.empty()) return;
    if (!flow_.DropIfDead(jobs.front(), Stage::kRender)) RenderOne(std::move(jobs.front()));
  }
}

void Stages::RenderOne(JobPtr job) {
  const SteadyTime taken = std::chrono::steady_clock::now();
  const WorkingMemory::Share share =
      working_.Take(EncodingBytes(job->request.options, job->outcome.inspection));  // until the reply is made of it
  const Detection detection = job->model->Finish(std::move(job->computed));
  const SteadyTime start = std::chrono::steady_clock::now();
  InspectionOutcome& outcome = job->outcome;
  absl::Status rendered = Render(detection, job->setting, job->request.options, outcome);
  job->seconds.render = SecondsSince(start);
  NoteStep(job->request.timeline, FrameStep::kRender, taken, /*batch=*/0, !rendered.ok());
  if (!rendered.ok()) return flow_.Answer(std::move(job), std::move(rendered));
  if (flow_.DropIfDead(job, Stage::kReply)) return;
  NoteProvenance(*job->model, outcome.inspection.provenance);
  outcome.inspection.timings = TimingsOf(job->seconds, detection.seconds, SecondsSince(job->request.arrival));
  FrameResult result = std::move(outcome);
  flow_.Answer(std::move(job), std::move(result));
}

// What the pipeline knows: the numbers' own part stands there already.
void Stages::NoteProvenance(const ServedModel& model, Provenance& provenance) const {
  NoteModel(model.info(), provenance);
  provenance.result_id = NewResultId(absl::Now());
  provenance.model = model.name();
  provenance.server_version = options_.server_version;
}

}  // namespace bayespfl::server
