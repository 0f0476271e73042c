#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/terminal_text.h"
#include "model/report/report.h"

namespace bayespfl {
namespace {

constexpr size_t kWidestImage = 40;
constexpr size_t kWidestCategory = 24;

std::string RuleOf(const Decision& decision) {
  return decision.rule.has_value() ? std::string(RuleName(*decision.rule)) : "-";
}

std::string VerdictOf(const Decision& decision) {
  return decision.verdict == Verdict::kNone ? "none" : std::string(VerdictName(decision.verdict));
}

std::string Cell(const std::string& text, size_t width) { return PadRight(KeepEnd(OneLine(text), width), width); }

class TableReporter final : public Reporter {
 public:
  TableReporter(std::ostream& stream, const std::vector<PictureLabel>& pictures) : stream_(stream) {
    for (const PictureLabel& picture : pictures) {
      image_width_ = std::max(image_width_, std::min(Columns(OneLine(picture.name)), kWidestImage));
      category_width_ = std::max(category_width_, std::min(Columns(OneLine(picture.category)), kWidestCategory));
    }
  }

  void Report(const PictureLabel& picture, const PictureOutcome& outcome) override {
    Header();
    ++frames_;
    stream_ << Cell(picture.name, image_width_) << "  " << Cell(picture.category, category_width_) << "  ";
    if (outcome.result.ok()) {
      Row(*outcome.result, outcome.latency);
    } else {
      ++failed_;
      const absl::Status& status = outcome.result.status();
      stream_ << absl::StatusCodeToString(status.code());
      if (!outcome.hints.reason.empty()) stream_ << " (" << OneLine(outcome.hints.reason) << ")";
      stream_ << ": " << OneLine(status.message());
    }
    stream_ << std::endl;  // at once: a run may take long, and its output may go through a pipe
  }

  void ReportUnanswered(const PictureLabel&, const absl::Status&, const ErrorHints&) override { ++unanswered_; }

  void Finish(absl::Duration elapsed) override {
    if (frames_ == 0) return;
    const double seconds = absl::ToDoubleSeconds(elapsed);
    const double rate = seconds > 0 ? static_cast<double>(frames_) / seconds : 0;
    stream_ << absl::StreamFormat("\n%d frame%s, %d failed, ", frames_, frames_ == 1 ? "" : "s", failed_);
    if (unanswered_ > 0) stream_ << unanswered_ << " not answered, ";
    for (const Verdict verdict : {Verdict::kPass, Verdict::kReview, Verdict::kFail}) {
      const size_t count = verdicts_[static_cast<size_t>(verdict)];
      if (count > 0) stream_ << count << " " << VerdictName(verdict) << ", ";
    }
    const size_t undecided = verdicts_[static_cast<size_t>(Verdict::kNone)];
    if (undecided > 0) stream_ << undecided << " without a verdict, ";
    stream_ << absl::StreamFormat("%.1f frames/s, %.1f s", rate, seconds) << std::endl;
    for (const auto& [message, count] : warnings_) {
      stream_ << "warning: " << count << " of " << frames_ << (frames_ == 1 ? " picture: " : " pictures: ")
              << OneLine(message) << std::endl;
    }
  }

 private:
  void Header() {
    if (header_printed_) return;
    header_printed_ = true;
    stream_ << PadRight("image", image_width_) << "  " << PadRight("category", category_width_)
            << "  verdict  decided by   score    map      area     latency\n";
  }

  void Row(const Inspection& result, absl::Duration latency) {
    ++verdicts_[static_cast<size_t>(result.decision.verdict)];
    for (const Warning& warning : result.warnings) ++warnings_[warning.message];
    stream_ << absl::StreamFormat("%-7s  %-11s  %5.3f  %5.3f  %6.2f %%  %7.1f ms", VerdictOf(result.decision),
                                  RuleOf(result.decision), result.score, result.map_score,
                                  100 * result.mask_area_fraction, absl::ToDoubleMilliseconds(latency));
  }

  std::ostream& stream_;
  size_t image_width_ = 5;  // of the headings, at least
  size_t category_width_ = 8;
  bool header_printed_ = false;
  size_t frames_ = 0;  // with a result or an error of their own
  size_t failed_ = 0;
  size_t unanswered_ = 0;
  std::array<size_t, 4> verdicts_ = {};     // by Verdict
  std::map<std::string, size_t> warnings_;  // results that have it, by its message
};

}  // namespace

std::unique_ptr<Reporter> MakeTableReporter(std::ostream& stream, const std::vector<PictureLabel>& pictures) {
  return std::make_unique<TableReporter>(stream, pictures);
}

}  // namespace bayespfl
