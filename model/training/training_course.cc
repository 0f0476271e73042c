#include "model/training/training_course.h"

namespace bayespfl {
namespace {

void BeginStage2(const CourseOptions& options, TrainingCourse& course) {
  course.stage = 2;
  course.best = 0;
  course.patience = options.patience + 1;
}

}  // namespace

AfterEpoch CountEpoch(const CourseOptions& options, const ValidationScores& scores, TrainingCourse& course) {
  ++course.epochs;
  const double score = course.stage == 2 ? scores.image_ap : scores.pixel_ap;
  if (score >= course.best) {
    course.best = score;
    course.patience = 0;
    course.finished = course.epochs >= options.epochs;
    return AfterEpoch::kKeep;
  }
  const bool stage_is_over = course.patience >= options.patience;
  // A stage 2 that would have no epoch does not begin.
  course.finished = course.epochs >= options.epochs || (stage_is_over && course.stage != 1);
  if (course.finished) return AfterEpoch::kRestore;
  if (!stage_is_over) {
    ++course.patience;
    return AfterEpoch::kWait;
  }
  BeginStage2(options, course);
  return AfterEpoch::kRestore;
}

}  // namespace bayespfl
