// What a result is put together of: the picture, the model, the detection. The server's threads and the tools' one use
// the same functions, so that both say the same of a picture. No LibTorch. All thread-safe.
#ifndef BAYESPFL_MODEL_INSPECTOR_ASSEMBLE_H_
#define BAYESPFL_MODEL_INSPECTOR_ASSEMBLE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "model/detection/detection.h"
#include "model/image/image.h"
#include "model/verdict/categories.h"
#include "model/verdict/inspection.h"

namespace bayespfl {

// The frame whose detection is judged: with the smoothed map at the model's size. Borrows the picture.
Frame JudgedFrame(const RgbImage& image, const CategorySetting& setting);

// `bytes` as they came; the rest as PictureIdentity says.
PictureIdentity IdentityOf(absl::Span<const uint8_t> bytes, const std::optional<RawGeometry>& raw,
                           int significant_bits);

// Fills in the frame's size and what there is to warn of.
void NotePicture(const RgbImage& image, Inspection& inspection);

// Adds a warning when the encoded picture stands otherwise than the good pictures of its category (StandsOtherwise()).
// Requires the inspection to have the picture's identity.
void NoteOrientation(absl::Span<const uint8_t> encoded, const CategorySetting& setting, Inspection& inspection);

// Fills in what the model is: digest, version, precision, kernels, device; not the name that requests call it by.
void NoteModel(const ModelInfo& info, Provenance& provenance);

// Fills in what the detection of a JudgedFrame() says, and what follows from it: category, object, scores, seed,
// samples and everything that Judge() does. Requires the inspection to have the frame's size. Internal: a score, or
// a pixel of a map, that is not a number, or no map.
absl::Status NoteDetection(const Detection& detection, const std::string& category, const CategorySetting& setting,
                           const JudgeOptions& options, Inspection& inspection);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_INSPECTOR_ASSEMBLE_H_
