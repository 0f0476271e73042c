// What a client of the Open Inference Protocol may send: tensors whose shapes and contents disagree, odd parameters.
#include <memory>
#include <string>
#include <variant>

#include "server/api/kserve_translate.h"
#include "tests/fuzz/frame_checks.h"
#include "tests/fuzz/fuzz_target.h"

namespace {

using bayespfl::fuzz::Check;
using bayespfl::server::EncodedImage;
using bayespfl::server::FrameRequest;

constexpr int kMaxFrames = 8;

// Touches the first and the last byte of the picture: AddressSanitizer tells whether they are there.
void CheckPicture(const FrameRequest& frame) {
  const auto* encoded = std::get_if<EncodedImage>(&frame.image.pixels);
  const absl::Span<const uint8_t> data =
      encoded != nullptr ? encoded->data : std::get<bayespfl::RawImage>(frame.image.pixels).data;
  Check(!data.empty(), "empty picture");
  const volatile uint8_t* bytes = data.data();
  Check(bytes[0] + bytes[data.size() - 1] <= 2 * 255, "bytes");
  if (encoded != nullptr) return;
  const auto& raw = std::get<bayespfl::RawImage>(frame.image.pixels);
  Check(static_cast<uint64_t>(raw.width) * static_cast<uint64_t>(raw.height) * 3 == data.size(), "size of pixels");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto request = std::make_shared<inference::ModelInferRequest>();
  if (!request->ParseFromArray(data, static_cast<int>(size))) return 0;
  const auto inference =
      bayespfl::server::InferenceFromProto(request, {.image_limits = {}, .max_frames_in_flight = kMaxFrames});
  request.reset();  // the frames own what they borrow
  if (!inference.ok()) {
    Check(absl::IsInvalidArgument(inference.status()), "another code than InvalidArgument");
    return 0;
  }
  Check(!inference->frames.empty() && inference->frames.size() <= size_t{kMaxFrames}, "number of frames");
  Check(!inference->outputs.empty(), "no outputs");
  for (const FrameRequest& frame : inference->frames) {
    CheckPicture(frame);
    bayespfl::fuzz::CheckOptions(frame.options);
  }
  return 0;
}
