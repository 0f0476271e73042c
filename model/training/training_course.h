// When a training run keeps what it has, changes its stage and ends.
#ifndef BAYESPFL_MODEL_TRAINING_TRAINING_COURSE_H_
#define BAYESPFL_MODEL_TRAINING_TRAINING_COURSE_H_

#include <cstdint>

#include "model/training/epoch_record.h"

namespace bayespfl {

struct CourseOptions {
  int64_t epochs = 30;   // at most
  int64_t patience = 3;  // epochs without improvement that are borne; the next one ends the stage
};

// Where a run stands after an epoch. A plain value, saved with the rest.
struct TrainingCourse {
  int stage = 1;         // where it begins; 0: the towers' (training_task.h), which none follows
  int64_t epochs = 0;    // that are done
  double best = 0;       // of the stage's own score: image AP in stage 2, else pixel AP
  int64_t patience = 0;  // epochs since the best one; patience + 1 when stage 2 begins, as in the reference
  bool finished = false;

  bool operator==(const TrainingCourse&) const = default;
};

enum class AfterEpoch {
  kKeep,     // the best epoch of its stage so far, or as good: keep a copy of the weights
  kWait,     // no better
  kRestore,  // the stage is over: take the kept copy; the course is in stage 2 or finished
};

// Counts the epoch that was just validated. Stage 1 ends at the fourth epoch in a row that is worse than the best (with
// the default options), stages 2 and 0 likewise and the run with them; the run also ends after the last epoch there may
// be. The first epoch of a stage is always its best so far. Requires a course that is not finished.
AfterEpoch CountEpoch(const CourseOptions& options, const ValidationScores& scores, TrainingCourse& course);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_TRAINING_COURSE_H_
