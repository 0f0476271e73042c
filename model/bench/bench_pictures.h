// Pictures for measuring: what is on them is of no matter, as long as it is the same each time.
#ifndef BAYESPFL_MODEL_BENCH_BENCH_PICTURES_H_
#define BAYESPFL_MODEL_BENCH_BENCH_PICTURES_H_

#include <cstdint>

#include "model/image/image.h"

namespace bayespfl {

// Rectangles of many colours; the same number gives the same picture everywhere.
RgbImage DrawBenchPicture(int width, int height, uint32_t number);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_BENCH_BENCH_PICTURES_H_
