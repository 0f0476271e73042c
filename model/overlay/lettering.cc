#include "model/overlay/lettering.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "absl/strings/str_cat.h"

namespace bayespfl::overlay_internal {
namespace {

// Letters are drawn this much larger and then averaged down: OpenCV's own anti-aliasing leaves them ragged.
constexpr int kOversampling = 4;

// Of the enlarged letters' lines, pixels.
int Thickness(const Lettering& text) {
  return std::max(1, static_cast<int>(std::lround(text.scale * kOversampling * 1.6)));
}

// ASCII spellings of U+00C0..U+00FF, in order.
constexpr std::array<const char*, 64> kLatin1 = {
    "A", "A", "A", "A", "Ae", "A", "AE", "C", "E", "E", "E", "E", "I",  "I", "I",  "I",   //
    "D", "N", "O", "O", "O",  "O", "Oe", "x", "O", "U", "U", "U", "Ue", "Y", "Th", "ss",  //
    "a", "a", "a", "a", "ae", "a", "ae", "c", "e", "e", "e", "e", "i",  "i", "i",  "i",   //
    "d", "n", "o", "o", "o",  "o", "oe", "/", "o", "u", "u", "u", "ue", "y", "th", "y"};

}  // namespace

double Lettering::Width() const {
  int baseline = 0;
  const cv::Size size =
      cv::getTextSize(words, cv::FONT_HERSHEY_SIMPLEX, scale * kOversampling, Thickness(*this), &baseline);
  return static_cast<double>(size.width) / kOversampling;
}

double Lettering::Height() const { return 21.0 * scale; }

void Draw(cv::Mat& canvas, const Lettering& text, double x, double y, const cv::Scalar& colour) {
  const int pad = static_cast<int>(std::ceil(text.Height()));
  const cv::Rect wanted(static_cast<int>(std::floor(x)) - pad, static_cast<int>(std::floor(y)) - 2 * pad,
                        static_cast<int>(std::ceil(text.Width())) + 2 * pad, 4 * pad);
  const cv::Rect area = wanted & cv::Rect(cv::Point(), canvas.size());
  if (area.empty()) return;
  cv::Mat ink(area.size() * kOversampling, CV_8UC1, cv::Scalar(0));
  const cv::Point origin(static_cast<int>(std::lround((x - area.x) * kOversampling)),
                         static_cast<int>(std::lround((y + text.Height() / 2 - area.y) * kOversampling)));
  cv::putText(ink, text.words, origin, cv::FONT_HERSHEY_SIMPLEX, text.scale * kOversampling, cv::Scalar(255),
              Thickness(text), cv::LINE_AA);
  cv::Mat coverage;
  cv::resize(ink, coverage, area.size(), 0, 0, cv::INTER_AREA);
  coverage.convertTo(coverage, CV_32F, 1.0 / 255);
  cv::Mat target = canvas(area);
  const cv::Mat paint(area.size(), CV_8UC3, colour);
  cv::blendLinear(paint, target, coverage, 1.0 - coverage, target);
}

Lettering Fit(Lettering text, double width) {
  const std::string whole = text.words;
  for (size_t kept = whole.size(); kept > 0 && text.Width() > width; --kept) {
    text.words = absl::StrCat(whole.substr(0, kept - 1), "...");
  }
  return text;
}

std::string DrawableText(absl::string_view text) {
  std::string drawable;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x20 && byte < 0x7F) {
      drawable.push_back(text[i]);
    } else if (byte == 0xC3 && i + 1 < text.size()) {  // U+00C0..U+00FF are C3 80..C3 BF
      drawable += kLatin1[static_cast<unsigned char>(text[++i]) & 0x3FU];
    } else if ((byte & 0xC0U) != 0x80U) {  // one mark for a whole character: continuation bytes say nothing new
      drawable.push_back('?');
    }
  }
  return drawable;
}

}  // namespace bayespfl::overlay_internal
