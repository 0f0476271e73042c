// The forms of FuseMaps(), each compiled for its instructions: nothing else may be compiled in their files.
#ifndef BAYESPFL_MODEL_KERNELS_MAP_FUSION_FORMS_H_
#define BAYESPFL_MODEL_KERNELS_MAP_FUSION_FORMS_H_

#include "model/kernels/map_fusion_task.h"

namespace bayespfl {

void FuseMapsPlain(const MapFusionTask& task);
void FuseMapsAvx2(const MapFusionTask& task);
void FuseMapsAvx512(const MapFusionTask& task);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_KERNELS_MAP_FUSION_FORMS_H_
