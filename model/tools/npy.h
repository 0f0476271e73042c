// Writer of NumPy's .npy format, version 1.0.
#ifndef BAYESPFL_MODEL_TOOLS_NPY_H_
#define BAYESPFL_MODEL_TOOLS_NPY_H_

#include <string>

#include "absl/status/status.h"
#include "model/detection/pixel_map.h"

namespace bayespfl {

// Writes a map as float32 [height, width], little-endian, C order; errors as WriteFile().
absl::Status WriteNpy(const std::string& path, const PixelMap& map);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TOOLS_NPY_H_
