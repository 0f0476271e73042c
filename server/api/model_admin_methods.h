// ModelAdminService (proto/bayespfl/admin/v1/model_admin.proto): puts calls to the store.
#ifndef BAYESPFL_SERVER_API_MODEL_ADMIN_METHODS_H_
#define BAYESPFL_SERVER_API_MODEL_ADMIN_METHODS_H_

#include <vector>

#include "server/api/admin_service.h"
#include "server/models/model_store.h"

namespace bayespfl::server {

// `store` outlives them, and is stopped before the gRPC server, so that every call ends.
std::vector<AdminMethod> ModelAdminMethods(ModelStore& store);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_MODEL_ADMIN_METHODS_H_
