#include "model/image/demosaic.h"

#include <algorithm>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "absl/strings/str_cat.h"

namespace bayespfl::image_internal {
namespace {

// OpenCV copies the outermost pixels from their neighbours. Mirroring by two pixels, which keeps the pattern, gives
// them an interpolation of their own.
constexpr int kBorder = 2;
// Even, so that every band begins with the same row of the pattern; few enough rows to stay in the cache.
constexpr int kBandRows = 64;

// OpenCV names a pattern after the second row's second and third pixel, PFNC after the first row's first two.
int ToRgbCode(PixelKind pattern) {
  switch (pattern) {
    case PixelKind::kBayerGB:
      return cv::COLOR_BayerGR2RGB;
    case PixelKind::kBayerGR:
      return cv::COLOR_BayerGB2RGB;
    case PixelKind::kBayerBG:
      return cv::COLOR_BayerRG2RGB;
    default:
      return cv::COLOR_BayerBG2RGB;
  }
}

int Mirrored(int i, int size) { return cv::borderInterpolate(i, size, cv::BORDER_REFLECT_101); }

// Row y of the mosaic, which may lie outside, with its border to the left and right.
template <typename Sample>
void ReadRow(const Mosaic<Sample>& mosaic, int y, Sample* padded) {
  Sample* const row = padded + kBorder;
  mosaic.read(Mirrored(y, mosaic.height), row);
  for (int i = 1; i <= kBorder; ++i) {
    row[-i] = row[Mirrored(-i, mosaic.width)];
    row[mosaic.width - 1 + i] = row[Mirrored(mosaic.width - 1 + i, mosaic.width)];
  }
}

}  // namespace

template <typename Sample>
absl::Status Demosaic(const Mosaic<Sample>& mosaic, absl::FunctionRef<void(int y, const Sample* rgb)> write) {
  const int code = ToRgbCode(mosaic.pattern);
  try {
    cv::Mat band(std::min(kBandRows, mosaic.height) + 2 * kBorder, mosaic.width + 2 * kBorder,
                 cv::DataType<Sample>::type);
    cv::Mat color;
    for (int top = 0; top < mosaic.height; top += kBandRows) {
      const int rows = std::min(kBandRows, mosaic.height - top);
      const int padded_rows = rows + 2 * kBorder;
      for (int i = 0; i < padded_rows; ++i) ReadRow(mosaic, top + i - kBorder, band.ptr<Sample>(i));
      cv::cvtColor(band.rowRange(0, padded_rows), color, code);
      for (int i = 0; i < rows; ++i) write(top + i, color.ptr<Sample>(i + kBorder) + 3 * kBorder);
    }
  } catch (const cv::Exception& error) {
    return absl::InternalError(absl::StrCat("Bayer interpolation failed: ", error.err));
  }
  return absl::OkStatus();
}

template absl::Status Demosaic(const Mosaic<uint8_t>&, absl::FunctionRef<void(int, const uint8_t*)>);
template absl::Status Demosaic(const Mosaic<uint16_t>&, absl::FunctionRef<void(int, const uint16_t*)>);

}  // namespace bayespfl::image_internal
