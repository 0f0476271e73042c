#include "model/evaluation/html_page.h"

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "model/evaluation/svg_plot.h"

namespace bayespfl {
namespace {

// Series colours are Okabe and Ito's, which stay apart with every kind of colour blindness.
constexpr absl::string_view kStyle = R"css(
:root { color-scheme: light dark; --ink: #1c1f23; --faint: #626a73; --paper: #ffffff; --panel: #f6f7f8; --rule: #d9dde1;
  --grid: #e8eaed; --c0: #0072b2; --c1: #d55e00; --c2: #009e73; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8ea; --faint: #9aa3ad; --paper: #15181b; --panel: #1d2125;
  --rule: #373d44; --grid: #2a2f35; --c0: #56b4e9; --c1: #e69f00; --c2: #2ec495; } }
@media print { :root { color-scheme: light; --ink: #000000; --faint: #444444; --paper: #ffffff; --panel: #ffffff;
  --rule: #bbbbbb; --grid: #e4e4e4; --c0: #0072b2; --c1: #d55e00; --c2: #009e73; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; }
main { max-width: 1360px; margin: 0 auto; padding: 28px 24px 60px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 16px; overflow-wrap: anywhere; }
h2 { font-size: 20px; margin: 40px 0 10px; padding-bottom: 4px; border-bottom: 1px solid var(--rule);
  overflow-wrap: anywhere; }
h3 { font-size: 14px; margin: 20px 0 8px; font-weight: 600; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 18px; margin: 0; font-size: 14px; }
dt { color: var(--faint); }
dd { margin: 0; overflow-wrap: anywhere; }
.digest { font: 12px/1.7 ui-monospace, "DejaVu Sans Mono", monospace; color: var(--faint); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13.5px; font-variant-numeric: tabular-nums; width: 100%; }
th, td { padding: 4px 7px; text-align: right; white-space: nowrap; }
th { font-weight: 600; }
thead tr:last-child th { border-bottom: 1px solid var(--ink); }
th.group { text-align: center; border-bottom: 1px solid var(--rule); }
.first { border-left: 1px solid var(--rule); }
.name { text-align: left; white-space: normal; overflow-wrap: anywhere; min-width: 9em; font-weight: normal; }
thead .name { font-weight: 600; }
tbody tr:nth-child(even) { background: var(--panel); }
tfoot td, tfoot th.name { border-top: 1px solid var(--ink); font-weight: 600; }
ul { padding-left: 20px; margin: 8px 0; font-size: 14px; max-width: 980px; }
li { margin: 4px 0; }
a { color: var(--c0); }
.counts { color: var(--faint); margin: 0 0 10px; font-size: 14px; }
.plots { display: grid; grid-template-columns: repeat(4, 1fr); gap: 10px; }
.plot { width: 100%; height: auto; display: block; background: var(--panel); border-radius: 6px; }
.plot text { fill: var(--ink); font-size: 11px; }
.plot .title { font-size: 13px; font-weight: 600; }
.plot .tick, .plot .none { fill: var(--faint); font-size: 10px; }
.plot .grid { stroke: var(--grid); fill: none; }
.plot .axis { stroke: var(--faint); fill: none; }
.plot .chance { stroke: var(--faint); fill: none; stroke-dasharray: 2 4; }
.line-0, .line-1, .line-2 { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.line-0 { stroke: var(--c0); }
.line-1 { stroke: var(--c1); stroke-dasharray: 7 3; }
.line-2 { stroke: var(--c2); stroke-dasharray: 2 2.5; }
.bar-0 { fill: var(--c0); fill-opacity: 0.45; stroke: var(--c0); }
.bar-1 { fill: url(#hatch); stroke: var(--c1); stroke-width: 1.6; }
.hatch { stroke: var(--c1); stroke-width: 1.6; }
.strip { display: grid; grid-template-columns: repeat(4, 1fr); gap: 10px; }
figure { margin: 0; background: var(--panel); border-radius: 6px; overflow: hidden; }
figure img { display: block; width: 100%; height: 216px; object-fit: contain; }
figcaption { padding: 5px 8px 7px; font-size: 12px; line-height: 1.4; font-variant-numeric: tabular-nums;
  overflow-wrap: anywhere; }
figcaption span { color: var(--faint); }
figcaption b { font-weight: normal; white-space: nowrap; }
figcaption div { display: flex; flex-wrap: wrap; column-gap: 12px; }
.hidden { position: absolute; width: 0; height: 0; }
@media (max-width: 900px) { .plots, .strip { grid-template-columns: repeat(2, 1fr); } }
@media print { @page { size: A4 landscape; margin: 12mm; } main { max-width: none; padding: 0; }
  body { font-size: 11px; } table { font-size: 10px; } section { break-before: page; }
  figure, .plot, tr { break-inside: avoid; } h2, h3 { break-after: avoid; } figure img { height: 150px; }
  .bar-0, figure img, tbody tr { print-color-adjust: exact; } }
)css";

// The pattern of anomalous bars; one for all plots of the page.
constexpr absl::string_view kHatch =
    "<svg class=\"hidden\" aria-hidden=\"true\"><defs><pattern id=\"hatch\" width=\"6\" height=\"6\" "
    "patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><path class=\"hatch\" d=\"M0 0V6\"/></pattern>"
    "</defs></svg>\n";

}  // namespace

std::string HtmlPage(absl::string_view title, absl::string_view body) {
  return absl::StrCat("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
                      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
                      Element("title", "", title), "\n<style>", kStyle, "</style>\n</head>\n<body>\n", kHatch,
                      "<main>\n", body, "</main>\n</body>\n</html>\n");
}

std::string Element(absl::string_view tag, absl::string_view css, absl::string_view text) {
  const std::string attribute = css.empty() ? "" : absl::StrCat(" class=\"", css, "\"");
  return absl::StrCat("<", tag, attribute, ">", EscapeMarkup(text), "</", tag, ">");
}

std::string FactList(const std::vector<std::pair<std::string, std::string>>& facts) {
  std::string html = "<dl>\n";
  for (const auto& [name, value] : facts) {
    const bool digest = absl::EndsWith(name, "digest");
    absl::StrAppend(&html, Element("dt", "", name), Element("dd", digest ? "digest" : "", value), "\n");
  }
  return absl::StrCat(html, "</dl>\n");
}

std::string InlineJpeg(absl::string_view alt, absl::string_view jpeg) {
  const std::string text = EscapeMarkup(alt);
  return absl::StrCat("<img alt=\"", text, "\" title=\"", text, "\" src=\"data:image/jpeg;base64,",
                      absl::Base64Escape(jpeg), "\">");
}

}  // namespace bayespfl
