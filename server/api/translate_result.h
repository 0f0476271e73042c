// From the pipeline's results and models to the messages of the contract. All functions are thread-safe.
#ifndef BAYESPFL_SERVER_API_TRANSLATE_RESULT_H_
#define BAYESPFL_SERVER_API_TRANSLATE_RESULT_H_

#include "bayespfl/inspection/v1/inspection.pb.h"
#include "bayespfl/inspection/v1/model.pb.h"
#include "model/verdict/inspection.h"
#include "server/pipeline/frame.h"
#include "server/pipeline/served_model.h"

namespace bayespfl::server {

// The outcome as a message, but for the metadata. Takes the maps' bytes out of `outcome`.
inspection::v1::InspectResponse ToProto(InspectionOutcome outcome);

enum class Categories { kLeaveOut, kTell };

// `is_default`: it answers requests that name no model.
inspection::v1::Model ToProto(const ServedModel& model, bool is_default, Categories categories);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_TRANSLATE_RESULT_H_
