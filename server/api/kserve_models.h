// What the Open Inference Protocol tells of models: their tensors, their configuration, and which there are.
// All functions are thread-safe.
#ifndef BAYESPFL_SERVER_API_KSERVE_MODELS_H_
#define BAYESPFL_SERVER_API_KSERVE_MODELS_H_

#include <vector>

#include "inference/grpc_service.pb.h"
#include "server/models/model_store.h"
#include "server/pipeline/pipeline.h"
#include "server/pipeline/served_model.h"

namespace bayespfl::server {

// Every tensor with all its dimensions, the number of pictures first: [-1] and, of maps, [-1, -1, -1].
inference::ModelMetadataResponse MetadataToProto(const ServedModel& model);

// The same tensors in the form of Triton's configurations. `max_batch_size` is 0: what the pictures' number is limited
// by is not Triton's batch, which would be a dimension besides.
inference::ModelConfig ConfigToProto(const ServedModel& model);

// READY: frames of the model are accepted. LOADING: there is none of that name yet. UNAVAILABLE with the reason: it
// could not be loaded, or serves nobody now. `ready_only` leaves out all but the first.
inference::RepositoryIndexResponse IndexToProto(const std::vector<ModelStatus>& models, const Pipeline& pipeline,
                                                bool ready_only);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_KSERVE_MODELS_H_
