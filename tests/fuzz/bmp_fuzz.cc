// BMP files, whose decoder is our own: everything behind the signature.
#include <vector>

#include "model/image/bmp.h"
#include "tests/fuzz/fuzz_target.h"

namespace {

using bayespfl::fuzz::Check;

constexpr bayespfl::ImageLimits kLimits{.max_bytes = 1 << 20, .max_pixels = 1 << 16};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<uint8_t> file = {'B', 'M'};
  file.insert(file.end(), data, data + size);
  const absl::StatusOr<bayespfl::RgbImage> picture = bayespfl::image_internal::DecodeBmp(file, kLimits);
  if (!picture.ok()) {
    Check(absl::IsInvalidArgument(picture.status()), "another code than InvalidArgument");
    return 0;
  }
  Check(picture->width > 0 && picture->height > 0, "an empty picture");
  Check(picture->pixel_count() <= static_cast<size_t>(kLimits.max_pixels), "more pixels than allowed");
  Check(picture->pixels.size() == 3 * picture->pixel_count(), "bytes that do not fit the size");
  return 0;
}
