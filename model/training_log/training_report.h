// report.html of a training run: what it was made of, curves, a row for each epoch, and pictures of what it learned.
#ifndef BAYESPFL_MODEL_TRAINING_LOG_TRAINING_REPORT_H_
#define BAYESPFL_MODEL_TRAINING_LOG_TRAINING_REPORT_H_

#include <string>
#include <utility>
#include <vector>

#include "model/training/epoch_record.h"

namespace bayespfl {

struct ReportPicture {
  std::string caption;
  std::string jpeg;  // picture, map and ground truth (model/overlay/thumbnail.h)
};

struct TrainingReport {
  std::string title;
  std::vector<std::pair<std::string, std::string>> facts = {};  // in their order; a "... digest" is shown small
  std::vector<EpochRecord> epochs = {};
  std::vector<ReportPicture> pictures = {};  // of the validation, by the trained model
  std::vector<std::string> notes = {};       // sentences that a reader should know
};

// One self-contained file (model/evaluation/html_page.h). All text is escaped.
std::string TrainingReportHtml(const TrainingReport& report);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_LOG_TRAINING_REPORT_H_
