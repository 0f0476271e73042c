#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/training_run/training_run.h"

namespace bayespfl {
namespace {

std::string Duration(double seconds) {
  if (seconds < 60) return absl::StrFormat("%.1f s", seconds);
  if (seconds < 3600) return absl::StrFormat("%.0f min", seconds / 60);
  return absl::StrFormat("%.1f h", seconds / 3600);
}

}  // namespace

std::string TrainingPlan::Text() const {
  std::string text =
      absl::StrFormat("would read   %d pictures to learn from (%d anomalous), %d to validate with; %d are left out\n",
                      training_pictures, training_anomalous, validation_pictures, bad_pictures);
  if (cached_pictures > 0) {
    absl::StrAppendFormat(&text, "would cache  the features of %d pictures, %.2f GB\n", cached_pictures,
                          static_cast<double>(cache_bytes) / 1e9);
  } else {
    absl::StrAppend(&text, "would cache  nothing: every epoch asks the frozen tower again\n");
  }
  absl::StrAppendFormat(
      &text, "would cost   %s for the first epoch, %s for a later one (%d steps of %s; %s to encode a picture)\n",
      Duration(first_epoch_seconds), Duration(later_epoch_seconds), batches, Duration(seconds_of_step),
      Duration(seconds_of_encoding));
  return text;
}

}  // namespace bayespfl
