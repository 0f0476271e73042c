// report.html: tables, plots and pictures of an evaluation in one self-contained file.
//
// Style sheet, plots (SVG) and pictures (JPEG as data: URIs) stand in the file; it loads nothing, runs no script,
// follows the reader's light or dark setting and prints in light. Everything that comes from the data set is escaped.
#ifndef BAYESPFL_MODEL_EVALUATION_HTML_REPORT_H_
#define BAYESPFL_MODEL_EVALUATION_HTML_REPORT_H_

#include <string>
#include <vector>

#include "model/evaluation/evaluation.h"
#include "model/evaluation/gallery.h"

namespace bayespfl {

// `galleries`: one for each of the evaluation's categories, in their order; or none at all: no pictures.
std::string HtmlReport(const Evaluation& evaluation, const std::vector<Gallery>& galleries);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_EVALUATION_HTML_REPORT_H_
