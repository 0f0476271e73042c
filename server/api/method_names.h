// The methods of the server's services, by the names that records and metrics call them.
#ifndef BAYESPFL_SERVER_API_METHOD_NAMES_H_
#define BAYESPFL_SERVER_API_METHOD_NAMES_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace bayespfl::server {

// "Inspect": of InspectionService and KServe's GRPCInferenceService, whose names differ.
std::vector<std::string> InspectionMethods();

// The full name of the service of each of them: "Inspect" is of "bayespfl.inspection.v1.InspectionService".
std::map<std::string, std::string, std::less<>> ServicesByMethod();

// "LoadModel": of ModelAdminService and ServerAdminService, whose names differ.
std::vector<std::string> AdminMethods();

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_METHOD_NAMES_H_
