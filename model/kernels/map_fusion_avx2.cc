#include "model/kernels/avx2_floats.h"
#include "model/kernels/map_fusion_blocks.h"
#include "model/kernels/map_fusion_forms.h"

namespace bayespfl {

void FuseMapsAvx2(const MapFusionTask& task) { BlockedMapFusion<Avx2Floats>(task).Run(); }

}  // namespace bayespfl
