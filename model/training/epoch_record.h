// What a run says of its steps and epochs, as plain numbers: no LibTorch.
#ifndef BAYESPFL_MODEL_TRAINING_EPOCH_RECORD_H_
#define BAYESPFL_MODEL_TRAINING_EPOCH_RECORD_H_

#include <array>
#include <cstdint>

namespace bayespfl {

// The losses of a step, or their means over an epoch: with their weights, summed over layers; 0 for terms that the
// stage does not have.
struct LossValues {
  double cross_entropy = 0;
  double focal = 0;
  double dice = 0;
  double kl = 0;  // of all three distributions
  double orthogonality = 0;
  double auxiliary = 0;  // this and the next two: where the towers learn
  double captions = 0;
  double distillation = 0;
  double total = 0;

  bool operator==(const LossValues&) const = default;
};

// A loss as tables and states name it.
struct LossColumn {
  const char* name;
  double LossValues::* value;
  int last_stage;  // of 0 (the towers'), 1 and 2: later ones do not have it

  [[nodiscard]] constexpr bool Has(int stage) const { return stage <= last_stage; }
};

inline constexpr std::array<LossColumn, 9> kLossColumns = {{{"total", &LossValues::total, 2},
                                                            {"cross_entropy", &LossValues::cross_entropy, 2},
                                                            {"focal", &LossValues::focal, 1},
                                                            {"dice", &LossValues::dice, 1},
                                                            {"kl", &LossValues::kl, 1},
                                                            {"orthogonality", &LossValues::orthogonality, 1},
                                                            {"auxiliary", &LossValues::auxiliary, 0},
                                                            {"captions", &LossValues::captions, 0},
                                                            {"distillation", &LossValues::distillation, 0}}};

// What a validation measures: means over the classes, 0..1.
struct ValidationScores {
  double pixel_ap = 0;
  double image_ap = 0;

  bool operator==(const ValidationScores&) const = default;
};

// One epoch, as reports show it.
struct EpochRecord {
  int64_t epoch = 0;  // 1 for the first
  int stage = 1;
  LossValues loss;  // means over the epoch's steps
  ValidationScores validation;
  bool kept = false;  // the weights were the best of their stage so far

  bool operator==(const EpochRecord&) const = default;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_EPOCH_RECORD_H_
