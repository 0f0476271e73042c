// What a port offers, as its reflection says.
#ifndef BAYESPFL_TESTS_SERVER_SECURITY_LISTED_METHODS_H_
#define BAYESPFL_TESTS_SERVER_SECURITY_LISTED_METHODS_H_

#include <string>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "tests/server/security/secure_server_fixture.h"

namespace bayespfl::server {

inline constexpr char kReflection[] = "grpc.reflection.v1alpha.ServerReflection";
inline constexpr char kHealth[] = "grpc.health.v1.Health";

// The methods of every service of the port. Fails the test when the client may not ask, or a service has no descriptor.
std::vector<const google::protobuf::MethodDescriptor*> ListMethods(const Client& client);

// "/package.Service/Method".
std::string PathOf(const google::protobuf::MethodDescriptor& method);

}  // namespace bayespfl::server

#endif  // BAYESPFL_TESTS_SERVER_SECURITY_LISTED_METHODS_H_
