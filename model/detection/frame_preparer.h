// The first step of Bayes-PFL detection: from a frame to what the network takes. No LibTorch.
#ifndef BAYESPFL_MODEL_DETECTION_FRAME_PREPARER_H_
#define BAYESPFL_MODEL_DETECTION_FRAME_PREPARER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/detection/detection.h"
#include "model/detection/detector.h"
#include "model/detection/object_reader.h"
#include "model/package/model_config.h"

namespace bayespfl {

class BayesPflFrame final : public PreparedFrame {
 public:
  [[nodiscard]] size_t bytes() const override {
    return input.size() * sizeof(float) + token_ids.size() * sizeof(int32_t);
  }

  FrameSettings settings;
  std::vector<int32_t> token_ids;  // of the prompt (ObjectReader)
  std::vector<float> input;        // [3, S, S], normalised
  double seconds = 0;              // that preparing it took
};

// Immutable; thread-safe.
class FramePreparer {
 public:
  FramePreparer(ModelConfig config, ObjectReader reader);

  // As Detector says.
  absl::StatusOr<std::unique_ptr<const BayesPflFrame>> Prepare(const Frame& frame) const;
  absl::Status Validate(absl::string_view object, int samples) const;

 private:
  ModelConfig config_;
  ObjectReader reader_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_DETECTION_FRAME_PREPARER_H_
