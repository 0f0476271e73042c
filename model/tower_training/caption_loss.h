// CLIP's contrastive loss (Radford et al. 2021, section 2.3) of pictures and captions: it gives the words of objects
// and of their state a meaning in the towers' common space.
#ifndef BAYESPFL_MODEL_TOWER_TRAINING_CAPTION_LOSS_H_
#define BAYESPFL_MODEL_TOWER_TRAINING_CAPTION_LOSS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/detection/object_reader.h"
#include "model/libtorch.h"
#include "model/network/text_transformer.h"

namespace bayespfl {

// The different captions of a batch: "flawless gear", "damaged gear".
struct Captions {
  std::vector<std::vector<int32_t>> token_ids;  // as ObjectReader gives them
  std::vector<int64_t> of_picture;              // which one is each picture's
};

// Errors of ObjectReader::Read(): a caption may be too long where its object alone is not.
absl::StatusOr<Captions> CaptionsOf(const std::vector<std::string>& objects, const std::vector<bool>& anomalous,
                                    const ObjectReader& reader);

// Their embeddings, [captions, E], unit rows.
torch::Tensor EncodeCaptions(const TextTransformer& text, const Captions& captions, torch::Device device);

// Cross entropy of every picture with the batch's captions: image [N, E], not normalised -> scalar. Pictures of one
// caption do not compete. CLIP's starting temperature, 0.07.
torch::Tensor CaptionLoss(const torch::Tensor& image, const torch::Tensor& captions,
                          const std::vector<int64_t>& of_picture);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TOWER_TRAINING_CAPTION_LOSS_H_
