#include "model/kernels/avx512_floats.h"
#include "model/kernels/map_fusion_blocks.h"
#include "model/kernels/map_fusion_forms.h"

namespace bayespfl {

void FuseMapsAvx512(const MapFusionTask& task) { BlockedMapFusion<Avx512Floats>(task).Run(); }

}  // namespace bayespfl
