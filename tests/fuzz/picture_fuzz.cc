// Pictures from cameras: encoded files and raw pixels.
#include <optional>
#include <utility>
#include <vector>

#include "model/image/decode.h"
#include "model/image/orientation.h"
#include "tests/fuzz/fuzz_target.h"

namespace {

using bayespfl::fuzz::Check;

constexpr bayespfl::ImageLimits kLimits{.max_bytes = 1 << 20, .max_pixels = 1 << 16};

const std::vector<bayespfl::PixelFormat> kFormats = bayespfl::AllPixelFormats();

void CheckPicture(const absl::StatusOr<bayespfl::RgbImage>& picture) {
  if (!picture.ok()) {
    Check(absl::IsInvalidArgument(picture.status()), "another code than InvalidArgument");
    return;
  }
  Check(picture->width > 0 && picture->height > 0, "an empty picture");
  Check(picture->pixel_count() <= static_cast<size_t>(kLimits.max_pixels), "more pixels than allowed");
  Check(picture->pixels.size() == 3 * picture->pixel_count(), "bytes that do not fit the size");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  absl::StatusOr<bayespfl::RgbImage> stored = bayespfl::DecodeImage({data, size}, kLimits);
  CheckPicture(stored);
  const bayespfl::Orientation orientation = bayespfl::ExifOrientation({data, size});
  if (stored.ok()) CheckPicture(bayespfl::TurnUpright(*std::move(stored), orientation));
  constexpr size_t kHeader = 6;
  if (size < kHeader) return 0;
  const std::optional<int> bits = data[5] == 0 ? std::nullopt : std::optional<int>(data[5]);
  const bayespfl::RawImage raw{.data = {data + kHeader, size - kHeader},
                               .width = data[1] + 256 * (data[4] & 1),
                               .height = data[2],
                               .stride = data[3],
                               .format = kFormats[data[0] % kFormats.size()],
                               .max_trailing_bytes = data[4] / 2};
  CheckPicture(bayespfl::ConvertRawImage(raw, kLimits, bits));
  return 0;
}
