#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/terminal_text.h"
#include "client/cpp/report.h"

namespace bayespfl::client {
namespace {

constexpr size_t kWidestColumn = 48;

class TableReporter final : public Reporter {
 public:
  TableReporter(std::ostream& stream, const std::vector<Input>& inputs) : stream_(stream) {
    for (const Input& input : inputs) {
      image_width_ = std::max(image_width_, std::min(Columns(OneLine(input.name)), kWidestColumn));
      category_width_ = std::max(category_width_, std::min(Columns(OneLine(input.category)), kWidestColumn));
    }
  }

  void Report(const Input& input, const Outcome& outcome) override {
    Header();
    stream_ << Cell(input.name, image_width_) << "  " << Cell(input.category, category_width_) << "  ";
    if (outcome.result.ok()) {
      const inspection::v1::InspectResponse& result = *outcome.result;
      stream_ << absl::StreamFormat("%5.3f  %9.3f  %7.1f ms  %9d px  %6.2f %%", result.score(), result.map_score(),
                                    absl::ToDoubleMilliseconds(outcome.latency), result.mask_area_pixels(),
                                    100 * result.mask_area_fraction());
    } else {
      stream_ << OneLine(outcome.result.status().ToString(absl::StatusToStringMode::kWithNoExtraData));
    }
    stream_ << std::endl;  // at once: a run may take long, and its output may go through a pipe
  }

  void ReportUnanswered(const Input&, const absl::Status&) override {}

  void Finish(const RunSummary& summary) override {
    const size_t frames = summary.answered + summary.failed;
    if (frames + summary.unanswered == 0 || (frames == 0 && !summary.broken.ok())) return;
    const double seconds = absl::ToDoubleSeconds(summary.elapsed);
    const double rate = seconds > 0 ? static_cast<double>(frames) / seconds : 0;
    stream_ << absl::StreamFormat("\n%d frame%s, %d failed, ", frames, frames == 1 ? "" : "s", summary.failed);
    if (summary.unanswered > 0) stream_ << summary.unanswered << " not answered, ";
    stream_ << absl::StreamFormat("%.1f frames/s, %.1f s", rate, seconds) << std::endl;
  }

 private:
  void Header() {
    if (header_printed_) return;
    header_printed_ = true;
    stream_ << PadRight("image", image_width_) << "  " << PadRight("category", category_width_)
            << "  score  map score     latency     mask area      part\n";
  }

  static std::string Cell(const std::string& text, size_t width) {
    return PadRight(KeepEnd(OneLine(text), width), width);
  }

  std::ostream& stream_;
  size_t image_width_ = 5;  // of the headings, at least
  size_t category_width_ = 8;
  bool header_printed_ = false;
};

}  // namespace

std::unique_ptr<Reporter> MakeTableReporter(std::ostream& stream, const std::vector<Input>& inputs) {
  return std::make_unique<TableReporter>(stream, inputs);
}

}  // namespace bayespfl::client
