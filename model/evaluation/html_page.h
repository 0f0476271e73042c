// What all reports in HTML share: one self-contained file with a style sheet, in which plots (svg_plot.h) and pictures
// find their colours. It loads nothing, runs no script, follows the reader's light or dark setting and prints in light.
#ifndef BAYESPFL_MODEL_EVALUATION_HTML_PAGE_H_
#define BAYESPFL_MODEL_EVALUATION_HTML_PAGE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace bayespfl {

// `body` is markup; `title` is text.
std::string HtmlPage(absl::string_view title, absl::string_view body);

// <TAG class="CSS">TEXT</TAG>; an empty `css` is left out. `text` is escaped.
std::string Element(absl::string_view tag, absl::string_view css, absl::string_view text);

// Names with their values. A name that ends with "digest" has its value in small letters.
std::string FactList(const std::vector<std::pair<std::string, std::string>>& facts);

// <img>, with the JPEG inside the page. `alt` is text.
std::string InlineJpeg(absl::string_view alt, absl::string_view jpeg);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_EVALUATION_HTML_PAGE_H_
