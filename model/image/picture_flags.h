// The flags of every command that reads pictures.
#ifndef BAYESPFL_MODEL_IMAGE_PICTURE_FLAGS_H_
#define BAYESPFL_MODEL_IMAGE_PICTURE_FLAGS_H_

#include <CLI/CLI.hpp>

#include "model/image/decode.h"

namespace bayespfl {

// Adds --significant-bits. `bits` outlives the parsing; it stays 0 without the flag.
inline void AddSignificantBits(CLI::App& command, int& bits) {
  command
      .add_option("--significant-bits", bits,
                  "Of 16-bit pictures: how many low bits the sensor fills, 9..16 (default: all 16)")
      ->type_name("N")
      ->check(CLI::Range(kFewestSignificantBits, kMostSignificantBits));
}

// Adds --apply-orientation. `apply` outlives the parsing; it stays false without the flag.
inline void AddApplyOrientation(CLI::App& command, bool& apply) {
  command.add_flag("--apply-orientation", apply,
                   "Turn JPEG, PNG and WebP pictures upright as their EXIF data says (TIFF always is)");
}

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_IMAGE_PICTURE_FLAGS_H_
