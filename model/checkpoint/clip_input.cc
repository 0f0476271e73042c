#include "model/checkpoint/clip_input.h"

namespace bayespfl {
namespace {

constexpr float kReferenceSigma = 8;
constexpr float kReferenceImageSize = 518;

}  // namespace

void SetClipInput(ModelConfig& config) {
  config.mean = {0.48145466F, 0.4578275F, 0.40821073F};
  config.stddev = {0.26862954F, 0.26130258F, 0.27577711F};
  config.map_smoothing_sigma = kReferenceSigma * static_cast<float>(config.image_size) / kReferenceImageSize;
  config.category_names = {
      {"macaroni1", "macaroni"},         {"macaroni2", "macaroni"},         {"pcb1", "printed circuit board"},
      {"pcb2", "printed circuit board"}, {"pcb3", "printed circuit board"}, {"pcb4", "printed circuit board"},
      {"pipe_fryum", "pipe fryum"},      {"chewinggum", "chewing gum"},     {"metal_nut", "metal nut"}};
}

}  // namespace bayespfl
