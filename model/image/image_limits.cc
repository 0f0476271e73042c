#include "model/image/image_limits.h"

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace bayespfl {
namespace {

constexpr absl::string_view kOverLimitPayload = "bayespfl.image/over_limit";

absl::Status OverLimit(absl::string_view message) {
  absl::Status status = absl::InvalidArgumentError(message);
  status.SetPayload(kOverLimitPayload, absl::Cord());
  return status;
}

}  // namespace

bool IsOverImageLimit(const absl::Status& status) { return status.GetPayload(kOverLimitPayload).has_value(); }

namespace image_internal {

absl::Status CheckByteLimit(size_t bytes, const ImageLimits& limits) {
  if (bytes == 0) return absl::InvalidArgumentError("image is empty");
  if (limits.max_bytes < 0 || bytes > static_cast<uint64_t>(limits.max_bytes)) {
    return OverLimit(absl::StrCat("image has ", bytes, " bytes, over the limit max_image_bytes = ", limits.max_bytes));
  }
  return absl::OkStatus();
}

absl::Status CheckPixelLimit(int64_t width, int64_t height, const ImageLimits& limits) {
  if (width <= 0 || height <= 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("image is ", width, " x ", height, " pixels; both sides must be positive"));
  }
  if (width > limits.max_pixels / height) {
    return OverLimit(absl::StrCat("image is ", width, " x ", height,
                                  " pixels, over the limit max_image_pixels = ", limits.max_pixels));
  }
  if (width > kMaxSide || height > kMaxSide) {
    return OverLimit(absl::StrCat("image is ", width, " x ", height, " pixels; no side may be longer than ", kMaxSide));
  }
  if (limits.gate != nullptr) limits.gate->Enter(width * height);
  return absl::OkStatus();
}

absl::Status CheckSignificantBits(std::optional<int> significant_bits) {
  if (!significant_bits.has_value()) return absl::OkStatus();
  if (*significant_bits >= kFewestSignificantBits && *significant_bits <= kMostSignificantBits) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("significant_bits is ", *significant_bits, "; expected ",
                                                 kFewestSignificantBits, " to ", kMostSignificantBits));
}

}  // namespace image_internal
}  // namespace bayespfl
